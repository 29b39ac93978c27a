"""What is asked of Dagster's GraphQL."""

LOCATIONS = """
    { workspaceOrError { ... on Workspace { locationEntries { name updatedTimestamp locationOrLoadError {
        __typename ... on PythonError { message } } } } } }
"""
RELOAD = """
    mutation ($location: String!) { reloadRepositoryLocation(repositoryLocationName: $location) {
        ... on WorkspaceLocationEntry { locationOrLoadError { __typename ... on PythonError { message } } } } }
"""
RUNS = """
    { runsOrError(limit: 100) { ... on Runs { results { runId status pipelineName tags { key value } } } } }
"""
STEPS = """
    query ($run: ID!) { runOrError(runId: $run) { ... on Run { stepStats { stepKey } } } }
"""
EVENTS = """
    query ($run: ID!) { logsForRun(runId: $run) { ... on EventConnection { events {
        __typename
        ... on EngineEvent { metadataEntries { label ... on TextMetadataEntry { text } ... on IntMetadataEntry { intValue } } }
        ... on ExecutionStepFailureEvent { error { message cause { message } } } } } } }
"""
ASSETS = "{ assetNodes { assetKey { path } isPartitioned isMaterializable } }"
MATERIALISED = """
    query ($asset: String!) { assetNodeOrError(assetKey: {path: [$asset]}) { ... on AssetNode {
        assetMaterializations(limit: 100) { partition runId } } } }
"""
CHECKS = """
    { assetNodes { assetKey { path } assetChecksOrError { ... on AssetChecks { checks { name partitionStatuses {
        ... on AssetCheckTimePartitionStatuses { ranges { status startKey endKey } } } } } } } }
"""
EVALUATIONS = """
    query ($run: ID!) { logsForRun(runId: $run) { ... on EventConnection { events {
        ... on AssetCheckEvaluationEvent { evaluation { assetKey { path } checkName partition success } } } } } }
"""
SCHEDULE = """
    query ($schedule: String!, $location: String!) { scheduleOrError(scheduleSelector: {
        scheduleName: $schedule, repositoryName: "__repository__", repositoryLocationName: $location
    }) { ... on Schedule { scheduleState { status } } } }
"""

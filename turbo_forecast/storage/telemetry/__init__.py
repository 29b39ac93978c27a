"""Raw telemetry in, one value per series and day out, and every value that could not be used, with its reason.

Belongs here: what telemetry files look like (`sources`), which column is what (`layout`), what its times mean
(`clock`), what its units mean (`units`), what is refused or rejected (`validation`), and the pass itself (`reading`).
Does not belong here: the warehouse (the caller's transaction, `storage.warehouse`), and anything of Dagster.
"""

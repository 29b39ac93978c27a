"""The Dagster layer: thin assets, checks, jobs, sensors and resources; with `definitions.py` all code that imports dagster."""

import warnings

import dagster as dg

# partitions of asset checks and backfill policies are marked preview and beta; our end-to-end tests hold them to
# what we use, and the warnings (one per asset and check, at every start) would bury ours
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
warnings.filterwarnings("ignore", category=dg.BetaWarning)

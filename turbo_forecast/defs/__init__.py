"""Thin assets, checks, jobs and resources around the other floors: beside `definitions.py` all that imports dagster."""

import warnings

import dagster as dg

# partitions of asset checks and backfill policies are marked preview and beta; our end-to-end tests hold them to
# what we use, and the warnings (one per asset and check, at every start) would bury ours
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
warnings.filterwarnings("ignore", category=dg.BetaWarning)

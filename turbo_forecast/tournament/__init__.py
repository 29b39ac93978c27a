"""Scores and champions: pure functions on Polars frames, no storage, no Dagster."""

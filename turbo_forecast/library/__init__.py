"""`forecast_fleet`: a fleet's forecast as a function of frames.

Belongs here: what a caller hands in, what it gets back, and the run between. Does not belong here: how series are forecast (`fleet/`),
commands, and Dagster.
"""

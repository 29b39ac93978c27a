"""When a series reaches a threshold, and how probable that is: a model fitted on earlier windows, and its statements about the next.

Belongs here: pure functions on NumPy arrays and Polars frames. Does not belong here: storage, Dagster, forecasting.
"""

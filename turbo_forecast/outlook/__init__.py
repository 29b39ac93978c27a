"""When a series reaches a threshold, and how sure that is: learnt from earlier windows, stated for the next one.

Belongs here: pure functions on NumPy arrays and Polars frames. Does not belong here: storage, Dagster, forecasting.
"""

"""What is decided from the errors of folds: weights, champions, intervals, standings, scores.

Belongs here: pure functions on Polars frames and NumPy arrays. Does not belong here: storage, Dagster, forecasting.
"""

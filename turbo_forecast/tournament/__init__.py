"""What folds say of the entrants, and what follows: weights, champions, intervals, standings, scores.

Belongs here: pure functions on Polars frames and NumPy arrays. Does not belong here: storage, Dagster, forecasting.
"""

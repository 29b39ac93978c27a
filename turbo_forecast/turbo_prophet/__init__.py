"""Prophet's maximum a posteriori fit, solved in process.

Belongs here: calendar features, the solver, prediction and intervals, in numpy and numba.
Does not belong here: pandas, prophet, matplotlib (never imported), fleets, files.
"""

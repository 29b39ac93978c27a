"""Prophet's maximum a posteriori fit, solved in process.

Belongs here: calendar features, the solver, prediction and intervals, in numpy and numba; and `drop_in.py`, with `backend.py` and
`frame_checks.py`, the only modules that import pandas and prophet. Does not belong here: matplotlib, fleets, files but the
kernels' cache.
"""

"""What carries a run's tasks to workers, behind one seam (`protocol.py`): worker processes of this machine, or a Dask cluster."""

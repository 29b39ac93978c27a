"""What carries a run's tasks to workers, behind one seam (`protocol.py`): so far, worker processes of this machine."""

"""Columns that several tables share.

Belongs here: a column of the same name, type and meaning in two rooms or more. Does not belong here: tables.
"""

import polars as pl

from turbo_forecast.tables import Column

HOST = Column("host_id", pl.String, "the host, as telemetry names it")
RESOURCE = Column("resource", pl.String, "what is utilised: cpu, memory, disk, network, …")
CUTOFF = Column("cutoff", pl.Date, "last day of the partition's month; nothing after it was read")
MODEL = Column("model", pl.String, "the entrant that made the forecast")
FOLD = Column("fold", pl.Int32, "1, 2, …: the windows before the backtest, the latest first")
WINDOW = Column("window_name", pl.String, "backtest, or a window before it: fold 1 (the latest), fold 2, …")

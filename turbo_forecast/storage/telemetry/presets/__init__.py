"""Files that monitoring tools export, read by name: `telemetry: {preset: grafana}`.

A preset says how a tool's file is recognised, writes its rows anew as one plain table, and states the reader's options for
that table. The reader (`storage/telemetry`) then reads the table as it would any other: nothing is validated here.

Belongs here: a file a tool, and what several of them share (`export`, `series_names`, `cells`, `tables`).
Does not belong here: what values and times mean, and which values are usable (`storage/telemetry`).
"""

"""DATA and TELEMETRY on object storage: the store, what of the data folder lies in it, and this machine's copies of it.

Belongs here: whatever speaks to a store. Does not belong here: what an address is (`turbo_forecast/addresses.py`), and how a
run's unfinished work travels (`fleet/object_exchange.py`).
"""

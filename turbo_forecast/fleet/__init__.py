"""One run over all series: windows, the series store, chunks, worker processes, outcomes, audit.

Knows entrants by their protocol. Does not know Dagster, the warehouse or the tournament's rules.
"""

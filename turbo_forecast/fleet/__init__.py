"""One run over all series: the series store, three maps and three reductions, worker processes, what happened to each fit.

Knows entrants by their protocol. Does not know Dagster, the warehouse or the tournament's rules.
"""

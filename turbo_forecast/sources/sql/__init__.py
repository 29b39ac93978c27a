"""SQL databases as sources: a query with a window's start and end, answered as a stream of Arrow batches.

Belongs here: addresses, queries, one module a database system, what an answer's columns mean, and queries that are known
(`zabbix`). Does not belong here: other kinds of sources, and what becomes of the rows.
"""

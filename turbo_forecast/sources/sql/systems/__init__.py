"""One module a database system: how its driver is used, and what its errors mean.

Belongs here: all that differs between systems but literals (`query`). Does not belong here: what the columns mean (`rows`).
"""

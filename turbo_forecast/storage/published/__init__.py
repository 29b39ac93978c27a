"""`published/` in the data folder: what dashboards, commands, notebooks and reports read, and no run ever waits for.

A published month is a folder of Parquet files that is never changed, and a manifest that names it. The manifest is renamed
into place when the folder is whole, so readers see the month as it was before or as it is now; what is superseded stays for one
more publication, for those who are reading it.

Belongs here: writing and reading that. Does not belong here: what the tables mean, and questions to them (`answers/`).
"""

"""Landing: a month of a source is fetched once, kept as a file, and never lost again, whatever the source forgets.

Belongs here: which months are fetched, what of a former landing is kept, and doing it (`landing.py`). Does not belong here: how a
source is asked (`sources/`), where landed months lie (`storage/landed.py`), how the base table is made of them, and Dagster.
"""

"""Pictures of what was answered: charts of Altair that draw light or dark, and small lines for tables.

Belongs here: what is drawn, and how it becomes a picture, a page or the specification that a browser draws. Does not belong here:
what is true (`answers/`), and the pages it stands in (`dashboard/`, `report/`).
"""

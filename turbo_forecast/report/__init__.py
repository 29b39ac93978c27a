"""The month's report: one HTML file that can be mailed, printed and read anywhere, with no network and no script.

Belongs here: what it tells of a published month (`content.py` and a module a section), and how that becomes the file
(`html.py`, `writing.py`, `templates/`). Does not belong here: the dashboard, whose pages it links to, and the asset
(`defs/assets/month_report.py`).
"""

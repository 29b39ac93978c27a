"""A module a page; each has a `PAGE`, and `app.py` lists them in the order of the menu."""

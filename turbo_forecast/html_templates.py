"""How HTML templates are read: every text that one shows is escaped, and a name that it is not given is an error.

Belongs here: the one environment that pages, the report and charts have. Does not belong here: their templates, filters and words.
"""

from pathlib import Path

import jinja2


def environment(folder: Path) -> jinja2.Environment:
    """Templates of a folder. Hosts, reasons and messages are what others chose, so nothing of them is taken as HTML."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

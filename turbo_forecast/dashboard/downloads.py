"""Answers that a browser saves as a file.

Belongs here: the headers of it. Does not belong here: what is in a file (`answers/exports.py`).
"""

from starlette.responses import Response

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}


def download(content: bytes, name: str) -> Response:
    """A file of this name, which is plain ASCII; its ending says what it is."""
    kind = TYPES[name.rpartition(".")[2]]
    return Response(content, headers={"Content-Type": kind, "Content-Disposition": f'attachment; filename="{name}"'})

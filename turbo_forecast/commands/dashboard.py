"""`turbo-forecast dashboard`: serve the planner's pages.

Does not belong here: the pages, and how they are served (`dashboard/`).
"""

from importlib.util import find_spec
from pathlib import Path

from turbo_forecast.errors import SettingsError

NEEDED = ("starlette", "uvicorn")


def dashboard(data: str, host: str, port: int) -> int:
    """0: it was ended. Raises SettingsError where what serves pages is not installed."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise SettingsError(f"{' and '.join(missing)} is not installed: pip install 'turbo-forecast[dashboard]'")
    from turbo_forecast.dashboard.serving import serve

    return serve(Path(data), host, port)

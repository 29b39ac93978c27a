"""Names that the entrants' protocol had before, for entrants of other packages: they work, with a DeprecationWarning.

Belongs here: what an older entrant still calls or defines. Does not belong here: any entrant of this package.
"""

import warnings
from typing import Any, cast

from turbo_forecast.models.protocol import Entrant, Forecast, Window

METHOD = "project"
"""What `Entrant.forecast` was called."""


class _FormerEntrant:
    """An entrant that defines `project`, as one that defines `forecast`."""

    def __init__(self, entrant: Any) -> None:
        self._entrant = entrant

    def forecast(self, window: Window) -> Forecast:
        """What its method `project` returns."""
        return cast(Forecast, self._entrant.project(window))


def with_forecast(entrant: Any) -> Entrant:
    """The entrant itself; one that has the method `project` in the place of `forecast` is wrapped, with a DeprecationWarning."""
    if hasattr(entrant, "forecast") or not callable(getattr(entrant, METHOD, None)):
        return cast(Entrant, entrant)
    warnings.warn(
        f"{type(entrant).__name__}.project: an entrant's method is called forecast now; project will not be called in a later version",
        DeprecationWarning,
        stacklevel=2,
    )
    return _FormerEntrant(entrant)

"""Prophet at other settings, each an entrant of its own: what one number of its prior changes on real series.

Mean MASE over TOURNAMENT.md's ten cutoffs of 208 to 329 car parks: smooth year (order 4) 1.841, linear growth with tight
priors 1.849, prophet at the run's settings 1.862, late changepoints 1.866, multiplicative 1.910, stiff trend 1.985,
flexible trend 1.991. They are shown series without their cycle by day of the month (`month_cycle.py`); `prophet` itself is
Facebook's model, and sees everything.
Belongs here: the variants. Does not belong here: how Prophet is solved (`prophet.py` and its engines).
"""

from collections.abc import Callable

from turbo_forecast.models import level_kernel_set, prophet
from turbo_forecast.models.month_cycle import MonthCycle
from turbo_forecast.models.protocol import Entrant, Forecast, Window
from turbo_forecast.settings import ForecastSettings

VARIANTS: dict[str, dict[str, object]] = {
    "prophet_smooth": {"yearly_order": 4},
    "prophet_linear": {"growth": "linear", "seasonality_prior_scale": 0.02, "changepoint_prior_scale": 0.02},
    "prophet_late": {"changepoint_range": 0.95},
    "prophet_flexible": {"changepoint_prior_scale": 0.5},
    "prophet_stiff": {"changepoint_prior_scale": 0.005},
    "prophet_multiplicative": {"seasonality_mode": "multiplicative"},
}
"""Entrant to the settings it overrides; all others are the run's."""
YEAR_DAYS = 365
PREPARED_WITH = (prophet, level_kernel_set)
"""The modules whose kernels the variants need."""


def tuned(name: str, settings: ForecastSettings) -> ForecastSettings:
    """The run's settings with the variant's own in their place; for any other name, the run's."""
    return settings.model_copy(update=VARIANTS.get(name, {}))


class SmoothYear:
    """A year of few Fourier terms where the window has seen a whole one; else Prophet's own rule, which is no year.

    Fitted to part of a year, a seasonality extrapolates what it has never seen: on new hosts of the demo fleet the
    mean MASE doubled.
    """

    def __init__(self, settings: ForecastSettings) -> None:
        self._seen = prophet.build(tuned("prophet_smooth", settings))
        self._unseen = prophet.build(settings)

    def forecast(self, window: Window) -> Forecast:
        """Forecast the window."""
        spanned = int(window.days[-1] - window.days[0]) if window.days.size else 0
        return (self._seen if spanned >= YEAR_DAYS else self._unseen).forecast(window)


def _variant(name: str) -> Callable[[ForecastSettings], Entrant]:
    def build(settings: ForecastSettings) -> Entrant:
        return MonthCycle(prophet.build(tuned(name, settings)))

    return build


def smooth(settings: ForecastSettings) -> Entrant:
    """The entrant `prophet_smooth`."""
    return MonthCycle(SmoothYear(settings))


linear = _variant("prophet_linear")
late = _variant("prophet_late")
flexible = _variant("prophet_flexible")
stiff = _variant("prophet_stiff")
multiplicative = _variant("prophet_multiplicative")

"""The run's Prophet options in the words of the solver, for either engine.

Belongs here: which model is meant. Does not belong here: an engine, or anything that imports numba or prophet.
"""

from turbo_forecast.settings import ForecastSettings
from turbo_forecast.turbo_prophet.features import Spec


def spec_of(settings: ForecastSettings) -> Spec:
    """The run's Prophet options as the solver's specification; seasons keep to the phases that were observed."""
    return Spec(
        growth=settings.growth,
        n_changepoints=settings.n_changepoints,
        changepoint_range=settings.changepoint_range,
        yearly_seasonality=settings.yearly_order or "auto",
        changepoint_prior_scale=settings.changepoint_prior_scale,
        seasonality_mode=settings.seasonality_mode,
        seasonality_prior_scale=settings.seasonality_prior_scale,
        known_phases_only=True,
    )

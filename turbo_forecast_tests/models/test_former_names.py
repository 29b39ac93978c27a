"""Entrants of other packages that were written for the protocol's former names still take part, and hear of the new ones."""

import sys
from pathlib import Path

import numpy as np
import pytest

from turbo_forecast.models import protocol
from turbo_forecast.models.former_names import with_forecast
from turbo_forecast.models.month_cycle import MonthCycle
from turbo_forecast.models.protocol import Forecast, Window
from turbo_forecast.models.registry import build_entrant, check_entrants
from turbo_forecast.settings import forecast_settings

WINDOW = Window(np.arange(100), np.full(100, 7.0), np.arange(100, 103), seed=1)
SOURCE = """
import numpy as np
from turbo_forecast.models.protocol import Projection

class Last:
    def project(self, window):
        flat = np.full(3, window.y[-1])
        return Projection(flat, flat - 1, flat + 1, solver="own")

def build(settings) -> Last:
    return Last()
"""


class Former:
    def project(self, window: Window) -> Forecast:
        flat = np.full(3, window.y[-1])
        return Forecast(flat, flat - 1, flat + 1, solver="own")


def test_an_entrant_with_the_former_method_takes_part_and_is_told_the_new_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "former_entrant.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "former_entrant", raising=False)
    settings = forecast_settings(entrants=["prophet", "former_entrant:build"])
    with pytest.warns(DeprecationWarning, match="Projection is called Forecast now"):
        check_entrants(settings)
    with pytest.warns(DeprecationWarning, match=r"Last\.project: an entrant's method is called forecast now"):
        entrant = build_entrant("former_entrant:build", settings)
    assert entrant.forecast(WINDOW).yhat.tolist() == [7.0, 7.0, 7.0]


def test_an_entrant_with_the_new_method_is_itself() -> None:
    entrant = MonthCycle(with_forecast(build_entrant("recent_level", forecast_settings())))
    assert with_forecast(entrant) is entrant


def test_a_wrapped_entrant_may_have_the_former_method() -> None:
    with pytest.warns(DeprecationWarning, match="Former.project"):
        wrapped = MonthCycle(Former())  # type: ignore[arg-type]  # what is tried here
    assert wrapped.forecast(WINDOW).lower.tolist() == [6.0, 6.0, 6.0]


def test_the_former_name_of_a_windows_horizon_gives_the_horizon() -> None:
    with pytest.warns(DeprecationWarning, match="Window.asked is called horizon now"):
        assert WINDOW.asked is WINDOW.horizon


def test_the_former_name_of_a_forecast_is_the_same_class() -> None:
    with pytest.warns(DeprecationWarning, match="Projection is called Forecast now"):
        assert protocol.Projection is Forecast
    with pytest.raises(AttributeError, match="no attribute Projections"):
        protocol.Projections  # noqa: B018  # asking for it is what is tried

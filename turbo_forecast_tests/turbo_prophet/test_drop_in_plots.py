"""What Prophet draws and measures of a TurboProphet is what it draws and measures of a Prophet."""

import copy
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from prophet import Prophet
from prophet import plot as drawing
from prophet.diagnostics import cross_validation, performance_metrics
from prophet.serialize import model_from_json, model_to_json

from reference.synthetic import frame, series
from turbo_forecast.turbo_prophet.drop_in import TurboProphet

mpl.use("Agg")

from matplotlib import pyplot as plt

DAYS = 800
NEW_YEAR = pd.DataFrame({"holiday": "new year", "ds": pd.to_datetime(["2023-01-01", "2024-01-01", "2025-01-01"])})
SCHOOL_DAYS = "is_term"


@dataclass(frozen=True)
class Case:
    """A model as people set it up, and its frame."""

    options: dict[str, Any] = field(default_factory=dict)
    monthly: bool = False
    regressor: str = ""
    conditional: bool = False
    hours: int = 24

    def model(self, of: type[Prophet]) -> Prophet:
        model = of(**{"uncertainty_samples": 40, **self.options})
        if self.monthly:
            model.add_seasonality("monthly", period=30.5, fourier_order=3)
        if self.regressor:
            model.add_regressor("load", mode=self.regressor)
        if self.conditional:
            model.add_seasonality("weekly in term", period=7, fourier_order=2, condition_name=SCHOOL_DAYS)
        return model

    def frame(self, rows: int) -> pd.DataFrame:
        ds = pd.date_range("2023-01-01", periods=rows, freq=f"{self.hours}h")
        at = np.arange(rows)
        columns = {"cap": 120.0, "floor": 0.0, "load": (at % 5) / 5.0, SCHOOL_DAYS: ds.month.isin([1, 2, 3, 10, 11])}
        return pd.DataFrame({"ds": ds, **columns})


CASES = {
    "logistic with holidays": Case({"growth": "logistic", "holidays": NEW_YEAR}, monthly=True, regressor="additive"),
    "multiplicative": Case({"seasonality_mode": "multiplicative"}, monthly=True, regressor="multiplicative"),
    "flat without draws": Case({"growth": "flat", "uncertainty_samples": 0}),
    "conditional": Case({"weekly_seasonality": False}, conditional=True),
    # Every five hours: every six, a daily wave of order 4 would be a constant, which only the prior tells from the trend.
    "hourly": Case({"yearly_seasonality": False}, hours=5),
}


@dataclass(frozen=True)
class Pair:
    """A stock Prophet and a TurboProphet of one history, and what they are to predict."""

    stock: Prophet
    turbo: TurboProphet
    future: pd.DataFrame

    def predictions(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        return _seeded(self.stock.predict, self.future), _seeded(self.turbo.predict, self.future)

    def pictures(self, draw: Callable[[Prophet, pd.DataFrame], Any]) -> tuple[Any, Any]:
        """What is drawn of the TurboProphet's prediction, and of stock's."""
        of_stock, of_turbo = self.predictions()
        return _seeded(draw, self.turbo, of_turbo), _seeded(draw, self.stock, of_stock)


def _seeded(work: Callable[..., Any], *arguments: Any) -> Any:
    """What it gives, with the draws that Prophet takes from NumPy's global generator."""
    np.random.seed(7)
    return work(*arguments)


@pytest.fixture(scope="module", params=CASES)
def pair(request: pytest.FixtureRequest) -> Pair:
    case = CASES[request.param]
    future = case.frame(DAYS + 60)
    history = future.head(DAYS).assign(y=frame(series("smooth", 4, DAYS))["y"])
    stock, turbo = (case.model(of).fit(history) for of in (Prophet, TurboProphet))
    assert isinstance(turbo, TurboProphet)
    return Pair(stock, turbo, future)


@pytest.fixture(scope="module")
def twins(pair: Pair) -> Pair:
    """The same two with the same parameters: whatever is drawn of them must be the same, to rounding."""
    twin = copy.copy(pair.turbo)  # the pair's own keeps its fit for the tests beside
    twin.params = pair.stock.params
    return replace(pair, turbo=twin)


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    yield
    plt.close("all")


def drawn(figure: Figure) -> list[dict[str, Any]]:
    """All that can be seen of a figure, axis by axis: words, kinds, colours, and the numbers that are drawn."""
    return [
        {
            "words": [axis.get_xlabel(), axis.get_ylabel(), axis.get_title(), *_legend(axis)],
            "y ticks": type(axis.yaxis.get_major_formatter()).__name__,
            "lines": [
                (each.get_label(), each.get_linestyle(), each.get_color(), each.get_marker()) for each in axis.lines
            ],
            "bands": [(each.get_label(), each.get_alpha()) for each in _bands(axis)],
            "numbers": [
                *(np.column_stack([mpl.dates.date2num(each.get_xdata()), each.get_ydata()]) for each in axis.lines),
                *(path.vertices for each in _bands(axis) for path in each.get_paths()),
            ],
        }
        for axis in figure.axes
    ]


def _bands(axis: Any) -> list[PolyCollection]:
    return [each for each in axis.collections if isinstance(each, PolyCollection)]


def _legend(axis: Any) -> list[str]:
    return [text.get_text() for text in axis.get_legend().get_texts()] if axis.get_legend() else []


def assert_same(ours: list[dict[str, Any]], stocks: list[dict[str, Any]], tolerance: float) -> None:
    """tolerance: of a number, in the units of its axis; shapes, words and colours have none."""
    assert [{name: of[name] for name in of if name != "numbers"} for of in ours] == [
        {name: of[name] for name in of if name != "numbers"} for of in stocks
    ]
    for of_ours, of_stocks in zip(ours, stocks, strict=True):
        for found, expected in zip(of_ours["numbers"], of_stocks["numbers"], strict=True):
            np.testing.assert_allclose(
                np.asarray(found, dtype=float), np.asarray(expected, dtype=float), rtol=0, atol=tolerance
            )


PICTURES: dict[str, Callable[[Prophet, pd.DataFrame], Figure]] = {
    "plot": lambda model, forecast: model.plot(forecast),
    "plot with a legend and words": lambda model, forecast: model.plot(
        forecast, xlabel="day", ylabel="percent", figsize=(8, 4), include_legend=True
    ),
    "plot without band and cap": lambda model, forecast: model.plot(forecast, uncertainty=False, plot_cap=False),
    "components": lambda model, forecast: model.plot_components(forecast),
    "components from Monday on": lambda model, forecast: model.plot_components(
        forecast, uncertainty=False, plot_cap=False, weekly_start=1, yearly_start=31, figsize=(6, 9)
    ),
}


@pytest.mark.parametrize("picture", PICTURES)
def test_of_the_same_parameters_the_same_picture_is_drawn(twins: Pair, picture: str) -> None:
    ours, stocks = twins.pictures(PICTURES[picture])
    assert_same(drawn(ours), drawn(stocks), tolerance=1e-6)


@pytest.mark.parametrize("picture", ["plot", "components"])
def test_of_its_own_fit_the_picture_has_all_that_stocks_has_and_hardly_differs(pair: Pair, picture: str) -> None:
    ours, stocks = pair.pictures(PICTURES[picture])
    assert_same(drawn(ours), drawn(stocks), tolerance=3.0)  # percentage points: stock stops short of the maximum


def test_changepoints_are_added_to_the_picture_as_to_stocks(twins: Pair) -> None:
    def with_changepoints(model: Prophet, forecast: pd.DataFrame) -> Figure:
        figure = model.plot(forecast)
        assert drawing.add_changepoints_to_plot(figure.gca(), model, forecast, threshold=0.0)
        return figure

    ours, stocks = twins.pictures(with_changepoints)
    assert_same(drawn(ours), drawn(stocks), tolerance=1e-6)


def test_a_picture_is_drawn_into_axes_of_ones_own() -> None:
    model = TurboProphet(uncertainty_samples=10).fit(frame(series("smooth", 4, 200))[["ds", "y"]])
    figure, (left, right) = plt.subplots(1, 2)
    assert model.plot(model.predict(), ax=right) is figure
    assert (len(left.lines), len(right.lines)) == (0, 2)


def test_the_single_components_are_drawn_as_stocks(twins: Pair) -> None:
    for name in twins.stock.seasonalities:
        ours, stocks = (_seeded(drawing.plot_seasonality, model, name) for model in (twins.turbo, twins.stock))
        assert [type(each) for each in ours] == [type(each) for each in stocks]
        np.testing.assert_allclose(ours[0].get_ydata(), stocks[0].get_ydata(), atol=1e-9)


def _in_plotly(model: Prophet, forecast: pd.DataFrame) -> list[Any]:
    """The traces of Prophet's interactive pictures, and what becomes of `plot_plotly`, which Prophet 1.5.0 fails in."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas on what Prophet does with Python's datetimes
        traces = list(drawing.plot_components_plotly(model, forecast).data)
        traces += drawing.plot_forecast_component_plotly(model, forecast, "trend").data
        try:
            traces += drawing.plot_plotly(model, forecast, trend=True, changepoints=True).data
        except ValueError as error:
            traces.append(str(error))
    return traces


def test_plotlys_figures_are_stocks(twins: Pair) -> None:
    pytest.importorskip("plotly", reason="plotly, for Prophet's interactive figures, is not installed")
    ours, stocks = twins.pictures(_in_plotly)
    assert len(ours) > 3
    for our, stock in zip(ours, stocks, strict=True):
        if isinstance(stock, str):
            assert our == stock
        else:
            assert (our.name, our.type, our.mode, our.line.color) == (
                stock.name,
                stock.type,
                stock.mode,
                stock.line.color,
            )
            np.testing.assert_allclose(np.asarray(our.y, dtype=float), np.asarray(stock.y, dtype=float), atol=1e-6)


# Diagnostics

WINDOWS: dict[str, Any] = {"initial": "500 days", "period": "90 days", "horizon": "30 days", "disable_tqdm": True}


def test_cross_validation_gives_stocks_rows_and_about_its_errors() -> None:
    history = frame(series("smooth", 4, DAYS))
    found, expected = (cross_validation(_seeded(of().fit, history), **WINDOWS) for of in (TurboProphet, Prophet))
    assert list(found.columns) == list(expected.columns)
    pd.testing.assert_frame_equal(found[["ds", "y", "cutoff"]], expected[["ds", "y", "cutoff"]])
    ours, stocks = performance_metrics(found), performance_metrics(expected)
    assert list(ours.columns) == list(stocks.columns)
    np.testing.assert_allclose(ours["mae"], stocks["mae"], rtol=0.1)
    for each in (found, expected):
        axis = drawing.plot_cross_validation_metric(each, metric="mae").gca()
        assert (axis.get_xlabel(), axis.get_ylabel(), len(axis.lines)) == ("Horizon (days)", "mae", 2)


def test_a_model_that_was_written_and_read_is_drawn_as_before(twins: Pair) -> None:
    before = drawn(twins.turbo.plot(twins.predictions()[1]))
    read = model_from_json(model_to_json(twins.turbo))
    for model in (read, TurboProphet.from_stock(read)):
        again = _seeded(model.predict, twins.future)
        assert_same(drawn(model.plot(again)), before, tolerance=1e-6)

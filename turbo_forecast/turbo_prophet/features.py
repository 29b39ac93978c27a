"""Prophet's preparation of a series: scaled time, changepoints, seasonality, scaled values. Equal to the last bit.

Belongs here: Prophet's rules, as functions of numpy arrays. Does not belong here: caches, solving, data frames.
Every function keeps Prophet's order of operations (forecaster.py, 1.5): rearranging them changes the last bits.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.turbo_prophet.problem import GROWTHS, Growth, Problem, Vector

Stamps = NDArray[np.datetime64]
Switch = Literal["auto"] | bool | int

_DAY = np.timedelta64(1, "D")
SEASONS: tuple[tuple[str, float, int], ...] = (("yearly", 365.25, 10), ("weekly", 7.0, 3), ("daily", 1.0, 4))
_TICKS_PER_SECOND = {"D": None, "h": None, "m": None, "s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


@dataclass(frozen=True)
class Spec:
    """A Prophet model without holidays and regressors. Names, defaults and meanings are those of Prophet's constructor, but for
    the last: `known_phases_only` keeps a daily calendar's seasons to the phases that were observed (`known_phases.py`). `prepare`
    does what Prophet does, and takes no notice of it."""

    growth: Growth = "linear"
    n_changepoints: int = 25
    changepoint_range: float = 0.8
    yearly_seasonality: Switch = "auto"
    weekly_seasonality: Switch = "auto"
    daily_seasonality: Switch = "auto"
    seasonality_mode: Literal["additive", "multiplicative"] = "additive"
    seasonality_prior_scale: float = 10.0
    changepoint_prior_scale: float = 0.05
    scaling: Literal["absmax", "minmax"] = "absmax"
    known_phases_only: bool = False

    def __post_init__(self) -> None:
        if self.growth not in GROWTHS:
            raise ValueError(f"growth must be one of {', '.join(GROWTHS)}, not {self.growth!r}")
        if self.seasonality_mode not in ("additive", "multiplicative"):
            raise ValueError(f"seasonality_mode must be additive or multiplicative, not {self.seasonality_mode!r}")
        if self.scaling not in ("absmax", "minmax"):
            raise ValueError(f"scaling must be absmax or minmax, not {self.scaling!r}")
        if not 0 <= self.changepoint_range <= 1:
            raise ValueError("changepoint_range must be in [0, 1]")
        if not (self.seasonality_prior_scale > 0 and self.changepoint_prior_scale > 0):
            raise ValueError("prior scales must be positive")

    @property
    def indicator(self) -> int:
        """Stan's trend_indicator."""
        return GROWTHS.index(self.growth)


def from_days(days: NDArray[np.integer]) -> Stamps:
    """Days since 1970-01-01 as the nanosecond stamps Prophet would see."""
    return np.asarray(days, dtype=np.int64).astype("datetime64[D]").astype("datetime64[ns]")


def as_stamps(ds: NDArray[Any]) -> Stamps:
    """Whole days (integers), days with fractions (floats) or datetime64 as datetime64 finer than a day."""
    ds = np.asarray(ds)
    if ds.dtype.kind in "iu":
        return from_days(ds)
    if ds.dtype.kind == "f":
        return np.round(ds * 86_400e9).astype(np.int64).astype("datetime64[ns]")
    if ds.dtype.kind != "M":
        raise TypeError(f"ds must be days since 1970 or datetime64, not {ds.dtype}")
    stamps: Stamps = ds.astype(ds.dtype)
    unit = np.datetime_data(stamps.dtype)[0]
    return stamps if _TICKS_PER_SECOND.get(unit) else stamps.astype("datetime64[ns]")


def epoch_days(stamps: Stamps) -> Vector:
    """(n,) days since 1970 as floats: pandas' total_seconds(), then / 86,400."""
    ticks = _TICKS_PER_SECOND[np.datetime_data(stamps.dtype)[0]]
    assert ticks is not None
    return (stamps.astype(np.int64) / ticks) / (24 * 60 * 60)


def scaled_time(stamps: Stamps, start: np.datetime64, span: np.timedelta64) -> Vector:
    """(n,) time as a share of the history: 0 at its start, 1 at its end."""
    unit = np.datetime_data(stamps.dtype)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((stamps - start) / span.astype(f"timedelta64[{unit}]"), dtype=np.float64)


def fourier(days: Vector, period: float, order: int) -> Vector:
    """(n, 2 order): sin and cos of the first harmonics of a period in days, interleaved."""
    turns = np.pi * 2 * days
    columns = np.empty((days.size, 2 * order))
    for i in range(order):
        angle = (i + 1) / period * turns
        columns[:, 2 * i] = np.sin(angle)
        columns[:, 2 * i + 1] = np.cos(angle)
    return columns


def changepoint_rows(rows: int, n_changepoints: int, changepoint_range: float) -> NDArray[np.int64]:
    """Rows of the history at which the rate may change; fewer when the history is short."""
    size = int(np.floor(rows * changepoint_range))
    n = min(n_changepoints, size - 1)
    if n <= 0:
        return np.empty(0, np.int64)
    return np.linspace(0, size - 1, n + 1).round().astype(np.int64)[1:]


def season_orders(stamps: Stamps, spec: Spec) -> tuple[int, int, int]:
    """Fourier orders of the yearly, weekly and daily seasonality (0: off), from a sorted history's span and spacing."""
    span = stamps[-1] - stamps[0]
    gaps = np.diff(stamps)
    gaps = gaps[gaps != np.timedelta64(0)]
    spacing = gaps.min() if gaps.size else None
    off = (
        span < 730 * _DAY,
        span < 14 * _DAY or (spacing is not None and spacing >= 7 * _DAY),
        span < 2 * _DAY or (spacing is not None and spacing >= _DAY),
    )
    switches = (spec.yearly_seasonality, spec.weekly_seasonality, spec.daily_seasonality)
    orders = [
        _order(switch, bool(o), default) for switch, o, (_, _, default) in zip(switches, off, SEASONS, strict=True)
    ]
    return orders[0], orders[1], orders[2]


def _order(switch: Switch, off: bool, default: int) -> int:
    if switch == "auto":
        return 0 if off else default
    if switch is True:
        return default
    return max(int(switch), 0)


def season_features(days: Vector, orders: tuple[int, int, int]) -> Vector:
    """(n, K) seasonality columns; one column of zeros if there is no seasonality, as Prophet's dummy."""
    blocks = [fourier(days, period, order) for (_, period, _), order in zip(SEASONS, orders, strict=True) if order > 0]
    return np.concatenate(blocks, axis=1) if blocks else np.zeros((days.size, 1))


@dataclass(frozen=True)
class Columns:
    """Priors and modes of the feature columns."""

    sigmas: Vector  # (K,)
    s_a: Vector  # (K,), 1 where a column is additive
    s_m: Vector  # (K,), 1 where it multiplies the trend


def season_columns(orders: tuple[int, int, int], spec: Spec) -> Columns:
    """Priors and modes of `season_features`' columns."""
    k = 2 * sum(orders)
    if k == 0:
        return Columns(np.ones(1), np.zeros(1), np.zeros(1))
    on = np.ones(k)
    multiplicative = spec.seasonality_mode == "multiplicative"
    return Columns(np.full(k, float(spec.seasonality_prior_scale)), on * (not multiplicative), on * multiplicative)


@dataclass(frozen=True)
class Scale:
    """How values were scaled: scaled = (value - floor) / y_scale."""

    y_scale: float
    y_min: float
    has_floor: bool  # a floor was given (logistic only); else the floor is 0 (absmax) or y_min (minmax)

    def floor(self, given: Vector | float | None) -> Vector | float:
        """The floor Prophet uses, in the data's unit."""
        if self.has_floor:
            assert given is not None
            return given
        return self.y_min


def value_scale(y: Vector, spec: Spec, cap: Vector | float | None, floor: Vector | float | None) -> Scale:
    """Prophet's initialize_scales. A given floor counts for logistic growth only."""
    has_floor = spec.growth == "logistic" and floor is not None
    if has_floor and spec.scaling == "absmax":
        sizes = np.abs(y - np.asarray(floor, dtype=np.float64))
        y_min, y_scale = float(sizes.min()), float(sizes.max())
    elif has_floor:
        assert cap is not None
        y_min = float(np.min(np.asarray(floor, dtype=np.float64)))
        y_scale = float(np.max(np.asarray(cap, dtype=np.float64)) - y_min)
    elif spec.scaling == "absmax":
        y_min, y_scale = 0.0, float(np.abs(y).max())
    else:
        y_min, y_scale = float(y.min()), float(y.max() - y.min())
    return Scale(y_scale if y_scale != 0 else 1.0, y_min, has_floor)


def require_cap(cap: Vector | float, floor: Vector | float) -> None:
    """Raises ValueError for a cap or a floor that is not finite, or a cap that is not above the floor in use (`Scale.floor`)."""
    for name, values in (("cap", cap), ("floor", floor)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name} has values that are not finite")
    if np.any(np.asarray(cap) <= floor):
        raise ValueError("cap must be greater than floor (which defaults to 0, or to the lowest y with minmax scaling)")


@dataclass(frozen=True)
class Prepared:
    """A series on Prophet's scale: its problem, and what prediction needs to come back."""

    problem: Problem
    scale: Scale
    start: np.datetime64
    span: np.timedelta64
    orders: tuple[int, int, int]
    n_changepoints: int  # 0: t_change holds one dummy changepoint at 0


def prepare(
    ds: NDArray[Any],
    y: Vector,
    spec: Spec,
    cap: Vector | float | None = None,
    floor: Vector | float | None = None,
) -> Prepared:
    """What Prophet's preprocess hands to Stan, for any timestamps (see `as_stamps`). Rows without a value (nan) are
    left out.

    Raises ValueError for fewer than two values, infinities, a missing cap or one that is infinite or not above the floor.
    """
    stamps, y = as_stamps(ds), np.asarray(y, dtype=np.float64)
    keep = ~np.isnan(y)
    if np.isinf(y).any():
        raise ValueError("found infinity in y")
    if keep.sum() < 2:
        raise ValueError("fewer than 2 values")
    order = np.flatnonzero(keep)[np.argsort(stamps[keep], kind="stable")]
    rows = stamps.size
    caps = None if cap is None else np.broadcast_to(np.asarray(cap, np.float64), (rows,))[order]
    floors = None if floor is None else np.broadcast_to(np.asarray(floor, np.float64), (rows,))[order]
    stamps, y = stamps[order], y[order]
    scale = value_scale(y, spec, caps, floors)
    base = scale.floor(floors)
    if spec.growth == "logistic":
        if caps is None:
            raise ValueError("logistic growth needs a cap")
        require_cap(caps, base)
        cap_scaled = (caps - base) / scale.y_scale
    else:
        cap_scaled = np.zeros(y.size)
    start, span = stamps[0], stamps[-1] - stamps[0]
    t = scaled_time(stamps, start, span)
    if not np.isfinite(t).all():
        raise ValueError("all values have the same time")
    changes = changepoint_rows(y.size, spec.n_changepoints, spec.changepoint_range)
    orders = season_orders(stamps, spec)
    columns = season_columns(orders, spec)
    problem = Problem(
        t=t,
        y=np.ascontiguousarray((y - base) / scale.y_scale),
        cap=np.ascontiguousarray(cap_scaled),
        t_change=np.sort(t[changes]) if changes.size else np.zeros(1),
        X=season_features(epoch_days(stamps), orders),
        sigmas=columns.sigmas,
        tau=float(spec.changepoint_prior_scale),
        trend_indicator=spec.indicator,
        s_a=columns.s_a,
        s_m=columns.s_m,
    )
    return Prepared(problem, scale, start, span, orders, int(changes.size))

"""Conformal intervals: nominal coverage where the theory promises it, quantiles against NumPy, and by hand."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import frame_calibration
from reference.product_calibration import product_calibrate
from turbo_forecast.schemas import CALIBRATION
from turbo_forecast.tournament.calibration import EarlierWindows, Months, Residuals, calibrate

CUTOFF = date(2025, 12, 31)
SERIES = {"host_id": pl.String, "resource": pl.String}
FORECAST = dict.fromkeys(("yhat", "yhat_lower", "yhat_upper", "apart", "jump"), pl.Float64)
RESIDUALS = {**SERIES, "fold": pl.Int32, "horizon_month": pl.Int32, "y": pl.Float64, **FORECAST}


def residuals(
    errors: np.ndarray | list[float],
    *,
    host: str = "a",
    resource: str = "cpu",
    fold: int = 1,
    month: int = 1,
    below: float = 1.0,
    above: float = 1.0,
    apart: float | None = None,
    jump: float = 0.0,
    level: float = 50.0,
) -> pl.DataFrame:
    """Days of one window and month, with y - yhat and the entrant's own half-widths as given; without another entrant."""
    columns = {"host_id": host, "resource": resource, "fold": fold, "horizon_month": month}
    forecast = {"yhat": level, "yhat_lower": level - below, "yhat_upper": level + above, "apart": apart, "jump": jump}
    return pl.DataFrame({**columns, "y": level + np.asarray(errors), **forecast}, schema=RESIDUALS, strict=False)


def series(*hosts: str, resource: str = "cpu") -> pl.DataFrame:
    return pl.DataFrame({"host_id": list(hosts), "resource": resource}, schema=SERIES)


def scales(**by_host: float) -> pl.DataFrame:
    parts = [{"host_id": host, "resource": "cpu", "scale": scale} for host, scale in by_host.items()]
    return pl.DataFrame(parts, schema={**SERIES, "scale": pl.Float64})


def asked_for(
    asked: pl.DataFrame,
    months: int,
    below: float = 1.0,
    above: float = 1.0,
    *,
    apart: float | None = None,
    jump: float = 0.0,
    level: float = 50.0,
) -> pl.DataFrame:
    """Two days of every month of every series, with own half-widths whose mean is as given."""
    days = pl.DataFrame({"horizon_month": [*range(1, months + 1)] * 2, "times": [0.5] * months + [1.5] * months})
    return asked.join(days.cast({"horizon_month": pl.Int32}), how="cross").select(
        *SERIES,
        "horizon_month",
        yhat=pl.lit(level),
        yhat_lower=level - below * pl.col("times"),
        yhat_upper=level + above * pl.col("times"),
        apart=pl.lit(apart, pl.Float64),
        jump=pl.lit(jump),
    )


def calibration_of(rows: pl.DataFrame, known: pl.DataFrame, published: pl.DataFrame, width: float = 0.8):
    options = {"cutoff": CUTOFF, "phase": "forecast", "interval_width": width}
    found = product_calibrate(rows, published, known, **options)
    assert found.schema == CALIBRATION.polars_schema
    assert found.equals(found.sort(CALIBRATION.key))
    batch = max(1, rows.height // 9)
    assert found.equals(product_calibrate(rows, published, known, batch_days=batch, **options)), (
        "in batches of any size"
    )
    return found


def found_for(rows: pl.DataFrame, known: pl.DataFrame, asked: pl.DataFrame, months: int = 1, width: float = 0.8):
    return calibration_of(rows, known, asked_for(asked, months), width)


def unit(scale: float | np.ndarray, width: float = 1.0, apart: float | None = None) -> float | np.ndarray:
    """Six parts of own half-width and two of the entrants' spread, which count between a tenth and ten times the scale, to two of
    scale, in logs."""
    own, spread = (np.clip(each, scale / 10, scale * 10) for each in (width, scale if apart is None else apart))
    return np.exp(0.6 * np.log(own) + 0.2 * np.log(spread) + 0.2 * np.log(scale))


def level_of(windows: int, shown: int, width: float = 0.8) -> float:
    """The share of days inside one bound: three tenths of its tail, over the windows that each series has shown, are held back."""
    return np.ceil((windows + 1) * (1 - (1 - width) / 2 * (1 - 0.3 / shown)) - 1e-9) / windows


@pytest.mark.slow
@pytest.mark.sweep(keep=1)
@pytest.mark.parametrize("width", [0.5, 0.8, 0.9])
def test_coverage_of_exchangeable_windows_is_nominal_and_what_is_held_back(width: float) -> None:
    # each host has its own spread and each window its own level: days are dependent, windows exchangeable; of three windows of
    # every host, a tenth of what is left out is held back
    rng = np.random.default_rng(7)
    hosts = [f"h{i:03d}" for i in range(600)]
    spread = rng.uniform(0.5, 4, 600)
    past = [
        residuals(spread[i] * (rng.normal() + rng.normal(size=30)), host=host, fold=fold)
        for i, host in enumerate(hosts)
        for fold in (1, 2, 3)
    ]
    known = scales(**dict(zip(hosts, spread, strict=True)))
    found = found_for(pl.concat(past), known, series(*hosts), width=width)
    new = spread[:, None] * (rng.normal(size=(600, 1)) + rng.normal(size=(600, 30)))
    inside = (new >= found["lower"].to_numpy()[:, None]) & (new <= found["upper"].to_numpy()[:, None])
    of_host = inside.mean(axis=1)
    # Monte-Carlo error of 600 new windows, and of the 1,800 the quantiles come from
    assert abs(of_host.mean() - (width + (1 - width) * 0.3 / 3)) < 3 * of_host.std(ddof=1) * np.sqrt(1 / 600 + 1 / 1800)


def test_the_quantile_is_numpys_at_the_finite_sample_level() -> None:
    # one fold, 40 hosts of one scale: a window left out leaves the seasonal scale, times the fleet's ratio
    rng = np.random.default_rng(2)
    errors = rng.normal(0.5, 3, (40, 30))
    hosts = [f"h{i:02d}" for i in range(40)]
    rows = pl.concat([residuals(e, host=host, below=2.0, above=3.0) for host, e in zip(hosts, errors, strict=True)])
    known = scales(**dict.fromkeys(hosts, 2.0))
    found = calibration_of(rows, known, asked_for(series(*hosts), 1, below=4.0, above=5.0))
    mae = np.abs(errors).mean(axis=1)
    base = 2.0 * np.exp(np.log((mae + 0.001) / 2.0).mean()) + 0.01
    scores = [np.maximum(-errors, 0) / unit(base, 2.0), np.maximum(errors, 0) / unit(base, 3.0)]
    reach = np.quantile(scores, 39 / 40, method="inverted_cdf")  # 41 * (1 - 0.1 * 0.6) = 38.54, rounded up
    scale = (base + mae + 0.01) / 2
    np.testing.assert_allclose(found["scale"], scale, rtol=1e-9)
    np.testing.assert_allclose(found["lower"], -reach * unit(scale, 4.0), rtol=1e-9)
    np.testing.assert_allclose(found["upper"], reach * unit(scale, 5.0), rtol=1e-9)
    assert set(found["n"]) == {40 * 30}


def test_a_months_own_half_widths_are_averaged_over_its_days() -> None:
    narrow, wide = (residuals([2.0, -2.0], host="a", below=w, above=w) for w in (0.5, 1.5))
    others = [residuals([2.0, -2.0], host=host) for host in "bcdefghij"]
    uneven = found_for(pl.concat([narrow, wide, *others]), scales(), series("a"))
    even = found_for(pl.concat([residuals([2.0, -2.0] * 2), *others]), scales(), series("a"))
    assert uneven.equals(even)


def test_intervals_grow_with_the_root_of_own_half_widths_and_a_little_more() -> None:
    # nothing of growth is measured where there is but one month: a tenth is the power that is taken then
    rows = pl.concat([residuals([2.0, -2.0], host=host) for host in "abcdefghij"])
    months = np.arange(1, 7)
    asked = pl.concat(
        [
            asked_for(series("a"), month, below=month**0.5, above=month**0.5).filter(horizon_month=month)
            for month in range(1, 7)
        ]
    )
    upper = calibration_of(rows, scales(), asked)["upper"].to_numpy()
    np.testing.assert_allclose(upper, upper[0] * months ** (0.5 * 0.6 + 0.1), rtol=1e-9)


def test_half_widths_are_those_of_the_windows_own_month_and_fold_observed_or_not() -> None:
    # errors of twice the own half-width in each month and fold, which differ; half of the days were not observed
    def window(host: str, fold: int, month: int, own: float) -> pl.DataFrame:
        seen = residuals([2 * own, -2 * own], host=host, fold=fold, month=month, below=own / 2, above=own / 2)
        unseen = residuals([0.0] * 2, host=host, fold=fold, month=month, below=own * 1.5, above=own * 1.5)
        return pl.concat([seen, unseen.with_columns(y=pl.lit(None, dtype=pl.Float64))])

    own = {(1, 1): 1.0, (1, 2): 3.0, (2, 1): 0.5, (2, 2): 2.0}
    hosts = [f"h{i:02d}" for i in range(10)]
    rows = pl.concat([window(host, *place, width) for host in hosts for place, width in own.items()])
    found = found_for(rows, scales(), series("h00"), 2)
    mae = np.array([2 * (1.0 + 3.0) / 2, 2 * (0.5 + 2.0) / 2]) + 0.01
    # the scale of a window is the other fold's; two days of a month tell nothing of growth
    scores = [2 * each / unit(mae[2 - fold], each) / month**0.1 for (fold, month), each in own.items()]
    assert level_of(20, 2) == 1.0
    for month, upper in found.select("horizon_month", "upper").iter_rows():
        assert upper == pytest.approx(max(scores) * unit(mae.mean()) * month**0.1), month


@pytest.mark.parametrize(
    ("own", "counted"), [(0.0, 0.201), (0.1, 0.201), (0.5, 0.5), (8.0, 8.0), (1e6, 20.1), (-3.0, 0.201)]
)
def test_own_half_widths_count_between_a_tenth_and_ten_times_the_scale(own: float, counted: float) -> None:
    rows = pl.concat([residuals([2.0, -2.0], host=host) for host in "abcdefghij"])
    found = calibration_of(rows, scales(), asked_for(series("a"), 1, below=own, above=1.0)).row(0, named=True)
    scale = 2.01
    assert found["scale"] == pytest.approx(scale)
    assert found["upper"] == pytest.approx(2.0)
    assert found["lower"] == pytest.approx(-2.0 / unit(scale) * counted**0.6 * scale**0.4)


def test_all_windows_weigh_alike() -> None:
    # 20 hosts; errors alternate +-1 in the latest fold, +-3 in the earliest: of the days on one side of the forecast or the other,
    # half are on the other, and a quarter lie within 1
    hosts = [f"h{i:02d}" for i in range(20)]
    latest, earliest = np.tile([1.0, -1.0], 15), np.tile([3.0, -3.0], 15)
    rows = pl.concat([residuals(e, host=host, fold=fold) for host in hosts for fold, e in ((1, latest), (2, earliest))])
    narrow, wide = (found_for(rows, scales(), series("h00"), width=width).row(0, named=True) for width in (0.3, 0.4))
    assert (level_of(40, 2, 0.3), level_of(40, 2, 0.4)) == (0.725, 0.775)
    scale = (1.01 + 3.01) / 2
    assert narrow["scale"] == pytest.approx(scale)
    assert narrow["upper"] == pytest.approx(1.0 / unit(3.01) * unit(scale))  # left out: 3.01
    assert wide["upper"] == pytest.approx(3.0 / unit(1.01) * unit(scale))  # left out: 1.01
    assert (narrow["lower"], wide["lower"]) == pytest.approx((-narrow["upper"], -wide["upper"]))


def test_a_resources_quantiles_are_shrunk_to_the_fleets() -> None:
    # 30 windows of cpu with errors +-2, 10 of disk with +-1, one fold; scales known and the same
    cpu = [residuals([2.0, -2.0], host=f"c{i:02d}") for i in range(30)]
    disk = [residuals([1.0, -1.0], host=f"d{i}", resource="disk") for i in range(10)]
    names = pl.concat([*cpu, *disk]).select("host_id", "resource").unique()
    asked = pl.concat([series("c00"), series("d0", "new", resource="disk"), series("x", resource="none")])
    found = found_for(pl.concat([*cpu, *disk]), names.with_columns(scale=1.0), asked)
    ratio = np.exp((30 * np.log(2.001) + 10 * np.log(1.001)) / 40) + 0.01  # every window's scale without itself
    fleet = 2 / unit(ratio)
    # windows of the resource to 20 of the fleet, in logarithms: 30 of the same, 10 of half; and once more with this room, which
    # all of them have
    expected = {"c00": fleet, "d0": fleet * 0.5 ** (10 / 30 + 20 / 30 * 10 / 30), "x": fleet}
    expected["new"] = expected["d0"]
    for row in found.iter_rows(named=True):
        assert row["upper"] / unit(row["scale"]) == pytest.approx(expected[row["host_id"]]), row["host_id"]
        assert row["lower"] == pytest.approx(-row["upper"])
    by_host = {row["host_id"]: row for row in found.iter_rows(named=True)}
    assert {host: row["n"] for host, row in by_host.items()} == {"c00": 60, "d0": 20, "new": 20, "x": 0}
    assert by_host["c00"]["scale"] == pytest.approx((ratio + 2.01) / 2)
    disks = (ratio + 1.01) / 2
    assert by_host["new"]["scale"] == pytest.approx(disks)  # its resource's median
    assert by_host["x"]["scale"] == pytest.approx(np.median([(ratio + 2.01) / 2] * 30 + [disks] * 10))


def random_fleet(seed: int = 0, months: int = 4, folds: int = 3) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    rng = np.random.default_rng(seed)
    hosts = [f"h{i:02d}" for i in range(25)]
    rows = pl.concat(
        [
            residuals(rng.normal(0.3, (1 + i % 3) * month**0.3, 28), host=host, fold=fold, month=month)
            for i, host in enumerate(hosts)
            for fold in range(1, folds + 1)
            for month in range(1, months + 1)
        ]
    )
    return rows, scales(**{host: 1.0 + i % 3 for i, host in enumerate(hosts)}), hosts


def test_bounds_double_where_everything_doubles() -> None:
    rows, known, hosts = random_fleet()
    rows = rows.with_columns(pl.col("y") - 50.0, yhat=pl.lit(0.0)).with_columns(pl.col("y") * 1000)
    double = rows.with_columns(pl.col("y") * 2)
    known = known.with_columns(pl.col("scale") * 1000)
    first = found_for(rows, known, series(*hosts), 6)
    second = found_for(double, known.with_columns(pl.col("scale") * 2), series(*hosts), 6)
    for name in ("scale", "lower", "upper"):  # but for the hundredth of a point that a scale never falls below
        np.testing.assert_allclose(second[name], 2 * first[name], rtol=1e-4)


def test_later_months_continue_the_growth_of_the_measured_ones() -> None:
    rows, known, hosts = random_fleet()
    found = found_for(rows, known, series(*hosts), 8).filter(host_id="h00")
    width = (found["upper"] - found["lower"]).to_numpy()
    slope = np.polyfit(np.log([1, 2, 3, 4]), np.log(width[:4]), 1)[0]
    assert 0 < slope < 0.5
    np.testing.assert_allclose(width[4:], width[3] * (np.arange(5, 9) / 4) ** slope, rtol=1e-9)
    assert (np.diff(found["upper"].to_numpy()[3:]) > 0).all()
    assert (np.diff(found["lower"].to_numpy()[3:]) < 0).all()
    assert found["n"].to_list()[4:] == [found["n"][3]] * 4
    shorter = found_for(rows, known, series(*hosts), 4).filter(host_id="h00")
    assert shorter.equals(found.head(4))


@pytest.mark.parametrize(
    ("spreads", "power"), [((4.0, 2.0, 1.0), 0.0), ((1.0, 4.0, 16.0), 0.2), ((2.0,), 0.1), ((1.0, 1.15, 1.25), None)]
)
def test_units_grow_with_one_power_of_the_month_which_has_bounds(
    spreads: tuple[float, ...], power: float | None
) -> None:
    rows = pl.concat(
        [
            residuals([s, -s] * 3, host=host, month=month)
            for host in "abcdefghij"
            for month, s in enumerate(spreads, start=1)
        ]
    )
    upper = found_for(rows, scales(), series("a"), 6)["upper"].to_numpy()
    if (
        power is None
    ):  # least squares of 10 windows, to 20 of the power that is usual; once for the fleet, once for the resource
        x = np.log([1.0, 2.0, 3.0])
        y = np.log(np.array(spreads) / unit(np.mean(spreads) + 0.01) + 0.02)
        squares, product = 10 * x.var() * 3, 10 * np.cov(x, y, bias=True)[0, 1] * 3
        fleet = (product + 20 * 0.1) / (squares + 20)
        power = (product + 20 * fleet) / (squares + 20)
        assert 0.1 < power < 0.2
    np.testing.assert_allclose(upper, upper[0] * np.arange(1, 7) ** power, rtol=1e-9)


@pytest.mark.parametrize("bad", [1, 2, 3, 4])
def test_a_bad_calendar_month_is_no_step_of_the_widths(bad: int) -> None:
    # folds four months apart show each month of the horizon the same calendar months
    rng = np.random.default_rng(5)
    rows = pl.concat(
        [
            residuals(rng.normal(0, 3.0 if month == bad else 1.0, 28), host=host, fold=fold, month=month)
            for host in "abcdefghijklmnopqrst"
            for fold in (1, 2, 3)
            for month in (1, 2, 3, 4)
        ]
    )
    upper = found_for(rows, scales(), series("a"), 6)["upper"].to_numpy()
    steps = upper[1:] / upper[:-1]
    assert (steps >= 1.0).all()
    assert (steps < 1.15).all()


@pytest.mark.parametrize("jump", [30.0, -30.0])
def test_a_level_that_has_just_moved_widens_its_side_to_the_new_level(jump: float) -> None:
    rows = pl.concat([residuals([2.0, -2.0], host=f"h{i}", fold=fold) for i in range(10) for fold in (1, 2)])
    still = found_for(rows, scales(), series("h0")).row(0, named=True)
    moved = calibration_of(rows, scales(), asked_for(series("h0"), 1, jump=jump)).row(0, named=True)
    far, near = ("upper", "lower") if jump > 0 else ("lower", "upper")
    assert moved[near] == still[near]
    reach = 2.0 / unit(2.01)
    assert abs(moved[far]) == pytest.approx(reach * np.hypot(unit(2.01), 0.8 * 30.0))


def test_windows_that_began_with_a_jump_do_not_widen_those_that_did_not() -> None:
    # a third of the windows began 30 points below the last week, and erred by as much
    usual = [residuals([2.0, -2.0] * 5, host=f"h{i}", fold=fold) for i in range(20) for fold in (1, 2)]
    moved = [residuals([30.0] * 10, host=f"h{i}", fold=3, jump=30.0) for i in range(20)]
    unseen = [rows.with_columns(jump=pl.lit(0.0)) for rows in moved]
    known = scales(**{f"h{i}": 2.0 for i in range(20)})
    told, untold = (found_for(pl.concat(usual + some), known, series("h0")) for some in (moved, unseen))
    assert told["upper"].item() < 0.5 * untold["upper"].item()


def test_errors_of_either_side_are_pooled_by_the_room_up_to_the_edge() -> None:
    # forecasts of 10 are passed by 6 and undercut by 2, forecasts of 90 the other way round: where there is room, errors are large
    low = [residuals([6.0, -2.0], host=f"l{i:03d}", level=10.0) for i in range(400)]
    high = [residuals([2.0, -6.0], host=f"h{i:03d}", level=90.0) for i in range(400)]
    asked = pl.concat([asked_for(series("l000"), 1, level=10.0), asked_for(series("h000"), 1, level=90.0)])
    found = calibration_of(pl.concat([*low, *high]), scales(), asked)
    of = {row["host_id"]: row for row in found.iter_rows(named=True)}
    for name in ("lower", "upper"):
        other = {"lower": "upper", "upper": "lower"}[name]
        assert of["l000"][name] == pytest.approx(-of["h000"][other])
    assert of["l000"]["upper"] == pytest.approx(6.0)
    # 800 windows to 20 of all: 2 but for a fortieth of the way to 6, and once more for the only resource
    assert of["l000"]["lower"] == pytest.approx(-2.0 * 3.0 ** (20 / 820 * 20 / 820), rel=1e-6)


def test_between_the_middles_of_two_ranges_of_room_the_reach_goes_from_one_to_the_other() -> None:
    low = [residuals([6.0, -6.0], host=f"l{i:03d}", level=10.0) for i in range(300)]
    middle = [residuals([2.0, -2.0], host=f"m{i:03d}", level=50.0) for i in range(300)]
    known = scales(**dict.fromkeys([*(f"l{i:03d}" for i in range(300)), *(f"m{i:03d}" for i in range(300))], 4.0))
    at = [10.0, 20.0, 30.0, 40.0, 50.0]
    asked = pl.concat([asked_for(series(f"l{i:03d}"), 1, level=level) for i, level in enumerate(at)])
    lower = calibration_of(pl.concat([*low, *middle]), known, asked)["lower"].to_numpy()
    assert (np.diff(lower) >= 0).all(), "less and less below, from the widest to the narrowest"
    assert lower[2] < lower[3] < lower[4]
    np.testing.assert_allclose(lower[1], -np.sqrt(lower[0] * lower[2]), rtol=1e-9)
    np.testing.assert_allclose(lower[3], -np.sqrt(lower[2] * lower[4]), rtol=1e-9)


def test_where_entrants_disagree_the_interval_is_wider() -> None:
    rows = pl.concat([residuals([2.0, -2.0], host=host, apart=1.0) for host in "abcdefghij"])
    asked = [asked_for(series("a"), 1, apart=apart) for apart in (1.0, 4.0, None)]
    upper = [calibration_of(rows, scales(), each)["upper"].item() for each in asked]
    assert upper[0] == pytest.approx(2.0)
    assert upper[1] == pytest.approx(2.0 * 4.0**0.2)
    assert upper[2] == pytest.approx(2.0 * 2.01**0.2), "with no other entrant, a spread like the scale"


@settings(deadline=None, max_examples=30)
@given(widths=st.lists(st.floats(0.05, 0.99), min_size=1, max_size=5), seed=st.integers(0, 50))
def test_wider_intervals_contain_narrower_ones_and_the_first_is_as_if_alone(widths: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    windows, days = 12, 9
    zeros = np.zeros((windows, 1))
    earlier = EarlierWindows(
        *(np.arange(windows) % 5, np.abs(rng.normal(size=windows)), rng.normal(size=windows)),
        np.full((windows, 1), days),
        *(zeros + 1.0, zeros + rng.uniform(0, 3), zeros + 1.0, zeros + 2.0, rng.uniform(0, 100, (windows, 1))),
    )
    value = rng.normal(size=windows * days).round(1)
    batch = Residuals(value, np.repeat(np.arange(windows), days), np.ones(value.size, dtype=np.int64))
    asked = Months(np.arange(5), np.ones(5, dtype=np.int64), *rng.uniform(0, 100, (5, 5)))
    of = (earlier, lambda: [batch], asked, np.ones(5), np.array([0, 0, 1, 1, 2]))
    found, alone = (calibrate(*of, interval_widths=each) for each in (widths, widths[:1]))
    order = np.argsort(widths, kind="stable")
    assert (np.diff(found.upper[order], axis=0) >= 0).all()
    assert (np.diff(found.lower[order], axis=0) <= 0).all()
    for name in ("lower", "upper"):
        np.testing.assert_array_equal(getattr(found, name)[0], getattr(alone, name)[0])


def test_errors_of_one_side_widen_both() -> None:
    # what pushed all hosts up in one window may push them down in the next
    rows = pl.concat([residuals([3.0, 4.0, 5.0], host=host) for host in "abcdefghij"])
    found = found_for(rows, scales(), series("a"))
    assert found["upper"].item() == pytest.approx(5.0)
    assert found["lower"].item() == pytest.approx(-5.0)


def test_one_series_and_one_fold_is_enough() -> None:
    found = found_for(residuals([1.0, -3.0]), scales(), series("a"))
    assert found["scale"].item() == pytest.approx(2.01)
    assert found["lower"].item() == pytest.approx(-3.0)  # one window: its largest error, at its own scale
    assert found["upper"].item() == pytest.approx(3.0)


def test_a_series_that_never_errs_gets_a_narrow_interval_and_disturbs_nobody() -> None:
    still = [residuals([0.0] * 5, host=host, fold=fold, below=0, above=0) for host in "ab" for fold in (1, 2)]
    rows = pl.concat(still)
    found = found_for(rows, scales(), series("a", "b"))
    assert found["scale"].to_list() == pytest.approx([0.01] * 2)
    np.testing.assert_allclose(found.select("lower", "upper").to_numpy(), 0.0, atol=1e-4)
    assert (found["lower"] < 0).all(), "rounding must not put a constant outside its own interval"
    assert (found["upper"] > 0).all()
    rows = pl.concat([rows, *[residuals([5.0, -5.0], host=host, fold=fold) for host in "cdef" for fold in (1, 2)]])
    asked = pl.concat([asked_for(series("a"), 1, below=0, above=0), asked_for(series("c"), 1)])
    found = calibration_of(rows, scales(), asked)
    assert (found["scale"] > 0).all()
    assert found["upper"][0] < 0.02
    assert found["upper"][1] > 4.0


@pytest.mark.slow
@pytest.mark.sweep(keep=3)
@pytest.mark.parametrize("noise", [0.0, 1e-6, 1e-4, 1e-2, 0.05])
@pytest.mark.parametrize("idle", [10, 160])
def test_hosts_that_hardly_vary_do_not_narrow_the_others(idle: int, noise: float) -> None:
    rng = np.random.default_rng(3)
    hosts, folds = [f"h{i:02d}" for i in range(40)], (1, 2, 3)
    busy = [residuals(rng.normal(size=30), host=host, fold=fold) for host in hosts for fold in folds]
    idlers = [f"idle{i:03d}" for i in range(idle)]
    still = [residuals(rng.normal(0, noise, 30), host=host, fold=fold) for host in idlers for fold in folds]
    varies = dict.fromkeys(idlers, noise) if noise else {}  # a series that never varies has no seasonal scale
    known = scales(**dict.fromkeys(hosts, 1.0), **varies)
    alone = found_for(pl.concat(busy), known, series(*hosts))
    together = found_for(pl.concat(busy + still), known, series(*hosts))
    np.testing.assert_allclose(together["upper"], alone["upper"], rtol=1e-9)
    np.testing.assert_allclose(together["lower"], alone["lower"], rtol=1e-9)


def test_without_an_earlier_window_there_is_nothing_to_calibrate_on() -> None:
    nothing, whole = np.empty(0, dtype=np.int64), np.empty((0, 1))
    none = EarlierWindows(nothing, np.empty(0), np.empty(0), whole.astype(np.int64), *[whole] * 5)
    one = Months(np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64), *np.ones((5, 1)))
    with pytest.raises(ValueError, match="nothing was observed of any earlier window"):
        calibrate(none, list, one, np.ones(1), np.zeros(1, dtype=np.int64), interval_widths=[0.8])


def test_series_that_are_neither_calibrated_nor_learnt_from_count_nowhere() -> None:
    # of five series the first has a window and is calibrated; the others, of any scale and resource, are not there
    windows = EarlierWindows(np.array([0]), np.array([2.0]), np.zeros(1), np.array([[2]]), *np.ones((5, 1, 1)))
    days = Residuals(np.array([2.0, -2.0]), np.zeros(2, dtype=np.int64), np.ones(2, dtype=np.int64))
    asked = Months(np.array([0]), np.array([1]), *np.ones((5, 1)))
    found = [
        calibrate(windows, lambda: [days], asked, seasonal, resource, interval_widths=[0.8])
        for seasonal, resource in (
            (np.array([3.0]), np.array([0])),
            (np.array([3.0, 500.0, np.nan, 0.0, 1e-9]), np.array([0, 0, 0, 1, 2])),
        )
    ]
    for name in ("scale", "lower", "upper", "n"):
        np.testing.assert_array_equal(*(getattr(one, name) for one in found), err_msg=name)


def test_every_series_asked_has_every_month_and_no_other_has_any() -> None:
    rows, known, hosts = random_fleet(folds=1)
    found = found_for(rows, known, series("new", *hosts[:3]), 6)
    assert found["host_id"].to_list() == [host for host in [*hosts[:3], "new"] for _ in range(6)]
    assert found["horizon_month"].to_list() == [1, 2, 3, 4, 5, 6] * 4
    assert set(found["cutoff"]) == {CUTOFF}
    assert set(found["phase"]) == {"forecast"}
    assert found_for(rows, known, series(), 6).is_empty()


def test_days_without_an_observation_count_nowhere() -> None:
    rows, known, hosts = random_fleet()
    expected = found_for(rows, known, series(*hosts), 6)
    for nothing in (None, float("nan")):
        gaps = rows.with_columns(y=pl.lit(nothing, dtype=pl.Float64))
        assert found_for(pl.concat([rows, gaps]), known, series(*hosts), 6).equals(expected)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    width=st.sampled_from([0.5, 0.8, 0.95]),
    batch=st.integers(1, 400),
    size=st.integers(1, 9),
    folds=st.integers(1, 3),
    months=st.integers(1, 4),
)
def test_the_calibration_in_batches_is_that_of_whole_frames(
    seed: int, width: float, batch: int, size: int, folds: int, months: int
) -> None:
    rng = np.random.default_rng(seed)
    jumps = rng.normal(0, 5, (size, folds + 1)) * rng.integers(0, 2, (size, folds + 1))
    parts = [
        residuals(
            np.where(rng.random(6) < 0.8, rng.choice([0.0, 1e-4, 1.0, 20.0]) * rng.normal(size=6).round(3), np.nan),
            host=f"h{host}",
            resource=("cpu", "disk", "memory")[host % 3],
            fold=fold,
            month=month,
            below=rng.choice([0.0, 0.5, 9.0]),
            above=rng.choice([0.0, 0.5, 9.0]),
            apart=rng.choice([None, 0.0, 3.0]),
            jump=jumps[host, fold],
            level=rng.uniform(0, 100),
        )
        for host in range(size)
        for fold in range(1, folds + 1)
        for month in range(1, months + 1)
        if rng.random() < 0.7
    ]
    rows = pl.concat([residuals([]), *parts])
    hosts = [f"h{host}" for host in range(size + 1)]  # one that no window tells of
    names = pl.DataFrame(
        {"host_id": hosts, "resource": [("cpu", "disk", "memory")[host % 3] for host in range(size + 1)]}, schema=SERIES
    )
    known = names.with_columns(scale=pl.Series(rng.choice([0.05, 0.5, 4.0], size + 1))).sample(fraction=0.7, seed=seed)
    asked = asked_for(names, 6, below=rng.uniform(0, 3), above=2.0, apart=1.0, jump=4.0, level=rng.uniform(0, 100))
    options = {"cutoff": CUTOFF, "phase": "forecast", "interval_width": width}
    found = product_calibrate(rows, asked, known, batch_days=batch, **options)
    expected = frame_calibration.calibrate(rows, asked, known, **options)
    key = list(CALIBRATION.key)
    assert found.select(*key, "n").equals(expected.select(*key, "n"))
    for name in ("scale", "lower", "upper"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, err_msg=name)

"""External models: their rows are the forecast, and what is wrong with their files is said before any work."""

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from turbo_forecast.errors import SettingsError
from turbo_forecast.models import external
from turbo_forecast.models.protocol import ForecastError, Window
from turbo_forecast.models.registry import build_entrant, check_entrants, module_of, warn_of_missing_origins
from turbo_forecast.settings import ForecastSettings, forecast_settings
from turbo_forecast.types import Solver

ORIGIN = date(2025, 8, 31)
ASKED = [ORIGIN + timedelta(days=h) for h in range(1, 123)]


def number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def rows(host: str = "web-01", resource: str = "cpu", origin: date = ORIGIN, start: float = 10.0) -> pl.DataFrame:
    days = [origin + timedelta(days=h) for h in range(1, 123)]
    yhat = start + np.arange(122) / 3
    columns = {"host_id": host, "resource": resource, "origin": origin, "ds": days, "yhat": yhat}
    return pl.DataFrame(columns).with_columns(yhat_lower=pl.col("yhat") - 2, yhat_upper=pl.col("yhat") + 5)


def window(series: tuple[str, str] = ("web-01", "cpu"), asked: list[date] = ASKED) -> Window:
    days = np.arange(number(ORIGIN) - 100, number(ORIGIN) - 3)
    return Window(days, np.full(days.size, 50.0), np.array([number(day) for day in asked]), 1, series)


def settings_of(path: Path | str, name: str = "lstm") -> ForecastSettings:
    return forecast_settings(entrants=["recent_level"], external={name: str(path)})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lstm.parquet"


def test_the_rows_of_the_series_and_the_origin_are_the_forecast(file: Path) -> None:
    other = rows(origin=date(2025, 4, 30), start=70.0)  # its days overlap with those asked for
    parts = [rows(start=20.0), other, rows(host="web-02", start=80.0), rows(resource="memory", start=90.0)]
    pl.concat(parts).sample(fraction=1.0, shuffle=True, seed=1).write_parquet(file)
    settings = settings_of(file)
    check_entrants(settings)
    found = build_entrant("lstm", settings).forecast(window())
    expected = 20.0 + np.arange(122) / 3
    np.testing.assert_array_equal(found.yhat, expected)
    np.testing.assert_array_equal(found.lower, expected - 2)
    np.testing.assert_array_equal(found.upper, expected + 5)
    assert (found.solver, found.fits) == (Solver.OUTSIDE, 0)


def test_days_not_asked_for_are_left_out(file: Path) -> None:
    rows().write_parquet(file)
    found = build_entrant("lstm", settings_of(file)).forecast(window(asked=ASKED[:30]))
    np.testing.assert_array_equal(found.yhat, 10.0 + np.arange(30) / 3)


def test_a_file_whose_name_reads_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    path = tmp_path / "lstm[1].parquet"
    rows().write_parquet(path)
    check_entrants(settings_of(path))
    assert build_entrant("lstm", settings_of(path)).forecast(window()).yhat[0] == 10.0


def test_without_bounds_the_interval_is_the_forecast(file: Path) -> None:
    rows().drop("yhat_lower", "yhat_upper").write_parquet(file)
    check_entrants(settings_of(file))
    found = build_entrant("lstm", settings_of(file)).forecast(window())
    assert found.lower.tolist() == found.upper.tolist() == found.yhat.tolist()


def test_other_types_of_the_same_meaning_are_read_too(file: Path) -> None:
    typed = rows().with_columns(
        pl.col("host_id", "resource").cast(pl.Categorical),
        pl.col("origin", "ds").cast(pl.Datetime("ns")),
        pl.col("yhat").round().cast(pl.Int32),
        pl.col("yhat_lower", "yhat_upper").cast(pl.Float32),
    )
    typed.write_parquet(file)
    check_entrants(settings_of(file))
    found = build_entrant("lstm", settings_of(file)).forecast(window())
    np.testing.assert_array_equal(found.yhat, (10.0 + np.arange(122) / 3).round())
    assert found.yhat.dtype == found.lower.dtype == np.float64


@pytest.mark.parametrize("by", ["host_id", "origin", "yhat"])
@pytest.mark.parametrize("per_group", [37, 1000, 100_000])
def test_any_order_of_rows_files_and_row_groups_gives_the_same(tmp_path: Path, by: str, per_group: int) -> None:
    hosts = [f"host-{k:02d}" for k in range(12)]
    origins = [ORIGIN, date(2025, 4, 30)]
    parts = [rows(host=host, origin=origin, start=3.0 * k) for k, host in enumerate(hosts) for origin in origins]
    whole = pl.concat(parts).sort(by, maintain_order=True)
    whole[:1500].write_parquet(tmp_path / "a.parquet", row_group_size=per_group)
    whole[1500:].write_parquet(tmp_path / "b.parquet", row_group_size=per_group, statistics=by != "origin")
    settings = settings_of(tmp_path / "*.parquet")
    check_entrants(settings)
    entrant = build_entrant("lstm", settings)
    for k, host in [*enumerate(hosts), (0, hosts[0])]:
        np.testing.assert_array_equal(entrant.forecast(window((host, "cpu"))).yhat, 3.0 * k + np.arange(122) / 3)


def test_of_a_file_sorted_by_host_only_the_row_groups_of_one_host_are_in_memory(file: Path) -> None:
    pl.concat([rows(host=f"host-{k:02d}") for k in range(20)]).write_parquet(file, row_group_size=122)
    entrant = external.build("lstm", settings_of(file))
    for k in range(20):
        entrant.forecast(window((f"host-{k:02d}", "cpu")))
        assert len(entrant._blocks) == 1


def test_a_series_without_rows_and_one_with_too_few_are_refused_in_one_sentence(file: Path) -> None:
    rows().filter(~pl.col("ds").is_in([ASKED[3], ASKED[70], ASKED[121]])).write_parquet(file)
    entrant = build_entrant("lstm", settings_of(file))
    for series in (("web-02", "cpu"), ("web-01", "disk"), ("zzz", "cpu"), ("", "")):
        with pytest.raises(ForecastError) as none:
            entrant.forecast(window(series))
        assert str(none.value) == f"external model 'lstm': no rows for {'/'.join(series)} with origin 2025-08-31"
    with pytest.raises(ForecastError) as few:
        entrant.forecast(window())
    assert str(few.value) == (
        "external model 'lstm': web-01/cpu with origin 2025-08-31 misses 3 of 122 days, first 2025-09-04"
    )
    with pytest.raises(ForecastError, match="no rows for web-01/cpu with origin 2025-09-01"):
        entrant.forecast(window(asked=ASKED[1:]))


def spoilt(**columns: pl.Expr) -> pl.DataFrame:
    return rows().with_columns(**columns)


FIRST = pl.int_range(pl.len()) == 5


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (rows().drop("origin"), "has no column origin"),
        (rows().drop("yhat_lower"), "has no column yhat_lower"),
        (spoilt(ds=pl.col("ds").cast(pl.String)), "column ds must hold dates, not String"),
        (
            spoilt(origin=pl.col("origin").cast(pl.Datetime).dt.replace_time_zone("UTC")),
            "column origin must hold dates",
        ),
        (spoilt(host_id=pl.lit(7)), "column host_id must hold text, not Int32"),
        (spoilt(yhat=pl.col("yhat").cast(pl.String)), "column yhat must hold numbers, not String"),
        (spoilt(yhat=pl.when(~FIRST).then("yhat")), "yhat is missing in 1 row"),
        (spoilt(resource=pl.when(~FIRST).then("resource")), "resource is missing in 1 row"),
        (spoilt(yhat=pl.when(FIRST).then(float("nan")).otherwise("yhat")), "yhat is not finite in 1 row"),
        (spoilt(yhat=pl.when(FIRST).then(float("inf")).otherwise("yhat")), "yhat is not finite in 1 row"),
        (spoilt(yhat_upper=pl.when(FIRST).then(float("nan")).otherwise("yhat")), "yhat_upper is not a number in 1"),
        (spoilt(ds=pl.col("ds").cast(pl.Datetime) + pl.duration(hours=5)), "ds is not at midnight in 122 rows"),
        (pl.concat([rows(), rows()[[40, 60]]]), "more than once, first web-01, cpu, 2025-08-31, 2025-10-11"),
    ],
)
def test_a_file_that_is_not_what_it_must_be_is_an_error_that_names_it(
    file: Path, frame: pl.DataFrame, said: str
) -> None:
    frame.write_parquet(file)
    with pytest.raises(SettingsError) as error:
        check_entrants(settings_of(file))
    assert str(error.value).startswith("external.lstm: ")
    assert str(file) in str(error.value)
    assert said in str(error.value)


def test_no_file_no_parquet_and_files_at_odds_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"external.lstm: there is no file .*nowhere/\*.parquet"):
        check_entrants(settings_of(tmp_path / "nowhere" / "*.parquet"))
    text = tmp_path / "text.parquet"
    text.write_text("yhat\n1\n")
    with pytest.raises(SettingsError, match=r"text.parquet cannot be read as a Parquet file"):
        check_entrants(settings_of(text))
    rows().write_parquet(tmp_path / "x1.parquet")
    rows(host="b").drop("yhat_lower", "yhat_upper").write_parquet(tmp_path / "x2.parquet")
    with pytest.raises(SettingsError, match="some files of .* have bounds, some have none"):
        check_entrants(settings_of(tmp_path / "x*.parquet"))


def test_the_same_row_in_two_files_is_found(tmp_path: Path) -> None:
    rows().write_parquet(tmp_path / "a.parquet")
    rows()[3:4].write_parquet(tmp_path / "b.parquet")
    with pytest.raises(SettingsError, match="1 combinations of host_id, resource, origin, ds are there more than once"):
        check_entrants(settings_of(tmp_path / "*.parquet"))


@pytest.mark.parametrize("name", ["prophet", "median", "champion"])
def test_a_name_that_is_taken_is_refused(file: Path, name: str) -> None:
    rows().write_parquet(file)
    with pytest.raises(SettingsError, match=f"external: '{name}' is a name that is taken"):
        check_entrants(settings_of(file, name))


@pytest.mark.parametrize("name", ["", " ", "my.module:build"])
def test_a_name_that_is_none_is_refused(file: Path, name: str) -> None:
    rows().write_parquet(file)
    with pytest.raises(SettingsError, match="cannot be a name"):
        check_entrants(settings_of(file, name))


def test_an_outside_model_takes_part_whether_or_not_it_is_listed(file: Path) -> None:
    rows().write_parquet(file)
    listed = forecast_settings(entrants=["lstm", "median"], external={"lstm": str(file)})
    check_entrants(listed)
    assert listed.base_models == ["lstm", "seasonal_naive"]
    assert set(settings_of(file).base_models) == {"recent_level", "seasonal_naive", "lstm"}
    assert module_of("lstm") == "turbo_forecast.models.external"


def test_the_fingerprint_changes_with_the_file(file: Path) -> None:
    rows().write_parquet(file)
    before = external.fingerprint(settings_of(file))
    assert external.fingerprint(settings_of(file)) == before
    rows(start=11.0).head(100).write_parquet(file)
    assert external.fingerprint(settings_of(file)) != before


def test_a_timestamp_at_midnight_is_its_day(file: Path) -> None:
    frame = rows().with_columns(ds=pl.Series([datetime(day.year, day.month, day.day) for day in ASKED]))
    frame.write_parquet(file)
    check_entrants(settings_of(file))
    np.testing.assert_array_equal(build_entrant("lstm", settings_of(file)).forecast(window()).yhat, frame["yhat"])


def test_a_model_without_any_row_of_an_origin_is_told_of_before_the_run(file: Path) -> None:
    rows().with_columns(pl.col("origin").cast(pl.Datetime("ms"))).write_parquet(file)
    said: list[str] = []
    warn_of_missing_origins(settings_of(file), [ORIGIN], said.append)
    assert not said
    warn_of_missing_origins(settings_of(file), [date(2025, 4, 30), ORIGIN, date(2025, 12, 31)], said.append)
    assert said == [
        f"external.lstm: {file} has no rows with origin 2025-04-30, 2025-12-31; lstm takes no part in series that are "
        "forecast from there"
    ]


@pytest.mark.parametrize(
    "path", ["x" * 5000, f"/tmp/{'y' * 300}/*.parquet", "s3://b/x.parquet?sig=SECRET", "a" * 9000 + "[*"]
)
def test_a_file_that_cannot_be_is_one_short_sentence_without_keys(path: str) -> None:
    with pytest.raises(SettingsError, match=r"external\.lstm: there is no file ") as caught:
        check_entrants(forecast_settings(external={"lstm": path}))
    assert "SECRET" not in str(caught.value)
    assert len(str(caught.value)) < 300

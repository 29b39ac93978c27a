"""What a person gives that cannot work is answered with one sentence, and what was published stays as it was."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast_tests.end_to_end.conftest import House, as_telemetry, six_series

pytestmark = pytest.mark.slow


def export() -> pl.DataFrame:
    """The healthy export, to be spoilt."""
    return six_series().rename({"ds": "timestamp", "y": "value"})


def empty_folder(folder: Path) -> Path:
    (folder / "nothing").mkdir()
    return folder / "nothing"


def not_parquet(folder: Path) -> Path:
    path = folder / "export.parquet"
    path.write_text("host_id,resource,timestamp,value\n" * 10)
    return path


def ambiguous(folder: Path) -> Path:
    path = folder / "export.parquet"
    export().with_columns(instance=pl.col("host_id")).write_parquet(path)
    return path


def text_values(folder: Path) -> Path:
    path = folder / "export.csv"
    export().with_columns(
        value=pl.when(pl.int_range(pl.len()) == 7).then(pl.lit("broken")).otherwise(pl.col("value").cast(pl.String))
    ).write_csv(path)
    return path


def two_zones(folder: Path) -> Path:
    path = folder / "export.csv"
    zone = pl.when(pl.col("host_id") == "alpha").then(pl.lit("T12:00:00+02:00")).otherwise(pl.lit("T12:00:00+00:00"))
    export().with_columns(timestamp=pl.col("timestamp").cast(pl.String) + zone).write_csv(path)
    return path


def disagreeing_duplicates(folder: Path) -> Path:
    path = folder / "export.parquet"
    rows = export()
    twice = rows.filter((pl.col("host_id") == "beta") & (pl.col("timestamp") == date(2024, 2, 29)))
    pl.concat([rows, twice.with_columns(pl.col("value") + 1)]).write_parquet(path)
    return path


def days_of_the_future(folder: Path) -> Path:
    path = folder / "export.parquet"
    tomorrow = datetime.now(UTC).date() + timedelta(days=3)
    rows = export()
    pl.concat([rows, rows.head(1).with_columns(timestamp=pl.lit(tomorrow))]).write_parquet(path)
    return path


BAD_TELEMETRY: list[tuple[Callable[[Path], Path], list[str]]] = [
    (lambda folder: folder / "gone.parquet", ["gone.parquet does not exist"]),
    (empty_folder, ["nothing holds no telemetry", ".parquet"]),
    (not_parquet, ["export.parquet is not a readable Parquet file"]),
    (ambiguous, ["host_id or instance", "host_column"]),
    (text_values, ["column value", "export.csv", "'broken'"]),
    (two_zones, ["column timestamp", "more than one zone", "+02:00", "set timezone"]),
    (disagreeing_duplicates, ["beta/cpu", "2024-02-29", "different values", "on_conflicting_duplicates"]),
    (days_of_the_future, ["after today", "alpha/cpu", "on_future_dates"]),
]


@pytest.mark.sweep(keep=2)
@pytest.mark.parametrize(
    ("spoil", "said"), BAD_TELEMETRY, ids=lambda value: getattr(value, "__name__", None) if callable(value) else ""
)
def test_telemetry_that_cannot_be_read_gets_one_sentence(
    spoil: Callable[[Path], Path],
    said: list[str],
    published: House,
    as_published: tuple[object, object],
    tmp_path: Path,
) -> None:
    finished = published.run("2025-12", spoil(tmp_path))
    assert finished.error.startswith("error: base_table: ")
    for words in said:
        assert words in finished.error
    assert published.state() == as_published
    assert published.leftovers() == []


def test_without_telemetry_the_sentence_says_what_to_give(
    published: House, as_published: tuple[object, object]
) -> None:
    error = published.run("2025-12", None).error
    assert "telemetry" in error
    assert "--telemetry" in error
    assert "--demo-hosts" in error
    assert published.state() == as_published


@pytest.mark.sweep(keep=1)
@pytest.mark.parametrize(
    ("month", "said"),
    [
        ("2012-12", "error: base_table: month 2012-12 is before the data"),
        ("2026-01", "error: base_table: month 2026-01 is not complete: the telemetry ends on 2025-12-31, 31 days"),
    ],
)
def test_a_month_the_telemetry_does_not_reach_is_named(
    month: str, said: str, published: House, as_published: tuple[object, object], telemetry: Path
) -> None:
    assert published.run(month, telemetry).error.startswith(said)
    assert published.state() == as_published


def test_telemetry_that_ends_before_the_month_does_is_refused(
    published: House, as_published: tuple[object, object], tmp_path: Path
) -> None:
    short = as_telemetry(six_series().filter(pl.col("ds") <= date(2025, 12, 20)), tmp_path / "short.parquet")
    error = published.run("2025-12", short).error
    assert "month 2025-12 is not complete: the telemetry ends on 2025-12-20, 11 days before 2025-12-31" in error
    assert published.state() == as_published


@pytest.mark.parametrize(
    "month",
    ["2025-13", "december", "2025", "2025-12-17", "2025-12x", "2025-12..2025-10", "2025-10..2025-11..2025-12", ""],
)
def test_what_is_no_month_is_refused_before_anything_runs(month: str, house: House, telemetry: Path) -> None:
    from turbo_forecast.errors import PartitionError
    from turbo_forecast.month_keys import months_asked

    with pytest.raises(PartitionError, match="month") as caught:
        months_asked(month)
    assert "\n" not in str(caught.value)


def test_a_month_that_is_not_over_is_refused_before_anything_runs(house: House, telemetry: Path) -> None:
    this_month = f"{datetime.now(UTC):%Y-%m}"
    error = house.run(this_month, telemetry).error
    assert f"month '{this_month}' cannot be forecast" in error
    assert "the last one that is over" in error
    assert not house.data.exists()


@pytest.mark.sweep(keep=1)
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("forecast: {trian_months: 3}\n", "forecast.trian_months"),
        ("forecast: [1, 2\n", "is not YAML"),
        ("forecast: {interval_width: 2}\n", "forecast.interval_width"),
    ],
)
def test_a_settings_file_that_cannot_work_is_named_with_its_option(
    content: str, said: str, house: House, telemetry: Path
) -> None:
    bad = house.folder / "bad.yaml"
    bad.write_text(content)
    error = house.run("2025-12", telemetry, settings=bad).error
    assert str(bad) in error
    assert said in error


def test_a_dagster_home_that_is_not_there_is_named(house: House, telemetry: Path) -> None:
    house.home = house.folder / "elsewhere"
    assert "elsewhere" in house.run("2025-12", telemetry).error

"""A dry run says what a run would make of telemetry; of a sample, what it would make of that part of it."""

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turbo_forecast.errors import TelemetryError, TurboForecastError
from turbo_forecast.settings import TelemetrySettings, telemetry_settings
from turbo_forecast.storage.telemetry import sampling
from turbo_forecast.storage.telemetry.dry_run import DryRun, dry_run
from turbo_forecast.storage.telemetry.reading import read_telemetry_frames
from turbo_forecast_tests.storage.telemetry.dialects import Dialect, dialects
from turbo_forecast_tests.storage.telemetry.traits import DOUBTS
from turbo_forecast_tests.storage.telemetry.writing import written

TODAY = date(2025, 12, 31)
FIRST = date(2025, 1, 1)
DIALECTS = max(12, int(os.environ.get("TURBO_FORECAST_DIALECTS", 0)) // 6)
TRIED = settings(
    max_examples=DIALECTS, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@contextmanager
def small(**limits: Any) -> Iterator[None]:
    """In the block, so little is a sample; what hypothesis draws is no test of its own, so no fixture can do this."""
    with pytest.MonkeyPatch.context() as patch:
        for name, limit in limits.items():
            patch.setattr(sampling, name, limit)
        yield


def tried(telemetry: Path | str, **options: Any) -> DryRun:
    return dry_run(telemetry_settings(telemetry=str(telemetry), **options), today=TODAY)


def rows_of(found: DryRun) -> pl.DataFrame:
    return found.histories.select("host_id", "resource", pl.col("days").alias("ds")).explode("ds")


def without_seconds(report: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(report).items() if name != "seconds"}


def in_a_folder(dialect: Dialect, work: Callable[[TelemetrySettings], None]) -> None:
    """Write the dialect's files and hand over the settings that read them."""
    with tempfile.TemporaryDirectory() as folder:
        path, _ = written(dialect, Path(folder) / "export")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python on encodings that are tried
            work(TelemetrySettings(telemetry=str(path), **dialect.options()))


# What is small is read whole


def outcome(work: Callable[[], Any]) -> tuple[Any, str]:
    """What it gives, or None and the sentence by which it refuses."""
    try:
        return work(), ""
    except TurboForecastError as error:
        return None, f"{type(error).__name__}: {error}"


def as_a_run_reads(asked: TelemetrySettings) -> None:
    read, sentence = outcome(lambda: read_telemetry_frames(asked, today=TODAY))
    found, said = outcome(lambda: dry_run(asked, today=TODAY))
    assert said == sentence
    if read is None or found is None:
        return
    base, rejects, report = read
    assert not found.is_sample
    assert without_seconds(found.report) == without_seconds(report)
    assert rows_of(found).equals(base.select("host_id", "resource", "ds"))
    assert dict(found.rejects.select("reason", "n").iter_rows()) == dict(rejects["reason"].value_counts().iter_rows())


@pytest.mark.slow
@TRIED
@given(dialects())
def test_of_any_dialect_it_keeps_and_rejects_what_a_run_does(dialect: Dialect) -> None:
    in_a_folder(dialect, as_a_run_reads)


@pytest.mark.slow
@TRIED
@given(data=st.data())
def test_what_a_run_would_refuse_it_refuses_in_the_same_sentence(data: st.DataObject) -> None:
    doubt = data.draw(st.sampled_from(sorted(DOUBTS)))
    in_a_folder(data.draw(dialects(doubt)), as_a_run_reads)


def hosts_as_in_the_whole(asked: TelemetrySettings) -> None:
    base, _, _ = read_telemetry_frames(asked, today=TODAY)
    with small(SMALL=20, MOST_VALUES=20):
        found, sentence = outcome(lambda: dry_run(asked, today=TODAY))
    if found is None:
        assert "(This is said of a sample: " in sentence
        return
    assert found.portion is not None
    assert 1 <= found.portion.hosts_read <= found.portion.hosts_found
    kept = rows_of(found)
    whole = base.filter(pl.col("host_id").is_in(kept["host_id"].unique().to_list()))
    assert kept.equals(whole.select("host_id", "resource", "ds"))


@pytest.mark.slow
@TRIED
@given(dialects().filter(lambda dialect: dialect.spelling == "plain"))  # else a host may go by several names
def test_of_any_dialect_a_sample_has_its_hosts_days_whole(dialect: Dialect) -> None:
    in_a_folder(dialect, hosts_as_in_the_whole)


# Samples, by hand


def long_rows(hosts: int, days: int, *, first: date = FIRST) -> list[str]:
    return [
        f"host-{host:02d},cpu,{first + timedelta(days=day)},{(host + day) % 90}"
        for day in range(days)
        for host in range(hosts)
    ]


HEADER = "host_id,resource,ds,value"


def test_every_so_many_th_host_is_read_with_all_its_rows(csv: Callable[..., Path]) -> None:
    telemetry = csv(HEADER, *long_rows(10, 10), ",cpu,2025-01-01,5")
    with small(SMALL=50, MOST_VALUES=30):
        found = tried(telemetry)
    # 100 values of named hosts and 30 of them wanted: every fourth host
    assert found.histories["host_id"].to_list() == ["host-00", "host-04", "host-08"]
    assert found.histories["days"].list.len().to_list() == [10, 10, 10]
    assert found.report.rejects == {"no host": 1}
    assert found.is_sample
    assert found.has_whole_histories
    assert found.portion is not None
    assert found.portion.describe() == "3 of 10 hosts, spread evenly over their names, with all their rows"


def test_a_single_host_is_read_however_large_it_is(csv: Callable[..., Path]) -> None:
    with small(SMALL=5, MOST_VALUES=5):
        found = tried(csv(HEADER, *long_rows(1, 10)))
    assert found.report.values_kept == 10
    assert not found.is_sample


def test_of_columns_that_are_hosts_some_are_read(csv: Callable[..., Path]) -> None:
    header = "ds," + ",".join(f"host-{host}" for host in range(8))
    rows = [f"{FIRST + timedelta(days=day)}," + ",".join("50" for _ in range(8)) for day in range(5)]
    with small(SMALL=20, MOST_VALUES=20):
        found = tried(csv(header, *rows), columns="hosts", resource="cpu")
    assert found.histories["host_id"].to_list() == ["host-0", "host-2", "host-4", "host-6"]
    assert found.portion is not None
    assert (found.portion.hosts_read, found.portion.hosts_found) == (4, 8)


def test_of_files_that_are_hosts_some_are_read(csv: Callable[..., Path], tmp_path: Path) -> None:
    for host in range(6):
        csv("ds,cpu", *(f"{FIRST + timedelta(days=day)},40" for day in range(5)), name=f"fleet/h{host}.csv")
    with small(SMALL=10, MOST_VALUES=10):
        found = tried(tmp_path / "fleet", host_from="file name")
    assert found.histories["host_id"].to_list() == ["h0", "h3"]  # 30 values, 10 wanted: every third


def test_of_too_many_files_the_first_the_middle_and_the_last_are_read(csv: Callable[..., Path], tmp_path: Path) -> None:
    for month in range(9):
        csv(HEADER, *long_rows(2, 3, first=FIRST + timedelta(days=30 * month)), name=f"fleet/{month}.csv")
    with small(FILE_SECONDS=1.0, SCAN_SECONDS=3.5):
        found = tried(tmp_path / "fleet")
    assert [Path(name).name for name in found.report.sources] == ["0.csv", "4.csv", "8.csv"]
    assert found.portion is not None
    assert found.portion.describe() == "3 of 9 files, evenly spaced from the first to the last"
    assert not found.has_whole_histories


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_of_a_file_that_is_too_large_the_first_rows_are_read(
    kind: str, csv: Callable[..., Path], tmp_path: Path
) -> None:
    telemetry = csv(HEADER, *long_rows(4, 50))
    if kind == "parquet":
        telemetry = tmp_path / "telemetry.parquet"
        pl.read_csv(tmp_path / "telemetry.csv", try_parse_dates=True).write_parquet(telemetry)
    with small(SCAN_SECONDS=0.001, FIRST_ROWS=40):
        found = tried(telemetry)
    assert found.histories["days"].to_list() == [[FIRST + timedelta(days=day) for day in range(10)]] * 4
    assert found.portion is not None
    assert found.portion.describe() == "the first 40 rows of it"
    assert not found.has_whole_histories


def test_files_rows_and_hosts_may_all_be_sampled(csv: Callable[..., Path], tmp_path: Path) -> None:
    for month in range(9):
        csv(HEADER, *long_rows(10, 20, first=FIRST + timedelta(days=30 * month)), name=f"fleet/{month}.csv")
    with small(FILE_SECONDS=1.0, SCAN_SECONDS=2.0, FIRST_ROWS=100, SMALL=50, MOST_VALUES=60):
        found = tried(tmp_path / "fleet")
    assert found.portion is not None
    assert found.portion.describe() == (
        "3 of 9 files, evenly spaced from the first to the last, the first 100 rows of each, of these 2 of 10 hosts, spread "
        "evenly over their names"
    )
    assert found.report.values_kept == 60  # of 2 hosts, 10 days of each of 3 files


def test_everything_is_read_where_that_is_asked_for(csv: Callable[..., Path]) -> None:
    telemetry = csv(HEADER, *long_rows(10, 10))
    with small(SMALL=10, MOST_VALUES=10, SCAN_SECONDS=0.0):
        found = dry_run(telemetry_settings(telemetry=str(telemetry)), today=TODAY, everything=True)
    assert (found.is_sample, found.has_whole_histories, found.report.values_kept) == (False, True, 100)


def test_what_is_refused_of_a_sample_is_said_to_be(csv: Callable[..., Path]) -> None:
    rows = [f"host-{host:02d},cpu,{FIRST + timedelta(days=day)},{500 + day}" for host in range(10) for day in range(10)]
    with small(SMALL=50, MOST_VALUES=30), pytest.raises(TelemetryError) as error:
        tried(csv(HEADER, *rows))
    assert "cannot be percent of capacity" in str(error.value)
    assert str(error.value).endswith(
        "(This is said of a sample: 3 of 10 hosts, spread evenly over their names, with all their rows)"
    )


# Facts


def test_gaps_are_counted_in_days_from_each_series_first_to_its_last(csv: Callable[..., Path]) -> None:
    days = {"a": [1, 2, 3, 7, 8], "b": [2, 3], "c": [3]}
    rows = [f"{host},cpu,2025-01-{day:02d},50" for host in days for day in days[host]]
    found = tried(csv(HEADER, *rows))
    assert found.missing_share == pytest.approx(3 / 11)  # a: 8 days, 5 observed; b: 2 of 2; c: 1 of 1
    assert found.histories.select("longest_gap", "last_before_gap").rows() == [
        (3, date(2025, 1, 3)),
        (0, None),
        (0, None),
    ]
    assert found.unobserved_days == [date(2025, 1, 4), date(2025, 1, 5), date(2025, 1, 6)]


def test_rejects_come_with_a_few_examples_as_they_were_found(csv: Callable[..., Path]) -> None:
    bad = [f"=evil(),cpu,2025-02-0{day},-{day}" for day in range(1, 6)]
    telemetry = csv(HEADER, *long_rows(2, 5), *bad, "x,cpu,,3")
    found = tried(telemetry)
    assert found.rejects.select("reason", "n").rows() == [("negative", 5), ("no time", 1)]
    examples = found.rejects["examples"].to_list()
    assert [each["value"] for each in examples[0]] == ["-1", "-2", "-3"]
    assert examples[1] == [{"source": str(telemetry), "host_id": "x", "resource": "cpu", "time": None, "value": "3"}]
    assert found.values_rejected == 6

"""The demo fleet: what is in it, and that its folder is a whole demo or none."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from turbo_forecast.demo import DemoReport, folder, write_demo_fleet
from turbo_forecast.demo.__main__ import main
from turbo_forecast.demo.bad_rows import CLIPPED, REJECTED
from turbo_forecast.demo.host_presence import MISSING_DAYS
from turbo_forecast.demo.roster import LIVES, RESOURCES
from turbo_forecast.demo.series import SHAPES
from turbo_forecast.errors import SettingsError, StorageError

KEY = ["host_id", "resource", "timestamp"]
SMALL: dict[str, Any] = {"hosts": 3, "months": 2}


def telemetry(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path / "*.parquet")


def by_kind(rows: pl.DataFrame) -> dict[str, int]:
    """Bad rows per kind, judged from the rows alone."""
    value = pl.col("value")
    complete = rows.drop_nulls()
    return {
        "null_host": rows["host_id"].null_count(),
        "null_time": rows["timestamp"].null_count(),
        "null_value": rows["value"].null_count(),
        "nan_value": complete.filter(value.is_nan()).height,
        "infinite_value": complete.filter(value.is_infinite()).height,
        "negative_value": complete.filter((value < 0) & value.is_finite()).height,
        "far_over_capacity": complete.filter((value > 105) & value.is_finite()).height,
        "duplicate": complete.height - complete.unique().height,
        "small_overshoot": complete.filter((value > 100) & (value <= 105)).height,
    }


def usable(rows: pl.DataFrame) -> pl.DataFrame:
    """What a reader keeps: complete, in [0, 105] and clipped to 100, once, by series and time."""
    kept = rows.drop_nulls().filter(pl.col("value").is_between(0, 105)).unique()
    return kept.with_columns(pl.col("value").clip(upper_bound=100)).sort(KEY)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> DemoReport:
    return write_demo_fleet(tmp_path_factory.mktemp("demo") / "fleet", hosts=100)


@pytest.fixture(scope="module")
def rows(fleet: DemoReport) -> pl.DataFrame:
    return telemetry(fleet.path)


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = (write_demo_fleet(tmp_path / name, hosts=5, months=3).path for name in ("one", "two"))
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in two.iterdir())
    assert all((one / path.name).read_bytes() == path.read_bytes() for path in two.iterdir())


def test_another_seed_is_another_fleet(tmp_path: Path) -> None:
    one, two = (telemetry(write_demo_fleet(tmp_path / str(seed), **SMALL, seed=seed).path) for seed in (0, 1))
    assert not usable(one).equals(usable(two))


@pytest.mark.parametrize("hosts", [1, 13, 60])
def test_a_host_is_the_same_in_a_small_fleet_and_a_large_one(hosts: int, rows: pl.DataFrame, tmp_path: Path) -> None:
    small = usable(telemetry(write_demo_fleet(tmp_path / "small", hosts=hosts).path))
    assert small["host_id"].n_unique() == hosts
    assert small.equals(usable(rows).filter(pl.col("host_id").is_in(small["host_id"].unique().to_list())))


def test_a_small_fleet_has_every_shape_and_every_life(tmp_path: Path) -> None:
    manifest = write_demo_fleet(tmp_path / "demo", hosts=23, months=12).manifest
    assert manifest["series_by_shape"].keys() == SHAPES.keys()
    assert manifest["hosts_by_life"].keys() == {"steady", *LIVES.values()}
    assert all(count > 0 for count in manifest["bad_rows"].values())


def test_the_manifest_counts_what_the_files_hold(fleet: DemoReport, rows: pl.DataFrame) -> None:
    manifest = json.loads((fleet.path / "manifest.json").read_text())
    assert manifest == fleet.manifest
    assert manifest["rows"] == fleet.rows == rows.height
    assert manifest["series"] == usable(rows).select("host_id", "resource").unique().height == 400
    assert (
        manifest["series_days"] == usable(rows).select("host_id", "resource", pl.col("timestamp").dt.date()).n_unique()
    )
    assert sum(manifest["hosts_by_role"].values()) == sum(manifest["hosts_by_life"].values()) == 100
    assert sum(manifest["series_by_shape"].values()) == 400
    for file in manifest["files"]:
        path = fleet.path / file["name"]
        assert (pl.read_parquet(path).height, path.stat().st_size) == (file["rows"], file["bytes"])


def test_there_are_a_few_bad_rows_of_every_kind_and_the_manifest_counts_them(
    fleet: DemoReport, rows: pl.DataFrame
) -> None:
    assert by_kind(rows) == fleet.manifest["bad_rows"]
    assert fleet.manifest["bad_rows"] == dict.fromkeys((*REJECTED, *CLIPPED), 5)
    assert rows.height == usable(rows).height + 5 * len(REJECTED)


def test_no_moment_of_a_series_has_two_different_values(rows: pl.DataFrame) -> None:
    complete = rows.drop_nulls(["host_id", "timestamp"])
    assert complete.unique().select(KEY).is_duplicated().sum() == 0


def test_no_bad_row_is_alone_on_its_day(rows: pl.DataFrame) -> None:
    days = ["host_id", "resource", pl.col("timestamp").dt.date().alias("ds")]
    placed = rows.drop_nulls(["host_id", "timestamp"]).select(days).unique()
    assert placed.join(usable(rows).select(days).unique(), on=["host_id", "resource", "ds"], how="anti").is_empty()


def test_a_file_holds_one_calendar_month_in_time_order(fleet: DemoReport) -> None:
    names = sorted(path.name for path in fleet.path.glob("*.parquet"))
    assert len(names) == 36
    assert (names[0], names[-1]) == ("telemetry-2023-01.parquet", "telemetry-2025-12.parquet")
    for name in (names[0], names[-1]):
        times = pl.read_parquet(fleet.path / name)["timestamp"].drop_nulls()
        assert times.is_sorted()
        assert times.dt.strftime("telemetry-%Y-%m.parquet").unique().to_list() == [name]


def test_files_hold_plain_strings_and_numbers(fleet: DemoReport, rows: pl.DataFrame) -> None:
    assert rows.schema == {
        "host_id": pl.String,
        "resource": pl.String,
        "timestamp": pl.Datetime("us"),
        "value": pl.Float64,
    }
    assert set(rows["resource"].unique()) == set(RESOURCES)


def test_hosts_start_stop_and_fall_silent_as_their_lives_say(rows: pl.DataFrame) -> None:
    last_months, end = date(2025, 9, 1), date(2025, 12, 31)
    number = pl.col("host_id").str.extract(r"-(\d+)\.").cast(pl.Int64) - 1
    life = number.replace_strict(LIVES, default="steady", return_dtype=pl.String)
    day = pl.col("timestamp").dt.date()
    hosts = (
        usable(rows)
        .group_by(life.alias("life"), "host_id")
        .agg(day.min().alias("first"), day.max().alias("last"), day.n_unique().alias("days"))
    )
    spans = {str(life): group for (life,), group in hosts.group_by("life")}
    assert (spans["new"]["first"] < last_months).all()
    assert (spans["new"]["first"] > date(2023, 1, 1)).all()
    assert (spans["new_lately"]["first"] >= last_months).all()
    assert (spans["single_day"]["days"] == 1).all()
    assert (spans["retired"]["last"] < last_months).all()
    assert (spans["stopped_lately"]["last"] >= last_months).all()
    assert (spans["stopped_lately"]["last"] < end).all()
    assert (spans["steady"]["last"] == end).all()
    assert spans["gaps"]["days"].max() < spans["steady"]["days"].min()
    assert spans["steady"]["days"].min() >= 1095 * (1 - 4 * MISSING_DAYS)


def test_on_one_day_the_monitoring_itself_was_down(fleet: DemoReport, rows: pl.DataFrame) -> None:
    seen = set(rows["timestamp"].drop_nulls().dt.date())
    calendar = pl.date_range(date(2023, 1, 1), date(2025, 12, 31), eager=True)
    assert [str(day) for day in calendar if day not in seen] == [fleet.manifest["outage_day"]]


def test_some_series_never_move_and_most_do(fleet: DemoReport, rows: pl.DataFrame) -> None:
    spread = (
        usable(rows)
        .group_by("host_id", "resource")
        .agg(pl.len().alias("n"), pl.col("value").min().alias("low"), pl.col("value").max().alias("high"))
        .filter(pl.col("n") > 1)
    )
    still = spread.filter(pl.col("low") == pl.col("high"))
    shapes = fleet.manifest["series_by_shape"]
    assert still.filter(pl.col("low") == 0).height == shapes["all_zero"]
    assert still.filter(pl.col("low") == 100).height == shapes["all_full"]
    assert still.height == shapes["all_zero"] + shapes["all_full"] + shapes["constant"]


@pytest.mark.parametrize("months", [1, 2, 5])
def test_a_demo_of_a_few_months_has_rows_of_every_series(months: int, tmp_path: Path) -> None:
    report = write_demo_fleet(tmp_path / "demo", hosts=100, months=months, end=date(2024, 2, 29))
    assert usable(telemetry(report.path)).select("host_id", "resource").n_unique() == 400


def test_the_last_month_may_be_cut_short(tmp_path: Path) -> None:
    report = write_demo_fleet(tmp_path / "demo", hosts=2, months=2, end=date(2025, 12, 10))
    assert (report.manifest["first_day"], report.manifest["last_day"]) == ("2025-11-01", "2025-12-10")
    assert telemetry(report.path)["timestamp"].max() is not None
    assert telemetry(report.path)["timestamp"].dt.date().max() == date(2025, 12, 10)


def test_the_hours_of_a_day_average_to_the_daily_value(tmp_path: Path) -> None:
    size: dict[str, Any] = {"hosts": 23, "months": 2}
    hourly = write_demo_fleet(tmp_path / "hourly", **size, granularity="hourly")
    daily = usable(telemetry(write_demo_fleet(tmp_path / "daily", **size).path))
    hours = usable(telemetry(hourly.path))
    assert hours.height == 24 * daily.height == 24 * hourly.manifest["series_days"]
    assert by_kind(telemetry(hourly.path)) == hourly.manifest["bad_rows"]
    days = hours.group_by("host_id", "resource", pl.col("timestamp").dt.truncate("1d")).agg(pl.col("value").mean())
    both = days.join(daily, on=KEY, suffix="_daily")
    assert both.height == daily.height
    assert (both["value"] - both["value_daily"]).abs().max() < 0.001


def test_hours_written_in_chunks_of_any_size_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = telemetry(write_demo_fleet(tmp_path / "whole", **SMALL, granularity="hourly").path)
    monkeypatch.setattr("turbo_forecast.demo.hours.CHUNK_ROWS", 1000)
    assert telemetry(write_demo_fleet(tmp_path / "chunks", **SMALL, granularity="hourly").path).equals(whole)


def test_the_same_demo_is_not_written_twice(tmp_path: Path) -> None:
    first, second = (write_demo_fleet(tmp_path / "demo", **SMALL) for _ in range(2))
    assert (first.written, second.written) == (True, False)
    assert first.manifest == second.manifest


def test_another_demo_is_left_alone_unless_told_to_overwrite(tmp_path: Path) -> None:
    write_demo_fleet(tmp_path / "demo", **SMALL)
    with pytest.raises(SettingsError, match=r"holds another demo \(hosts 3, .*--overwrite"):
        write_demo_fleet(tmp_path / "demo", **SMALL, seed=1)
    assert write_demo_fleet(tmp_path / "demo", **SMALL, seed=1, overwrite=True).manifest["parameters"]["seed"] == 1
    assert os.listdir(tmp_path) == ["demo"]


def test_a_folder_with_other_files_is_refused_and_never_deleted(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "precious.parquet").write_text("mine")
    with pytest.raises(SettingsError, match="not, or not only, a finished demo"):
        write_demo_fleet(out, **SMALL)
    assert os.listdir(out) == ["precious.parquet"]
    report = write_demo_fleet(out, **SMALL, overwrite=True)
    assert report.kept_aside == tmp_path / "mine.old-1"
    assert (tmp_path / "mine.old-1" / "precious.parquet").read_text() == "mine"
    (out / "precious.parquet").write_text("mine")  # beside the very demo that is asked for, it is telemetry too
    with pytest.raises(SettingsError, match="not, or not only, a finished demo"):
        write_demo_fleet(out, **SMALL)


def test_a_demo_with_a_file_gone_or_cut_short_is_not_a_demo(tmp_path: Path) -> None:
    path = write_demo_fleet(tmp_path / "demo", **SMALL).path / "telemetry-2025-12.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(SettingsError, match="not, or not only, a finished demo"):
        write_demo_fleet(tmp_path / "demo", **SMALL)


def test_a_killed_write_leaves_nothing_that_is_taken_for_a_demo(tmp_path: Path) -> None:
    killed = (
        "import os, signal, sys; from pathlib import Path; from turbo_forecast.demo import folder\n"
        "def die(path): os.kill(os.getpid(), signal.SIGKILL)\n"
        "folder._sync = die\n"  # called when the first file is written
        "folder.write_demo_fleet(Path(sys.argv[1]), hosts=3, months=2)\n"
    )
    ended = subprocess.run([sys.executable, "-c", killed, str(tmp_path / "demo")], check=False)
    assert ended.returncode == -9
    assert [name.startswith(".demo.partial-") for name in os.listdir(tmp_path)] == [True]
    assert write_demo_fleet(tmp_path / "demo", **SMALL).written
    assert os.listdir(tmp_path) == ["demo"]


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = write_demo_fleet(tmp_path / "demo", **SMALL)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder, "write_month", full)
    with pytest.raises(StorageError, match="No space left"):
        write_demo_fleet(tmp_path / "demo", **SMALL, seed=1, overwrite=True)
    assert os.listdir(tmp_path) == ["demo"]
    assert write_demo_fleet(tmp_path / "demo", **SMALL).manifest == before.manifest


@pytest.mark.parametrize(
    ("option", "value"), [("hosts", 0), ("months", 0), ("months", 30_000), ("seed", -1), ("granularity", "weekly")]
)
def test_a_parameter_that_cannot_work_is_named(option: str, value: object, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {**SMALL, option: value}
    with pytest.raises(SettingsError, match=f"^{option}"):
        write_demo_fleet(tmp_path / "demo", **arguments)
    assert not os.listdir(tmp_path)


def test_the_command_says_what_it_wrote_and_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["--out", str(tmp_path / "demo"), "--hosts", "3", "--months", "2"]
    assert main(command) == 0
    assert "12 series (3 hosts x 4 resources), 2025-11-01 to 2025-12-31" in capsys.readouterr().out
    assert main(command) == 0
    assert "already in" in capsys.readouterr().out
    assert main([*command, "--seed", "1"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: out: ")
    assert error.count("\n") == 1


def test_the_command_refuses_a_day_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--out", str(tmp_path / "demo"), "--end", "2025-02-30"])
    assert "'2025-02-30' is not a date" in capsys.readouterr().err

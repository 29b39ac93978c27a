"""A run that is cancelled, killed or fails half-way publishes nothing half, blocks nobody, and can be repeated."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast_tests.end_to_end.conftest import HERE, RANGE, SECONDS, SLOW, Finished, House, ended
from turbo_forecast_tests.end_to_end.forked import Forked
from turbo_forecast_tests.end_to_end.gate import GATE, wait_for
from turbo_forecast_tests.end_to_end.killed import KILLED

BASE = {
    *(
        "base_table",
        "base_table_days",
        "base_table_file_days",
        "base_table_parts",
        "base_table_rejects",
        "base_table_runs",
    ),
}
"""The tables that the base table's step stores."""
# no group of all: what is shared is made once for all processes, and what a test starts is its own
pytestmark = pytest.mark.slow


def chunks(house: House) -> list[Path]:
    return sorted(house.data.glob("fleet_forecast/.unfinished-2025-12/run-*/forecast/*.outcomes.arrow"))


def wait_for_chunks(house: House, process: "Forked | subprocess.Popen[str]", count: int) -> None:
    deadline = time.monotonic() + SECONDS
    while len(chunks(house)) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "no chunk was finished"
        time.sleep(0.05)


def descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def is_worker(pid: int) -> bool:
    """Whether it is a worker process: Dagster's helpers and multiprocessing's tracker stay as long as the run they serve."""
    return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()


def alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def wait_until_gone(pids: list[int], seconds: float) -> list[int]:
    deadline = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [pid for pid in pids if alive(pid)]


@pytest.mark.sweep(keep=1)
@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_cancelled_run_ends_at_once_and_leaves_no_worker(kind: signal.Signals, house: House, many: Path) -> None:
    settings = house.write_settings(SLOW)
    process = house.start("2025-12", many, settings=settings)
    wait_for_chunks(house, process, 2)
    started = descendants(process.pid)
    workers = [pid for pid in started if is_worker(pid)]
    assert len(workers) >= 2
    process.send_signal(kind)
    assert wait_until_gone(workers, 5) == [], "work in hand was waited for"
    _, err = process.communicate(timeout=20)  # Dagster's own end takes seconds on a busy machine
    assert process.returncode == 1
    assert wait_until_gone(started, 5) == []
    assert "Traceback" not in err
    assert "error: fleet_forecast: interrupted; the same command goes on from what is finished" in err
    assert house.digests() == {}
    assert set(house.query("SELECT table_name FROM duckdb_tables()")["table_name"]) == {*BASE, "month_steps", "months"}
    assert house.query("SELECT month, state, reached FROM months").rows() == [("2025-12", "incomplete", "")]
    assert house.leftovers() == []


def test_a_killed_run_is_resumed_by_the_same_command(house: House, many: Path, undisturbed: House) -> None:
    settings = house.write_settings(SLOW)
    process = house.fork("2025-12", many, settings=settings)
    wait_for_chunks(house, process, 5)
    workers = descendants(process.pid)
    process.kill()
    process.communicate()
    assert wait_until_gone(workers, 5) == []
    finished_before = {path: path.stat().st_mtime_ns for path in chunks(house)}
    assert house.digests() == {}
    dead = house.query("SELECT run_id FROM months").item()

    finished = house.succeed("2025-12", many, settings=settings)
    assert f"waiting for run {dead[:8]}" not in finished.out, "the dead run's place in the pool was not freed"
    resumed = [line for line in finished.out.splitlines() if line.startswith("2025-12 · resuming: ")]
    assert resumed == [f"2025-12 · resuming: {len(finished_before)}/24 series were finished before"]
    assert not list(house.data.glob("fleet_forecast/.unfinished-*/"))
    assert house.query("SELECT count(*) FROM series_outcomes WHERE outcome = 'forecast'").item() == 24

    assert undisturbed.digests() == house.digests()
    assert undisturbed.tables() == house.tables()


STATES = "SELECT month, state, reached, run_id, finished_at IS NULL AS open FROM months ORDER BY month"


@dataclass(frozen=True)
class Killed:
    """The published months made again by a command that was killed in the second one, and then by the same command.

    states: rows of STATES before, in between and at the end; stamps: when each file was written, in between and at the end.
    """

    house: House
    states: list[list[tuple[str, str, str, str, bool]]]
    stamps: list[dict[str, list[int]]]
    killed: Finished
    finished: Finished


def stamps(house: House) -> dict[str, list[int]]:
    return {name: [path.stat().st_mtime_ns for path in paths] for name, paths in house.published().items()}


@pytest.fixture(scope="module")
def killed_range(published: House, telemetry: Path, tmp_path_factory: pytest.TempPathFactory) -> Killed:
    house = House.copied(published.folder, tmp_path_factory.mktemp("killed") / "house")
    states = [house.query(STATES).rows()]
    killed = house.run(RANGE, telemetry, within=KILLED)
    states, written = [*states, house.query(STATES).rows()], [stamps(house)]
    finished = house.run(RANGE, telemetry)
    return Killed(house, [*states, house.query(STATES).rows()], [*written, stamps(house)], killed, finished)


@pytest.mark.xdist_group("killed range")
def test_a_range_killed_in_its_second_month_is_finished_by_the_same_command(
    killed_range: Killed, as_published: tuple[object, object]
) -> None:
    house, finished = killed_range.house, killed_range.finished
    assert finished.code == 0, finished.err
    assert "2025-11: complete since this command was given before" in finished.out
    assert finished.out.endswith("2 of 2 months complete: 2025-11, 2025-12\n")
    assert "not made" not in finished.err
    first, left, last = ({month: run_id for month, _, _, run_id, _ in states} for states in killed_range.states)
    assert [row[:2] for row in killed_range.states[-1]] == [("2025-11", "complete"), ("2025-12", "complete")]
    assert first["2025-11"] != left["2025-11"] == last["2025-11"]
    assert house.state() == as_published
    runs = house.query("SELECT DISTINCT strftime(cutoff, '%Y-%m'), run_id FROM run_audit ORDER BY 1").rows()
    assert runs == sorted(last.items()), "nothing of the month is of the run that was killed, or of the one before"
    before, after = killed_range.stamps
    kept = {name for name in after if after[name] == before[name]}
    assert kept == {name for name in after if name.endswith("/2025-11")}


@pytest.mark.xdist_group("killed range")
def test_a_run_killed_between_two_steps_leaves_a_month_that_says_so(killed_range: Killed) -> None:
    assert killed_range.killed.code == -signal.SIGKILL
    before, left, last = (states[-1] for states in killed_range.states)
    assert [before[0], left[0], last[0]] == ["2025-12"] * 3
    published_by, dead, run_id = before[3], left[3], last[3]
    assert before == ("2025-12", "complete", "months", published_by, False)
    assert left == ("2025-12", "incomplete", "planned_loads", dead, True)
    assert last == ("2025-12", "complete", "months", run_id, False)
    assert len({published_by, dead, run_id}) == 3


def test_telemetry_that_another_process_reads_into_the_folder_stops_the_month(
    house: House, many: Path, telemetry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(GATE, str(tmp_path))
    settings = {"forecast": {"entrants": ["turbo_forecast_tests.end_to_end.gate:build"], "workers": 1}}
    process = house.fork("2025-12", telemetry, settings=house.write_settings(settings, "gate.yaml"))
    wait_for(tmp_path / "reached")
    beside = House(house.folder / "beside")  # an instance of its own: no pool makes the two take turns
    beside.data = house.data
    beside.succeed("2025-11", many, within=HERE)
    (tmp_path / "open").touch()
    theirs = beside.query("SELECT run_id FROM months WHERE month = '2025-11'").item()
    finished = ended(process)
    assert finished.code == 1
    errors = [line for line in finished.err.splitlines() if line.startswith("error: ")]
    assert errors == [
        f"error: fleet_forecast: the base table was replaced by run {theirs} while this month (2025-12) was worked on: "
        "run the month again"
    ]
    assert house.query("SELECT month, state FROM months ORDER BY 1").rows() == [
        *(("2025-11", "complete"), ("2025-12", "incomplete")),
    ]
    assert {name.split("/")[1] for name in house.digests()} == {"2025-11"}, "nothing of 2025-12 was published"


def test_a_failing_blocking_check_stops_what_is_downstream(house: House, telemetry: Path) -> None:
    settings = {"forecast": {"entrants": ["turbo_forecast_tests.end_to_end.defect:build"], "workers": 1}}
    finished = house.run("2025-12", telemetry, settings=house.write_settings(settings))
    check = "every_series_has_an_outcome_and_its_rows"
    assert finished.error.startswith(f"error: fleet_forecast.{check}: 2 of 6 series break this rule: ")
    assert [name for name in house.digests() if name.startswith("forecast_parquet")] == []
    tables = house.query("SELECT table_name FROM duckdb_tables()")["table_name"].to_list()
    of_files = ("group_members", "group_history", "planned_changes", "planned_loads")  # which rest on no forecast
    assert set(tables) == {
        *(*BASE, "combination_weights"),
        *("model_runs", "month_steps", "months", "run_audit", "series_outcomes", *of_files),
    }
    stored = house.query("SELECT asset FROM month_steps WHERE check_name = ''")["asset"].to_list()
    assert sorted(stored) == sorted(
        ["combination_weights", "fleet_forecast", "fold_forecast", "model_runs", "series_outcomes", *of_files]
    )
    states = house.query("SELECT state, reached, finished_at FROM months").rows()
    assert states == [("failed", f"fleet_forecast.{check}", None)]
    listed = pl.read_csv(house.data / "checks" / "fleet_forecast" / f"{check}-2025-12.csv")
    assert listed.select("host_id", "resource").rows() == [("beta", "cpu"), ("beta", "memory")]


def test_a_warehouse_that_another_process_holds_is_named_with_the_process(another, telemetry: Path) -> None:
    house: House = another()
    before = house.digests()
    script = "import duckdb, sys, time; con = duckdb.connect(sys.argv[1]); print('open', flush=True); time.sleep(120)"
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(house.data / "warehouse.duckdb")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        finished = house.run("2025-12", telemetry)
    finally:
        holder.kill()
        holder.wait()
    assert "error: base_table: the warehouse" in finished.error
    assert f"PID {holder.pid}" in finished.error
    failed_after = float(finished.err.split("failed after ")[1].split(" s")[0])
    assert failed_after < 60, "ten seconds of patience and the start of a run, not the hundred of DuckDBResource"
    assert house.digests() == before


class Disk:
    """A small file system of its own."""

    def __init__(self, place: Path, megabytes: int) -> None:
        self.place = place
        place.mkdir(parents=True)
        self._mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place))

    def _mount(self, *arguments: str) -> None:
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"this machine does not let a test mount a file system: {done.stderr.strip()}")

    def read_only(self) -> None:
        self._mount("-o", "remount,ro", str(self.place))

    def fill(self, leave: int) -> None:
        stats = os.statvfs(self.place)
        with (self.place / "filler").open("wb") as file:
            file.write(b"\0" * (stats.f_bavail * stats.f_frsize - leave))

    def end(self) -> None:
        subprocess.run(["umount", "-l", str(self.place)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path):
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux may mount a small file system to fill")
    disk = Disk(tmp_path / "disk", megabytes=24)
    yield disk
    disk.end()


def on_disk(published: House, disk: Disk) -> House:
    """A published month whose data folder is on the small disk; DAGSTER_HOME is elsewhere."""
    house = House(disk.place.parent / "house-of-disk")
    house.data = disk.place / "data"
    subprocess.run(["cp", "-r", str(published.data), str(house.data)], check=True)
    return house


def test_a_read_only_data_folder_is_named(published: House, small_disk: Disk, telemetry: Path) -> None:
    house = on_disk(published, small_disk)
    before = house.state()
    small_disk.read_only()
    error = house.run("2025-12", telemetry).error
    assert f"the data folder {house.data} cannot be written: Read-only file system" in error
    assert house.state() == before


@pytest.mark.sweep(keep=1)
@pytest.mark.parametrize("left", [0, 300_000])
def test_a_full_disk_is_said_and_leaves_what_was_published(
    left: int, published: House, small_disk: Disk, telemetry: Path, many: Path
) -> None:
    house = on_disk(published, small_disk)
    files, before = house.digests(), house.tables()
    small_disk.fill(leave=left)
    assert "No space left on device" in house.run("2025-12", many).error
    assert house.digests() == files
    after = house.tables()
    changed = {name for name in before if after[name] != before[name]}
    base = BASE - {"base_table_rejects"}
    assert changed in (set(), base), "each table is as it was, or replaced whole"
    assert house.leftovers() == []
    (small_disk.place / "filler").unlink()
    house.succeed("2025-12", telemetry, within=HERE)
    assert house.state() == (files, before), "with room again, the same command gives the same month"


def test_two_runs_at_once_take_turns(house: House, telemetry: Path) -> None:
    one, two = (house.fork(month, telemetry, within=HERE) for month in ("2025-12", "2025-11"))
    results = [ended(process) for process in (one, two)]
    assert [each.code for each in results] == [0, 0], [each.err for each in results]
    assert set(house.digests()) == {
        f"{asset}/{month}"
        for asset in ("fleet_forecast", "fold_forecast", "forecast_intervals", "forecast_parquet", "tournament")
        for month in ("2025-11", "2025-12")
    }

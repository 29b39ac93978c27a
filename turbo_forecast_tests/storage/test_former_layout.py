"""Files of months that were called 2025-12-01 get the names of today; nothing is replaced, whoever else is at it."""

import errno
import fcntl
import multiprocessing
import os
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.storage.former_layout import rename_former

ASSETS = ("fleet_forecast", "fold_forecast", "forecast_parquet")
FORMER = ("2025-10-01", "2025-11-01", "2025-12-01")


def written(path: Path, content: str = "rows") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three months of three assets as they were named, each file telling its former name."""
    for asset in ASSETS:
        for month in FORMER:
            written(tmp_path / asset / f"{month}.parquet", f"{asset} {month}")
    return tmp_path


def files(data: Path) -> dict[str, str]:
    return {str(path.relative_to(data)): path.read_text() for path in data.rglob("*") if path.is_file()}


def test_a_former_folder_gets_todays_names_with_all_its_bytes_and_says_so_in_a_sentence(data: Path) -> None:
    done = rename_former(data)
    assert files(data) == {f"{asset}/{m[:7]}.parquet": f"{asset} {m}" for asset in ASSETS for m in FORMER}
    assert done.describe() == (
        "3 months of 3 Parquet assets were renamed from 2025-12-01.parquet to 2025-12.parquet and alike"
    )


def test_the_second_time_there_is_nothing_to_do_and_nothing_to_say(data: Path) -> None:
    rename_former(data)
    before = files(data)
    assert rename_former(data).describe() == ""
    assert files(data) == before


def test_a_folder_that_is_not_there_or_is_of_today_is_left_alone(tmp_path: Path) -> None:
    assert rename_former(tmp_path / "nowhere").describe() == ""
    today = written(tmp_path / "fleet_forecast" / "2025-12.parquet")
    assert rename_former(tmp_path).describe() == ""
    assert today.read_text() == "rows"


def test_one_month_is_said_in_the_singular(tmp_path: Path) -> None:
    written(tmp_path / "forecast_parquet" / "2025-12-01.parquet")
    assert rename_former(tmp_path).describe() == (
        "1 month of 1 Parquet asset was renamed from 2025-12-01.parquet to 2025-12.parquet"
    )


def test_a_file_of_todays_name_is_never_replaced_and_the_sentence_names_the_former_one(data: Path) -> None:
    written(data / "fold_forecast" / "2025-12.parquet", "made today")
    done = rename_former(data)
    said = done.describe()
    assert done.is_news
    assert not rename_former(data).is_news, "that it stays is no news the second time"
    assert (data / "fold_forecast" / "2025-12.parquet").read_text() == "made today"
    assert (data / "fold_forecast" / "2025-12-01.parquet").read_text() == "fold_forecast 2025-12-01"
    assert said.endswith(
        f"; 1 file keeps its former name, since there is one of today's name, which is used: "
        f"{data / 'fold_forecast' / '2025-12-01.parquet'}"
    )


def test_lists_of_offenders_are_renamed_too_and_no_other_csv(tmp_path: Path) -> None:
    written(tmp_path / "checks" / "champions" / "no_duplicate_keys-2025-12-01.csv", "a")
    written(tmp_path / "checks" / "base_table" / "utilisation_is_in_range.csv", "b")
    written(tmp_path / "demo-telemetry-50" / "2025-12-01.parquet", "telemetry")
    written(tmp_path / "fleet_forecast" / "2025-13-01.parquet", "no month")
    said = rename_former(tmp_path).describe()
    assert said == "1 list of what checks have found got the month's name of today"
    assert files(tmp_path) == {
        "checks/champions/no_duplicate_keys-2025-12.csv": "a",
        "checks/base_table/utilisation_is_in_range.csv": "b",
        "demo-telemetry-50/2025-12-01.parquet": "telemetry",
        "fleet_forecast/2025-13-01.parquet": "no month",
    }


def test_what_an_unfinished_run_left_is_renamed_unless_a_run_is_at_work_in_it(tmp_path: Path) -> None:
    fleet = tmp_path / "fleet_forecast"
    for month in ("2025-11-01", "2025-12-01"):
        written(fleet / f".unfinished-{month}" / "series.arrow", month)
        written(fleet / f".unfinished-{month}.lock", "")
    with (fleet / ".unfinished-2025-12-01.lock").open("ab") as at_work:
        fcntl.flock(at_work, fcntl.LOCK_EX)
        rename_former(tmp_path)
    assert files(fleet) == {
        ".unfinished-2025-11/series.arrow": "2025-11-01",
        ".unfinished-2025-12-01/series.arrow": "2025-12-01",
        ".unfinished-2025-12-01.lock": "",
    }


def test_a_process_that_died_between_the_two_names_is_finished_by_the_next(tmp_path: Path) -> None:
    former = written(tmp_path / "fleet_forecast" / "2025-12-01.parquet")
    os.link(former, former.with_name("2025-12.parquet"))
    rename_former(tmp_path)
    assert files(tmp_path) == {"fleet_forecast/2025-12.parquet": "rows"}


def test_a_file_system_without_second_names_is_served_and_nothing_replaced_there_either(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    written(data / "fold_forecast" / "2025-12.parquet", "made today")
    done = rename_former(data)
    assert len(done.parquet) == 8
    assert done.kept == [data / "fold_forecast" / "2025-12-01.parquet"]
    assert files(data)["fold_forecast/2025-12.parquet"] == "made today"


def test_a_disk_that_takes_no_names_is_said_with_the_file(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "link", refused)
    monkeypatch.setattr(Path, "rename", refused)
    before = files(data)
    with pytest.raises(StorageError, match=r"fleet_forecast/2025-10\.parquet cannot be written: Read-only file system"):
        rename_former(data)
    assert files(data) == before


def _rename(data: Path, together: Barrier, report: Path) -> None:
    together.wait(timeout=60)
    try:
        done = rename_former(data)
        report.write_text(f"kept {len(done.kept)}")
    except Exception as error:
        report.write_text(f"{type(error).__name__}: {error}")


def test_two_processes_at_once_lose_no_file_and_neither_fails(tmp_path: Path) -> None:
    data = tmp_path / "data"
    names = [f"{year}-{month:02}-01" for year in range(1990, 2020) for month in range(1, 13)]
    for name in names:
        written(data / "fleet_forecast" / f"{name}.parquet", name)
    spawning = multiprocessing.get_context("spawn")
    together = spawning.Barrier(2)
    reports = [tmp_path / f"report-{number}" for number in range(2)]
    processes = [spawning.Process(target=_rename, args=(data, together, report)) for report in reports]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
    assert [report.read_text() for report in reports] == ["kept 0"] * 2
    assert files(data) == {f"fleet_forecast/{name[:7]}.parquet": name for name in names}

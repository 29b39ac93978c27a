"""Every entrant's rows are kept of the latest months only, and go without harm to what stays."""

import os
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import FLEET_FORECAST, TOURNAMENT_RESULTS
from turbo_forecast.storage import retention
from turbo_forecast.storage.datasets import part_name
from turbo_forecast.storage.frames import write_frame
from turbo_forecast.storage.retention import describe, outdated, remove_rows, without
from turbo_forecast.storage.warehouse import connected, query, transaction
from turbo_forecast.windows import month_end, shift_month_end

DECEMBER = date(2025, 12, 31)
YEAR = [shift_month_end(DECEMBER, -back) for back in range(11, -1, -1)]


def store(data: Path, *months: date) -> None:
    """Every entrant's row of these months, their folds and results: of even months as folders, of odd ones as single files."""
    for month in months:
        row = ("a", "cpu", "m", "forecast", month, month, None, 1.0, 0, 2)
        frame = pl.DataFrame([row], schema=FLEET_FORECAST.polars_schema, orient="row")
        for asset in ("fleet_forecast", "fold_forecast"):
            path = data / asset / f"{month:%Y-%m}.parquet"
            write_frame(frame, path / part_name(0, 1) if month.month % 2 == 0 else path)
        for results in ("tournament", "groups"):
            write_frame(frame, data / results / f"{month:%Y-%m}" / "forecast_parquet" / part_name(0, 1))
        write_frame(frame, data / "forecast_parquet" / f"{month:%Y-%m}.parquet")


def left(data: Path, folder: str) -> list[str]:
    return sorted(name.removesuffix(".parquet") for name in os.listdir(data / folder))


def test_all_but_the_latest_months_lose_their_rows(tmp_path: Path) -> None:
    store(tmp_path, *YEAR)
    assert outdated(tmp_path, 12, DECEMBER) == []
    assert outdated(tmp_path, 10, DECEMBER) == YEAR[:2]
    assert outdated(tmp_path, 1, DECEMBER) == YEAR[:11]


def test_the_month_being_made_counts_though_nothing_of_it_is_stored_yet(tmp_path: Path) -> None:
    store(tmp_path, *YEAR[:11])
    assert outdated(tmp_path, 11, DECEMBER) == YEAR[:1]


def test_an_old_month_that_is_made_again_keeps_its_rows_and_takes_no_others_place(tmp_path: Path) -> None:
    store(tmp_path, *YEAR)
    old = date(2019, 3, 31)
    assert outdated(tmp_path, 12, old) == []
    store(tmp_path, old)
    assert outdated(tmp_path, 12, old) == []
    assert outdated(tmp_path, 12, DECEMBER) == [old]


def test_a_month_of_which_only_part_is_left_is_outdated_too(tmp_path: Path) -> None:
    (tmp_path / "tournament" / "2020-02").mkdir(parents=True)
    write_frame(pl.DataFrame({"n": [1]}), tmp_path / "fold_forecast" / "2020-01.parquet")
    assert outdated(tmp_path, 1, DECEMBER) == [date(2020, 1, 31), date(2020, 2, 29)]


months = st.dates(date(2000, 1, 1), date(2030, 12, 31)).map(month_end)


@given(st.sets(months, max_size=30), months, st.integers(1, 15))
def test_never_more_go_than_must_and_never_the_month_in_work(stored: set[date], making: date, keep: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(retention, "_months", lambda folder, suffix: sorted(stored))
        going = outdated(Path(), keep, making)
    staying = stored - set(going)
    assert making not in going
    assert len(staying | {making}) <= keep + 1
    assert not going or len(staying | {making}) >= keep
    assert all(gone < kept for gone in going for kept in staying - {making}), "the oldest go"


def test_the_view_the_files_and_nothing_else_lose_the_months(tmp_path: Path) -> None:
    store(tmp_path, *YEAR)
    with connected(tmp_path / "warehouse.duckdb") as con:
        going = outdated(tmp_path, 3, DECEMBER)
        with transaction(con):
            without(con, tmp_path, going)
            assert left(tmp_path, "fleet_forecast") == [f"{month:%Y-%m}" for month in YEAR], (
                "before the commit all are there"
            )
        remove_rows(tmp_path, going)
        assert query(con, "SELECT cutoff FROM tournament_results ORDER BY 1")["cutoff"].to_list() == YEAR[-3:]
    for folder in ("fleet_forecast", "fold_forecast", "tournament", "groups"):
        assert left(tmp_path, folder) == ["2025-10", "2025-11", "2025-12"]
    assert left(tmp_path, "forecast_parquet") == [f"{month:%Y-%m}" for month in YEAR], "what was published stays"
    remove_rows(tmp_path, going)  # a second time does nothing


def test_a_transaction_that_fails_takes_no_month_away(tmp_path: Path) -> None:
    store(tmp_path, *YEAR[:3])
    with connected(tmp_path / "warehouse.duckdb") as con:
        with pytest.raises(KeyboardInterrupt), transaction(con):
            without(con, tmp_path, YEAR[:2])
            raise KeyboardInterrupt
        assert query(con, f"FROM {TOURNAMENT_RESULTS.name}").height == 3


def test_what_a_process_that_died_after_its_commit_left_goes_with_the_next_month(tmp_path: Path) -> None:
    store(tmp_path, *YEAR[:3])
    with connected(tmp_path / "warehouse.duckdb") as con, transaction(con):
        without(con, tmp_path, YEAR[:1])
    with connected(tmp_path / "warehouse.duckdb") as con:
        assert query(con, "FROM tournament_results").height == 3, "the files are there, so they are served"
    assert outdated(tmp_path, 2, YEAR[2]) == YEAR[:1]


def test_a_folder_that_cannot_be_removed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(tmp_path, *YEAR[:1])

    def refuse(path: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(retention, "remove", refuse)
    with pytest.raises(StorageError, match="fleet_forecast/2025-01.parquet cannot be written: Input/output error"):
        remove_rows(tmp_path, YEAR[:1])


def test_what_was_removed_is_a_sentence() -> None:
    assert describe([], 12) == ""
    assert describe(YEAR[:2], 10) == (
        "removed the rows of every entrant of 2025-01, 2025-02: they are kept of the latest 10 months (rows_months); "
        "what was published stays"
    )
    assert " of 2025-01, 2025-02, 2025-03 and 8 more: they are kept of the latest month " in describe(YEAR[:11], 1)

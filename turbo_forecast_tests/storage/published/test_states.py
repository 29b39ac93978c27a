"""The states of all months are published where they have changed, and never keep a run from ending."""

from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from turbo_forecast.storage.published.reading import Published
from turbo_forecast.storage.published.states import publish_standings


def publish(data: Path, statement: str = "SELECT 1") -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        con.execute(statement)
        publish_standings(con, data)


def test_every_month_is_told_of_the_latest_first_with_what_has_failed(data: Path) -> None:
    publish(
        data,
        "UPDATE months SET state = 'failed', reached = 'champions.b', finished_at = NULL WHERE month = '2025-12';"
        "INSERT INTO month_steps VALUES ('2025-12-31', 'champions', 'b', 'failed', 'r', '2026-01-03'), "
        "('2025-12-31', 'calibration', 'a', 'failed', 'r', '2026-01-02'), ('2025-12-31', 'champions', 'w', 'warned', 'r', "
        "'2026-01-01'), ('2025-12-31', 'published_month', 'x', 'failed', 'r', '2026-01-01')",
    )
    december, november = Published(data).standings()
    assert (december.month, december.state, december.reached) == ("2025-12", "failed", "champions.b")
    assert december.failed == ("calibration.a", "champions.b"), "parts of the month, in the order in which they failed"
    assert (december.started_at, december.finished_at) == (datetime(2026, 1, 2, 3, 4, 5), None)
    assert (november.month, november.state, november.failed) == ("2025-11", "complete", ())


def test_states_that_have_not_changed_are_not_written_again(data: Path) -> None:
    publish(data)
    path = data / "published" / "months.json"
    before = path.stat()
    publish(data)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    publish(data, "UPDATE months SET reached = 'champions'")
    assert path.stat().st_ino != before.st_ino


@pytest.mark.parametrize("harm", [b"", b"{", b"\xff\xfe", b'{"format": 9}', b'{"months": [{"month": 1}]}', None])
def test_a_file_that_is_damaged_is_written_anew(harm: bytes | None, data: Path) -> None:
    path = data / "published" / "months.json"
    path.unlink(missing_ok=True)
    if harm is None:
        path.mkdir()
    else:
        path.write_bytes(harm)
    publish(data)
    assert [standing.month for standing in Published(data).standings()] == ["2025-12", "2025-11"]


def test_a_warehouse_without_months_or_of_a_former_version_publishes_nothing(tmp_path: Path) -> None:
    publish(tmp_path)
    publish(tmp_path, "CREATE TABLE months (cutoff DATE, month VARCHAR)")
    publish(tmp_path, "CREATE TABLE month_steps (cutoff DATE)")
    assert not (tmp_path / "published").exists()

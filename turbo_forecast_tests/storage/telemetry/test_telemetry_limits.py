"""A memory limit that cannot work is said before anything is read."""

from pathlib import Path

import duckdb
import pytest

from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry import limits
from turbo_forecast.storage.telemetry.limits import memory_for


@pytest.mark.parametrize("limit", ["1KB", "0GB", "5B", "100 kb", "1MiB", ".01GB"])
@pytest.mark.parametrize("kind", ["csv", "parquet", "duckdb"])
def test_a_memory_limit_that_duckdb_cannot_live_with_is_refused(tmp_path, csv, parquet, refusal, limit, kind):
    (tmp_path / "t.duckdb").write_bytes(b"not even opened")
    paths = {
        "csv": csv("host,time,cpu", "a,2025-01-01,5"),
        "parquet": parquet({"a": [1]}),
        "duckdb": tmp_path / "t.duckdb",
    }
    sentence = refusal(paths[kind], memory_limit=limit)
    assert "memory_limit" in sentence
    assert limit in sentence


@pytest.mark.parametrize("limit", ["100MB", "128 MiB", "1GB"])
def test_a_small_memory_limit_is_enough_for_a_small_export(csv, read, limit):
    assert len(read(csv("host,time,cpu", "a,2025-01-01,5"), memory_limit=limit).rows) == 1


@pytest.mark.parametrize("limit", ["plenty", "1.2.3GB", "GB"])
def test_a_memory_limit_that_is_no_size_is_refused(csv, refusal, limit):
    assert f"memory_limit: '{limit}' is not a size" in refusal(
        csv("host,time,cpu", "a,2025-01-01,5"), memory_limit=limit
    )


@pytest.mark.parametrize(
    ("size", "limit"),
    [(0, "2GB"), (36_600_000, "2GB"), (142_000_000, "2GB"), (143_000_000, "3GB"), (290_000_000, "5GB")],
)
def test_the_default_limit_grows_with_what_there_is_to_read(size, limit):
    assert memory_for(size, "2GB") == limit


def test_a_limit_that_was_asked_for_stays_and_a_large_export_gets_room(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("host,time,cpu\na,2025-01-01,5\n")
    monkeypatch.setattr(limits, "BYTES_PER_BYTE", 10**8)
    with duckdb.connect() as con:
        asked = TelemetrySettings(telemetry=str(tmp_path), memory_limit="300MB")
        assert limits.with_room(con, asked) == asked
        assert limits.with_room(con, TelemetrySettings(telemetry=str(tmp_path))).memory_limit == "3GB"
        assert con.execute("SELECT current_setting('memory_limit')").fetchall() == [("2.7 GiB",)]


def test_landed_months_that_are_read_get_the_memory_that_files_of_their_size_get(tmp_path: Path) -> None:
    path = tmp_path / "2025-11.parquet"
    with path.open("wb") as file:
        file.truncate(300_000_000)
    with duckdb.connect() as con:
        assert limits.with_room(con, TelemetrySettings(), [path]).memory_limit == "5GB"
        assert limits.with_room(con, TelemetrySettings(memory_limit="1GB"), [path]).memory_limit == "1GB"
        assert limits.with_room(con, TelemetrySettings()).memory_limit == "2GB"

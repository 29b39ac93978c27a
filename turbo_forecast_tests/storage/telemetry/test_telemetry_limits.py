"""A memory limit that cannot work is said before anything is read."""

import pytest


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

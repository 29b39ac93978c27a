"""Telemetry on object storage is copied here as it is, once, and read by its own name."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import polars as pl
import pytest
from fsspec.implementations.memory import MemoryFile

from reference.servers.s3 import S3Server
from turbo_forecast.errors import SettingsError, StorageError, TelemetryError
from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_REJECTS
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.objects.telemetry_copies import Copy, copies_of
from turbo_forecast.storage.telemetry.dry_run import dry_run
from turbo_forecast.storage.telemetry.files import found_files
from turbo_forecast.storage.telemetry.fingerprint import fingerprint
from turbo_forecast.storage.telemetry.reading import read_telemetry
from turbo_forecast.storage.telemetry.report import TelemetryReport

pytestmark = pytest.mark.xdist_group("s3")
TODAY = date(2026, 1, 15)


def rows(host: str, value: float = 10.0) -> pl.DataFrame:
    days = pl.date_range(date(2025, 11, 1), date(2025, 12, 31), eager=True)
    return pl.DataFrame({"host": host, "time": days, "cpu": value})


def parquet(frame: pl.DataFrame, path: Path) -> bytes:
    frame.write_parquet(path)
    return path.read_bytes()


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    for table in (BASE_TABLE, BASE_TABLE_REJECTS):
        con.execute(table.ddl())
    return con


@pytest.fixture
def export(s3: S3Server, tmp_path: Path) -> str:
    """An export of two files in a folder of each site, and what others left beside them."""
    bucket, files = s3.bucket(), s3.files()
    files.pipe_file(f"{bucket}/out/site=ams2/a.parquet", parquet(rows("a"), tmp_path / "a"))
    files.pipe_file(f"{bucket}/out/site=gru1/b.csv", rows("b").write_csv().encode())
    files.pipe_file(f"{bucket}/out/_SUCCESS", b"")
    files.pipe_file(f"{bucket}/out/notes.txt", b"x")
    return f"s3://{bucket}/out"


def read(con: duckdb.DuckDBPyConnection, location: str) -> TelemetryReport:
    return read_telemetry(con, TelemetrySettings(telemetry=location), today=TODAY)


def hosts(con: duckdb.DuckDBPyConnection) -> list[str]:
    return [row[0] for row in con.execute("SELECT DISTINCT host_id FROM base_table ORDER BY 1").fetchall()]


def test_a_prefix_is_read_as_a_folder_is(con: duckdb.DuckDBPyConnection, export: str) -> None:
    report = read(con, export)
    assert hosts(con) == ["a", "b"]
    assert sorted(report.sources) == [f"{export}/site=ams2/a.parquet", f"{export}/site=gru1/b.csv"]
    assert "_SUCCESS" in report.describe()
    assert "notes.txt" in report.describe()


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("/*/*.parquet", ["a"]), ("/**/*.csv", ["b"]), ("/site=[ag]*/*", ["a", "b"]), ("/site=gru1/b.csv", ["b"])],
)
def test_an_object_and_a_glob_mean_what_they_mean_on_a_disk(
    pattern: str, found: list[str], con: duckdb.DuckDBPyConnection, export: str
) -> None:
    read(con, export + pattern)
    assert hosts(con) == found


def test_names_of_folders_are_read_though_they_are_in_the_address(con: duckdb.DuckDBPyConnection, export: str) -> None:
    report = read_telemetry(con, TelemetrySettings(telemetry=f"{export}/site=ams2", host_column="site"), today=TODAY)
    assert report.hosts == 1
    assert hosts(con) == ["ams2"]


def test_what_has_not_changed_is_not_copied_again(export: str, s3: S3Server, tmp_path: Path) -> None:
    con = duckdb.connect()
    first = {name: Path(name).stat().st_mtime_ns for name in found_files(con, export).names}
    s3.files().pipe_file(f"{export.removeprefix('s3://')}/site=gru1/b.csv", rows("c").write_csv().encode())
    second = {name: Path(name).stat().st_mtime_ns for name in found_files(con, export).names}
    assert [Path(name).name for name in first if second[name] != first[name]] == ["b.csv"]


def test_a_copy_whose_object_is_gone_goes_too(export: str, s3: S3Server) -> None:
    con = duckdb.connect()
    gone = next(Path(name) for name in found_files(con, export).names if name.endswith("b.csv"))
    s3.files().rm_file(f"{export.removeprefix('s3://')}/site=gru1/b.csv")
    assert [Path(name).name for name in found_files(con, export).names] == ["a.parquet"]
    assert not gone.exists()


def test_a_copy_that_was_altered_here_is_made_again(export: str) -> None:
    con = duckdb.connect()
    path = next(Path(name) for name in found_files(con, export).names if name.endswith("b.csv"))
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    found_files(con, export)
    assert path.read_bytes() == whole


def test_telemetry_is_known_by_what_the_store_says_without_being_copied(
    con: duckdb.DuckDBPyConnection, export: str, s3: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = TelemetrySettings(telemetry=export)
    before = fingerprint(con, settings)
    assert before.digest
    assert not any(copy.path.exists() for copy in copies_of(export).copies)
    found_files(con, export)
    assert fingerprint(con, settings) == before
    s3.files().pipe_file(f"{export.removeprefix('s3://')}/site=gru1/b.csv", rows("z").write_csv().encode())
    assert fingerprint(con, settings).digest not in (None, before.digest)


def test_a_message_names_the_object_and_not_its_copy(
    con: duckdb.DuckDBPyConnection, export: str, s3: S3Server, tmp_path: Path
) -> None:
    place = f"{export.removeprefix('s3://')}/site=ams2/a.parquet"
    s3.files().pipe_file(place, b"PAR1 that is none")
    with pytest.raises(TelemetryError, match=r"a\.parquet is not a readable Parquet file") as error:
        read(con, export)
    assert str(error.value).startswith("s3://")
    assert str(tmp_path) not in str(error.value)


def test_a_bad_line_is_named_with_its_object(
    con: duckdb.DuckDBPyConnection, export: str, s3: S3Server, tmp_path: Path
) -> None:
    place = f"{export.removeprefix('s3://')}/site=gru1/b.csv"
    s3.files().pipe_file(place, b"host,time,cpu\nb,2025-11-01,1\n" + b"b,2025-11-02,1,2,3\n" * 3)
    with pytest.raises(TelemetryError) as error:
        read(con, f"{export}/site=gru1/b.csv")
    assert "b.csv" in str(error.value)
    assert str(tmp_path) not in str(error.value)


def test_check_telemetry_reads_it_too(export: str) -> None:
    found = dry_run(TelemetrySettings(telemetry=export), today=TODAY)
    assert found.report.hosts == 2


@pytest.mark.parametrize(
    ("location", "sentence"),
    [
        ("s3://no-such-bucket-here/x", "telemetry s3://no-such-bucket-here/x: there is no bucket no-such-bucket-here"),
        ("s3://", "telemetry s3:// names no bucket"),
        ("nowhere://bucket/x", "nowhere://, which no package here knows"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(
    location: str, sentence: str, con: duckdb.DuckDBPyConnection, s3: S3Server
) -> None:
    with pytest.raises((TelemetryError, SettingsError), match=sentence):
        read(con, location)


def test_a_prefix_without_an_object_is_refused(con: duckdb.DuckDBPyConnection, s3: S3Server) -> None:
    bucket = s3.bucket()
    with pytest.raises(TelemetryError, match=f"there is no object at s3://{bucket}/x"):
        read(con, f"s3://{bucket}/x")


def test_credentials_in_an_address_are_refused_and_not_shown(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(SettingsError, match="has credentials in it") as error:
        read(con, "s3://key:planted-secret@bucket/x")
    assert "planted-secret" not in str(error.value)


def test_a_key_that_leads_out_of_the_folder_is_not_copied(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import fsspec

    monkeypatch.setenv("TURBO_FORECAST_WORK", str(tmp_path / "work"))
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pipe_file("/evil/good.csv", rows("a").write_csv().encode())
    memory.store["/evil/../../outside.csv"] = memory.store["/evil/good.csv"]
    try:
        read(con, "memory://evil")
        assert hosts(con) == ["a"]
        assert [path.name for path in tmp_path.rglob("*.csv")] == ["good.csv"]
    finally:
        memory.store.clear()


def test_what_a_console_puts_for_a_folder_is_no_object(export: str, s3: S3Server) -> None:
    place = export.removeprefix("s3://")
    bucket, _, prefix = place.partition("/")
    for key in (f"{prefix}/", f"{prefix}/site=ams2/", f"{prefix}/empty/"):
        s3.files().call_s3("put_object", Bucket=bucket, Key=key, Body=b"")
    assert [copy.key for copy in copies_of(export).copies][2:] == ["site=ams2/a.parquet", "site=gru1/b.csv"]
    assert not copies_of(export).unusable
    with pytest.raises(TelemetryError, match=f"there is no object at {export}/empty"):
        found_files(duckdb.connect(), f"{export}/empty")


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A store in memory, with nothing in it."""
    monkeypatch.setenv("TURBO_FORECAST_WORK", str(tmp_path / "work"))
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    yield memory
    memory.store.clear()


def brought(location: str) -> list[Copy]:
    copies = copies_of(location)
    copies.download(copies.copies)
    return list(copies.copies)


def test_what_another_glob_does_not_match_is_not_removed(memory: Any) -> None:
    """A run may be reading it."""
    memory.pipe_file("/bucket/x/a.csv", b"a")
    memory.pipe_file("/bucket/x/b.parquet", b"b")
    first = brought("memory://bucket/x/*.csv")
    brought("memory://bucket/x/*.parquet")
    assert [copy.path.read_bytes() for copy in first] == [b"a"]


@pytest.mark.parametrize("place", [0, 1])
def test_a_file_that_became_a_folder_and_a_folder_that_became_a_file_are_copied(place: int, memory: Any) -> None:
    forms = ["/bucket/x/a.csv", "/bucket/x/a.csv/part-0.csv"]
    memory.pipe_file(forms[place], b"old")
    brought("memory://bucket/x")
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]
    memory.pipe_file(forms[1 - place], b"new")
    for _ in range(2):
        assert [copy.path.read_bytes() for copy in brought("memory://bucket/x")] == [b"new"]


def test_objects_that_no_disk_holds_beside_each_other_are_named(memory: Any) -> None:
    memory.pipe_file("/bucket/x/b.csv/part-0.csv", b"a")
    memory.store["/bucket/x/b.csv"] = memory.store["/bucket/x/b.csv/part-0.csv"]
    copies = copies_of("memory://bucket/x")
    assert len(copies.copies) == 2
    with pytest.raises(
        StorageError, match=r"x/b\.csv is an object, and memory://bucket/x/b\.csv/part-0\.csv another one"
    ):
        copies.download(copies.copies)


def test_objects_whose_keys_are_no_paths_are_named_as_left_out(con: duckdb.DuckDBPyConnection, memory: Any) -> None:
    content = rows("a").write_csv().encode()
    memory.pipe_file("/bucket/x/a.csv", content)
    memory.store["/bucket/x//b.csv"] = memory.store["/bucket/x/a.csv"]
    assert "left out /b.csv: a key with an empty part" in read(con, "memory://bucket/x").describe()
    del memory.store["/bucket/x/a.csv"]
    with pytest.raises(TelemetryError, match=r"no object that can be copied: /b\.csv: a key with an empty part"):
        read(con, "memory://bucket/x")


@pytest.mark.parametrize(
    ("location", "keys"),
    [
        ("x/g[1]/*.csv", ["g[1]/a.csv"]),
        ("x/g[1]", ["g[1]/a.csv"]),
        ("x/g[1]/", ["g[1]/a.csv"]),
        ("x/b*.csv", ["b*.csv"]),
        ("x/g[0-9]/*.csv", ["g1/a.csv"]),
        ("x/*/a.csv", ["g1/a.csv", "g[1]/a.csv"]),
    ],
)
def test_what_is_there_under_just_the_name_of_a_glob_is_meant(location: str, keys: list[str], memory: Any) -> None:
    for key in ("g1/a.csv", "g[1]/a.csv", "b1.csv", "b*.csv"):
        memory.store[f"/bucket/x/{key}"] = MemoryFile(memory, f"/bucket/x/{key}", b"x")
    assert [copy.key for copy in copies_of(f"memory://bucket/{location}").copies] == keys

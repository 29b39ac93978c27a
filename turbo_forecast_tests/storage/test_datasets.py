"""A month's rows are a folder of part files or one file: published whole, and read as one table either way."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turbo_forecast.errors import StorageError
from turbo_forecast.leftovers import remove_leftovers
from turbo_forecast.processes import own_process
from turbo_forecast.storage import atomic_replace, datasets
from turbo_forecast.storage.datasets import (
    MadeRows,
    duckdb_path,
    duckdb_sql,
    part_name,
    parts,
    publish_folder,
    require_readable,
    require_unaltered,
    require_whole,
    row_count,
    rows,
)
from turbo_forecast.storage.files import publishing, write_parquet

ROOT = Path(__file__).resolve().parents[2]


def made(folder: Path, *numbers: list[int], size: int = 128) -> Path:
    """A folder of parts, each with its numbers in the column `n`."""
    folder.mkdir(parents=True, exist_ok=True)
    for at, each in enumerate(numbers):
        pl.DataFrame({"n": each}, schema={"n": pl.Int64}).write_parquet(folder / part_name(at * size, at * size + size))
    return folder


def one_file(path: Path, *numbers: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame({"n": numbers}, schema={"n": pl.Int64}).write_parquet(path)
    return path


def held(path: Path) -> list[int]:
    """What is stored, as Polars, DuckDB and the functions here agree to read it."""
    found: list[int] = rows(path).collect()["n"].to_list()
    assert [n for (n,) in duckdb.sql(f"SELECT n FROM {duckdb_sql(path)}").fetchall()] == found
    assert row_count(path) == len(found)
    return found


def hidden(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(".")]


@pytest.fixture(params=["exchange", "two renames"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that can exchange two names, and one that cannot."""
    if request.param == "two renames":
        monkeypatch.setattr(atomic_replace, "exchanged", lambda one, other: False)


@given(st.lists(st.tuples(st.integers(0, 10**8 - 1), st.integers(0, 10**8 - 1)), max_size=20))
def test_names_of_parts_sort_as_their_series_do(spans: list[tuple[int, int]]) -> None:
    assert sorted(part_name(*span) for span in spans) == [part_name(*span) for span in sorted(spans)]


def test_a_parts_name_has_its_first_series_and_the_one_after_its_last() -> None:
    assert part_name(0, 128) == "00000000-00000128.parquet"


def test_a_published_parts_name_ends_in_the_digest_of_its_bytes(tmp_path: Path) -> None:
    publish_folder(made(tmp_path / "made", [1], [2]), tmp_path / "month")
    for source, part in zip(parts(tmp_path / "made"), parts(tmp_path / "month"), strict=True):
        digest = hashlib.blake2b(source.read_bytes(), digest_size=8).hexdigest()
        assert part.name == f"{source.stem}-{digest}.parquet"


def test_the_same_rows_published_again_have_the_same_names_and_others_have_others(tmp_path: Path) -> None:
    path, names = tmp_path / "month", []
    for at, numbers in enumerate([([1], [2]), ([1], [2]), ([1], [3])]):
        publish_folder(made(tmp_path / f"made{at}", *numbers), path)
        names.append(sorted(os.listdir(path)))
    assert names[0] == names[1]
    assert names[0][0] == names[2][0]
    assert names[0][1] != names[2][1]


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("again", ["the same rows", "other rows", "other rows of some parts", "more parts", "one part"])
@pytest.mark.parametrize("library", ["polars", "arrow", "duckdb"])
def test_a_query_that_listed_the_parts_before_a_month_is_published_anew_meets_one_version_or_says_so(
    library: str, again: str, tmp_path: Path
) -> None:
    path, old = tmp_path / "month", [[1], [2], [3]]
    new = {
        "the same rows": old,
        "other rows": [[10], [20], [30]],
        "other rows of some parts": [[1], [20], [3]],
        "more parts": [[10], [20], [30], [40]],
        "one part": [[10]],
    }[again]
    publish_folder(made(tmp_path / "old", *old), path)
    if library == "duckdb":  # which lists the files when it is given a query
        relation = duckdb.sql(f"SELECT n FROM read_parquet({[str(part) for part in parts(path)]!r})")
        read = lambda: [n for (n,) in relation.fetchall()]  # noqa: E731
    elif library == "polars":
        frame = rows(path)
        frame.collect_schema()
        read = lambda: frame.collect()["n"].to_list()  # noqa: E731
    else:
        dataset = pyarrow.dataset.dataset(path)
        read = lambda: dataset.to_table()["n"].to_pylist()  # noqa: E731
    publish_folder(made(tmp_path / "new", *new), path)
    try:
        found = read()
    except (OSError, pl.exceptions.PolarsError, duckdb.Error):
        assert again != "the same rows"
        return
    assert found in ([1, 2, 3], [n for part in new for n in part])


@pytest.mark.parametrize("fault", ["other rows", "a byte", "none", "no part"])
def test_a_part_that_was_altered_after_it_was_published_is_named(fault: str, tmp_path: Path) -> None:
    path = tmp_path / "month"
    publish_folder(made(tmp_path / "made", [1], list(range(1000))), path)
    part = parts(path)[1]
    part = part.rename(part.with_name("anything.parquet")) if fault == "no part" else part
    if fault == "other rows":
        one_file(part, *range(1, 1001))
    elif fault == "a byte":
        content = bytearray(part.read_bytes())
        content[40] ^= 1
        part.write_bytes(content)
    if fault in ("none", "no part"):
        require_unaltered(path)
    else:
        with pytest.raises(StorageError) as said:
            require_unaltered(path)
        assert str(said.value) == (
            f"{part} was altered after it was published, as the digest in its name tells: make it again"
        )


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("before", ["nothing", "a file", "a folder", "a folder of more parts", "a link to a folder"])
def test_a_published_folder_takes_the_place_of_whatever_was_there(before: str, tmp_path: Path) -> None:
    path = tmp_path / "asset" / "2025-12.parquet"
    if before == "a file":
        one_file(path, 7)
    elif before.startswith("a folder"):
        made(path, *([[7]] * (3 if "more" in before else 1)))
    elif before != "nothing":
        path.parent.mkdir()
        path.symlink_to(made(tmp_path / "elsewhere", [7]))
    publish_folder(made(tmp_path / "made", [1, 2], [3]), path)
    assert held(path) == [1, 2, 3]
    assert os.listdir(path.parent) == [path.name], "nothing is left beside it"
    assert held(tmp_path / "made") == [1, 2, 3], "should the commit fail, what was made is still there"


@pytest.mark.usefixtures("system")
def test_a_file_takes_the_place_of_a_folder(tmp_path: Path) -> None:
    path = made(tmp_path / "asset" / "2025-12.parquet", [1], [2])
    with publishing(path) as beside:
        one_file(beside, 3)
    assert held(path) == [3]
    assert os.listdir(path.parent) == [path.name]


def test_folders_within_are_published_with_it(tmp_path: Path) -> None:
    one_file(made(tmp_path / "made", []).joinpath("inner", "deep", "x.parquet"), 5)
    publish_folder(tmp_path / "made", tmp_path / "month")
    assert held(tmp_path / "month" / "inner" / "deep" / "x.parquet") == [5]


def test_parts_are_copied_where_a_file_cannot_have_two_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(datasets.os, "link", refuse)
    publish_folder(made(tmp_path / "made", [1]), tmp_path / "month")
    assert held(tmp_path / "month") == [1]
    assert not next((tmp_path / "month").iterdir()).samefile(next((tmp_path / "made").iterdir()))


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("refusing", ["link", "fsync", "replace"])
def test_what_the_disk_refuses_leaves_the_old_rows_and_names_the_path(
    refusing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "asset" / "2025-12.parquet"
    if refusing != "replace":
        made(path, [7])

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(datasets.os, refusing, refuse)
        if refusing == "link":
            patched.setattr(datasets.shutil, "copyfile", refuse)
        with pytest.raises(StorageError, match=r"asset/2025-12.parquet cannot be written: No space left on device"):
            publish_folder(made(tmp_path / "made", [1]), path)
    assert hidden(path.parent) == []
    assert path.exists() is (refusing != "replace")
    if path.exists():
        assert held(path) == [7]


def test_a_folder_with_nothing_in_it_is_not_published(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    with pytest.raises(StorageError, match="month cannot be written: .*made is empty"):
        publish_folder(tmp_path / "made", tmp_path / "month")


KILLED = """
import os, signal, sys
from pathlib import Path
from turbo_forecast.storage import datasets, atomic_replace
made, path, way, moment = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
calls = 0
def dying(function):
    def call(*arguments, **options):
        global calls
        if calls == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        calls += 1
        return function(*arguments, **options)
    return call
if way == "two renames":
    atomic_replace.exchanged = lambda one, other: False
else:
    atomic_replace.exchanged = dying(atomic_replace.exchanged)
os.rename = dying(os.rename)
os.link = dying(os.link)
atomic_replace.remove = dying(atomic_replace.remove)
datasets.publish_folder(made, path)
"""


@pytest.mark.parametrize("way", ["exchange", "two renames"])
def test_a_publisher_killed_at_any_moment_leaves_the_old_rows_or_the_new_and_nothing_else(
    way: str, tmp_path: Path
) -> None:
    source = made(tmp_path / "made", [1], [2])
    for moment in range(20):
        path = made(tmp_path / str(moment) / "2025-12.parquet", [7], [8], [9])
        command = [sys.executable, "-c", KILLED, str(source), str(path), way, str(moment)]
        died = subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
        remove_leftovers(path.parent)
        assert os.listdir(path.parent) == [path.name]
        assert held(path) in ([7, 8, 9], [1, 2])
        assert held(source) == [1, 2]
        if not died:
            break
    assert moment >= 4, "it was killed between its steps"
    assert held(path) == [1, 2]


def test_a_month_is_always_there_while_it_is_published_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "2025-12.parquet"
    sources = [made(tmp_path / "a", [1], [1]), made(tmp_path / "b", [2], [2])]
    publish_folder(sources[0], path)
    script = (
        "import sys\nfrom pathlib import Path\nfrom turbo_forecast.storage.datasets import publish_folder\n"
        "for at in range(60): publish_folder(Path(sys.argv[1 + at % 2]), Path(sys.argv[3]))"
    )
    writer = subprocess.Popen([sys.executable, "-c", script, *map(str, sources), str(path)], cwd=ROOT)
    looked = 0
    while writer.poll() is None:
        assert path.is_dir(), "the name is never missing"
        looked += 1
    assert writer.returncode == 0
    assert looked > 10


def test_what_another_living_process_is_publishing_stays(tmp_path: Path) -> None:
    path = tmp_path / "2025-12.parquet"
    ours = tmp_path / f".{path.name}.{own_process().stem()}.tmp"
    made(ours, [1])
    publish_folder(made(tmp_path / "made", [2]), path)
    assert held(ours) == [1]


def test_what_was_moved_aside_returns_only_where_nothing_has_its_name(tmp_path: Path) -> None:
    gone = own_process().stem().replace(f"{os.getpid()}-", "4194999-", 1)
    for name in ("a.parquet", "b.parquet"):
        made(tmp_path / f".{name}.{gone}.old", [1])
    made(tmp_path / "b.parquet", [2])
    remove_leftovers(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["a.parquet", "b.parquet"]
    assert (held(tmp_path / "a.parquet"), held(tmp_path / "b.parquet")) == ([1], [2])


def test_files_of_former_versions_and_folders_are_read_together(tmp_path: Path) -> None:
    single, folder = one_file(tmp_path / "2025-11.parquet", 1, 2), made(tmp_path / "2025-12.parquet", [3], [], [4])
    assert held(single) == [1, 2]
    assert held(folder) == [3, 4]
    both = duckdb.sql(f"SELECT n FROM {duckdb_sql(single, folder)} ORDER BY n").fetchall()
    assert [n for (n,) in both] == [1, 2, 3, 4]
    assert parts(single) == [single]
    assert [part.name for part in parts(folder)] == [part_name(lo, lo + 128) for lo in (0, 128, 256)]
    for path in (single, folder):
        require_whole(path, ["n"])
        require_readable(path)
        with pytest.raises(StorageError, match=rf"{path.name}.* lacks m, k: make it again"):
            require_whole(path, ["m", "n", "k"])


Damage = Callable[[Path], object]
DAMAGED: dict[str, tuple[Damage, str]] = {
    "a part in the middle is gone": (
        lambda folder: (folder / part_name(128, 256)).unlink(),
        r"lacks the part from series 128 on \(before 00000256-00000384.parquet\): make it again",
    ),
    "the first part is gone": (lambda folder: (folder / part_name(0, 128)).unlink(), "lacks the part from series 0 on"),
    "a part twice, under two names": (
        lambda folder: one_file(folder / part_name(0, 256), 1),
        "holds series 0 twice",
    ),
    "a copy beside the parts": (
        lambda folder: one_file(folder / "copy.parquet", 1),
        "holds copy.parquet, which is none",
    ),
    "a part that is cut off": (
        lambda folder: os.truncate(folder / part_name(128, 256), 100),
        "00000128-00000256.parquet cannot be read",
    ),
    "no part at all": (lambda folder: [part.unlink() for part in folder.iterdir()], "a folder without Parquet files"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_folder_is_named_with_its_fault(damage: str, tmp_path: Path) -> None:
    folder = made(tmp_path / "2025-12.parquet", [1], [2], [3])
    do, said = DAMAGED[damage]
    do(folder)
    with pytest.raises(StorageError, match=said) as refused:
        require_whole(folder)
    assert str(folder) in str(refused.value)


def test_made_rows_count_themselves(tmp_path: Path) -> None:
    folder = made(tmp_path / "made", [1, 2], [3])
    assert MadeRows(folder).rows == 3
    assert MadeRows(folder).bytes == sum(len(part.read_bytes()) for part in folder.iterdir())


NAMES = (
    "g1",
    "g[1]",
    "g?",
    "**",
    "[!a]",
    "model=x",
    "it's",
    'q"q',
    "%41 #{a}",
    "a\nb",
    "~",
    "-rf",
    "é",
    "back\\slash",
    "",
)


def test_a_path_is_read_as_it_is_written_by_duckdb_and_polars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        write_parquet([pa.table({"name": [name]})], pa.schema([("name", pa.string())]), Path(name, "f.parquet"))
    with duckdb.connect() as con:
        for name in NAMES:
            (tmp_path / name / "month.parquet").mkdir()
            os.link(tmp_path / name / "f.parquet", tmp_path / name / "month.parquet" / part_name(0, 1))
            for path in (Path(name, "f.parquet"), tmp_path / name / "f.parquet", Path(name, "month.parquet")):
                if "\\" in name and path.is_dir():
                    continue
                found = con.sql(f"SELECT * FROM {duckdb_sql(path)}")
                assert (found.columns, found.fetchall()) == (["name"], [(name,)])
                assert rows(path).collect().to_dict(as_series=False) == {"name": [name]}
        every = con.sql(f"FROM {duckdb_sql(*(tmp_path / name / 'f.parquet' for name in NAMES))}").fetchall()
    assert [row[0] for row in every] == list(NAMES)


def test_what_duckdb_cannot_be_given_is_refused() -> None:
    with pytest.raises(StorageError, match="backslash"):
        duckdb_path("a\\b/c[1].parquet")
    assert duckdb_path("s3://bucket/*.parquet") == "s3://bucket/*.parquet"

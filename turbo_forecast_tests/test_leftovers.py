"""What killed processes leave is removed by the next one; what living ones use, and what others made, is not."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from turbo_forecast import leftovers, processes
from turbo_forecast.leftovers import remove_leftover_folders, remove_leftovers, temporary_file
from turbo_forecast.processes import Liveness, liveness, own_process, parsed
from turbo_forecast.storage.files import publishing

ROOT = Path(__file__).resolve().parents[1]
FILE = "with publishing(Path(sys.argv[1], 'month.parquet')) as made: made.write_bytes(bytes(1000)); wait()"
FOLDER = "with temporary_folder('spill-', Path(sys.argv[1])) as made: (made / 'a').write_bytes(bytes(1000)); wait()"
SCRIPT = """
import sys
import time
from pathlib import Path
from turbo_forecast.leftovers import temporary_folder
from turbo_forecast.storage.files import publishing
def wait():
    print('made', flush=True)
    sys.stdin.read()
{}
"""
CONTAINER = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts a process that makes something in the folder and goes on living."""
    started: list[subprocess.Popen[str]] = []

    def start(body: str, *before: str) -> "subprocess.Popen[str]":
        if before and (
            not shutil.which(before[0]) or subprocess.run([*before, "true"], capture_output=True).returncode
        ):
            pytest.skip("this machine does not let a test make a PID namespace")
        process = subprocess.Popen(
            [*before, sys.executable, "-c", SCRIPT.format(body), str(tmp_path)],
            cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "made\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def sweep(folder: Path) -> None:
    remove_leftovers(folder)
    remove_leftover_folders(folder, "spill-")


@pytest.mark.parametrize("where", [(), CONTAINER], ids=["here", "another container"])
@pytest.mark.parametrize("body", [FILE, FOLDER], ids=["file", "folder"])
def test_what_a_living_process_uses_stays_and_what_a_killed_one_left_goes(
    body: str, where: tuple[str, ...], owner: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    process = owner(body, *where)
    (made,) = os.listdir(tmp_path)
    sweep(tmp_path)
    assert os.listdir(tmp_path) == [made], "its process lives"
    process.send_signal(signal.SIGKILL)
    process.wait()
    if where:
        _wait_until(
            lambda: (
                liveness(parsed(made.split(".")[-2] if body is FILE else made[6:]), tmp_path / made) is Liveness.DEAD
            )
        )
    sweep(tmp_path)
    assert os.listdir(tmp_path) == []


def test_four_killed_writers_leave_nothing_once_the_next_file_is_published(
    owner: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    for _ in range(2):
        process = owner(FILE)
        process.kill()
        process.wait()
    for name in (".month.parquet.x.tmp", ".month.parquet.12345.tmp", "notes.tmp", ".month.parquet"):
        (tmp_path / name).write_text("somebody's")
    with publishing(tmp_path / "other.parquet") as beside:
        beside.write_text("new")
    assert sorted(os.listdir(tmp_path)) == [
        ".month.parquet", ".month.parquet.12345.tmp", ".month.parquet.x.tmp", "notes.tmp", "other.parquet",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "stays"),
    [
        ({"boot": "0123456789ab", "host_key": "01234567"}, True),
        ({"boot": "0123456789ab"}, False),
        ({"namespace": "1"}, False),
        ({"started": "1"}, False),
        ({}, True),
    ],
    ids=["another machine", "before a restart", "ended container", "reused number", "this very process"],
)
def test_an_unlocked_file_goes_only_where_its_process_is_certainly_gone(
    change: dict[str, str], stays: bool, tmp_path: Path
) -> None:
    left = tmp_path / f".file.{replace(own_process(), **change).stem()}.tmp"
    left.touch()
    remove_leftovers(tmp_path)
    assert left.exists() == stays


def test_without_locks_only_processes_of_this_container_are_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int, how: int) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr(processes.fcntl, "flock", refuse)
    monkeypatch.setattr(leftovers.fcntl, "flock", refuse)
    for change, stays in (({"namespace": "1"}, True), ({"started": "1"}, False)):
        left = tmp_path / f".file.{replace(own_process(), **change).stem()}.tmp"
        left.touch()
        remove_leftovers(tmp_path)
        assert left.exists() == stays
    with temporary_file(tmp_path / "file") as beside:
        beside.write_text("works without locks, too")


def test_a_link_with_the_name_of_a_leftover_is_not_followed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    stem = replace(own_process(), started="1").stem()
    (tmp_path / f"spill-{stem}").symlink_to(kept)
    sweep(tmp_path)
    assert (kept / "file").exists()


def test_a_fork_does_not_remove_its_parents_folder(tmp_path: Path) -> None:
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom turbo_forecast.leftovers import temporary_folder\n"
        "with temporary_folder('spill-', Path(sys.argv[1])) as folder:\n"
        "    if not os.fork(): sys.exit()\n"
        "    os.wait(); print(folder.exists())\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "True\n", done.stderr
    assert os.listdir(tmp_path) == []


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)

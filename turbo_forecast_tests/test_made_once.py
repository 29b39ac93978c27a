"""A folder is made once for all test processes, and a half-made one is nobody's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from turbo_forecast_tests.made_once import made_once

SCRIPT = """
import sys, time
from pathlib import Path
from turbo_forecast_tests.made_once import made_once

class Factory:
    def getbasetemp(self):
        return Path(sys.argv[1])

def make(folder):
    with open(sys.argv[2], "a") as file:
        file.write("made\\n")
    time.sleep(0.3)
    (folder / "content").write_text("whole")

print((made_once(Factory(), "thing", make) / "content").read_text())
"""


def test_processes_that_ask_at_once_get_the_folder_that_one_of_them_has_made(tmp_path: Path) -> None:
    processes = []
    for worker in ("gw0", "gw1", "gw2"):
        (tmp_path / f"popen-{worker}").mkdir()
        command = [sys.executable, "-c", SCRIPT, str(tmp_path / f"popen-{worker}"), str(tmp_path / "count")]
        environment = {**os.environ, "PYTEST_XDIST_WORKER": worker}
        processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
    assert [process.communicate(timeout=60)[0] for process in processes] == ["whole\n"] * 3
    assert (tmp_path / "count").read_text() == "made\n"


def test_what_was_left_half_made_is_made_anew(tmp_path_factory: pytest.TempPathFactory) -> None:
    def half(folder: Path) -> None:
        (folder / "half").touch()
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        made_once(tmp_path_factory, "test-of-half", half)
    folder = made_once(tmp_path_factory, "test-of-half", lambda folder: (folder / "whole").touch())
    assert [path.name for path in folder.iterdir()] == ["whole"]
    assert made_once(tmp_path_factory, "test-of-half", half) == folder

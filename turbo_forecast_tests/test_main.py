"""`python -m turbo_forecast` is the program that is installed as `turbo-forecast`."""

import subprocess
import sys
import tomllib
from pathlib import Path

from turbo_forecast import __main__ as module
from turbo_forecast.commands.app import main

ROOT = Path(__file__).resolve().parents[1]


def test_both_ways_to_call_it_are_the_same_program() -> None:
    entry = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["turbo-forecast"]
    assert entry == f"{main.__module__}:{main.__name__}"
    assert module.main is main
    done = subprocess.run(
        [sys.executable, "-m", "turbo_forecast", "--version"], capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stdout.split()[0]) == (0, "turbo-forecast")

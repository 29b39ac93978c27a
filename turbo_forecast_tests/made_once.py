"""What is dear to make and only read, made by the first test process that asks, for all of them.

Belongs here: making a folder once in a session, however many processes the tests run in. Does not belong here: what is made.
"""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder of this name as `make` has filled it, which nobody changes afterwards: who wants to, copies it.

    The other processes wait meanwhile. Where making it fails, each of them tries, and says why.
    """
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # a worker's folder lies in the session's
    folder, made = shared / f"once-{name}", shared / f"once-{name}.made"
    with (shared / f"once-{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # freed by the end of the block, and of the process
        if not made.exists():
            attempt = 1 + len(list(shared.glob(f"once-{name}.failed-*")))
            if folder.exists():
                folder.rename(shared / f"once-{name}.failed-{attempt}")
            folder.mkdir()
            make(folder)
            made.touch()
    return folder

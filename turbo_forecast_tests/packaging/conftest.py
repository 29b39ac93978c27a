"""The wheel and the source distribution, built once from a copy of the checkout as `python -m build` builds them."""

import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"
"""A hook of the build backend (PEP 517), called as a frontend calls it, with the environment's own setuptools: nothing is fetched."""


@dataclass(frozen=True, slots=True)
class Distributions:
    """files: what Git has of the checkout, as paths below it; wheel and source: what was built of these."""

    files: frozenset[str]
    wheel: Path
    source: Path


def checkout_files() -> frozenset[str]:
    """The files that belong to the checkout, those not yet committed among them."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no Git checkout, so nobody says which files belong to it")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return frozenset(name for name in listed.split("\0") if name and (ROOT / name).is_file())


def build(kind: str, sources: Path, into: Path) -> Path:
    """The wheel (`build_wheel`) or the source distribution (`build_sdist`) of a source tree."""
    done = subprocess.run([sys.executable, "-c", BUILD, kind, str(into)], cwd=sources, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return into / done.stdout.split()[-1]


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    folder = tmp_path_factory.mktemp("distributions")
    files = checkout_files()
    for name in files:
        (folder / "checkout" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / "checkout" / name)
    source = build("build_sdist", folder / "checkout", folder)
    with tarfile.open(source) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    return Distributions(files, build("build_wheel", unpacked, folder), source)

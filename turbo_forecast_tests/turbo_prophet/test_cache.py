"""Kernels count as compiled only where numba will load them: for this installation, on this processor."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from numba.core.registry import cpu_target

from turbo_forecast.models import level_kernel_set
from turbo_forecast.models.level_kernels import recent
from turbo_forecast.turbo_prophet import cache
from turbo_forecast.turbo_prophet.cache import KERNELS, KernelSet
from turbo_forecast.turbo_prophet.compilers import lock
from turbo_forecast.turbo_prophet.solver import solve_kernel

ROOT = Path(__file__).parents[2]


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KernelSet:
    """A set of two modules, marked as compiled, with files where numba would keep them."""
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path)
    package = tmp_path / "installed" / "package"
    package.mkdir(parents=True)
    sources = (package / "solver.py", package / "model.py")
    for source in sources:
        source.write_text(f"# {source.stem}")
    kernels = KernelSet("some", sources, ("raise SystemExit(1)",), "some kernels", "no time")
    kept = kernels._numbas_folder()
    kept.mkdir()
    for name in ("solver.f-1.py311.nbi", "solver.f-1.py311.1.nbc", "model.g-1.py311.nbi", "model.g-1.py311.1.nbc"):
        (kept / name).write_bytes(name.encode())
    kernels.mark()
    assert kernels.ready()
    return kernels


def _longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


@pytest.mark.parametrize(
    "change",
    [
        lambda kernels, _: _longer(kernels.sources[1]),
        lambda kernels, _: os.utime(kernels.sources[0], ns=(1, 1)),
        lambda kernels, _: next(kernels._numbas_folder().glob("model*.nbc")).unlink(),
        lambda kernels, _: next(kernels._numbas_folder().glob("solver*.nbc")).write_bytes(b"cut"),
        lambda kernels, _: _longer(next(kernels._numbas_folder().glob("solver*.nbi"))),
        lambda kernels, _: shutil.rmtree(kernels._numbas_folder()),
        lambda kernels, _: kernels._marker().write_text("{half"),
        lambda kernels, _: kernels._marker().unlink(),
        lambda _, patch: patch.setattr(cache, "_processor", lambda: "another machine of the cluster"),
        lambda _, patch: patch.setattr(cache, "version", lambda package: "0.1"),
        lambda _, patch: patch.setattr(cache.importlib.util, "MAGIC_NUMBER", b"next"),
        lambda _, patch: patch.setenv("NUMBA_ENABLE_AVX", "0"),
        lambda _, patch: patch.setenv("NUMBA_CPU_NAME", "generic"),
        lambda _, patch: patch.setattr(cache, "cache_folder", lambda: None),
    ],
)
def test_kernels_are_not_ready_when_numba_would_compile(
    change: Callable[[KernelSet, pytest.MonkeyPatch], object], compiled: KernelSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(compiled, monkeypatch)
    assert not compiled.ready()


def test_each_installation_has_its_own_mark(compiled: KernelSet, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "installed", tmp_path / "copied")
    copied = replace(compiled, sources=tuple(tmp_path / "copied" / "package" / s.name for s in compiled.sources))
    assert [s.read_text() for s in copied.sources] == [s.read_text() for s in compiled.sources]
    assert not copied.ready()
    shutil.copytree(compiled._numbas_folder(), copied._numbas_folder())
    copied.mark()
    assert copied.ready()
    assert compiled.ready()


def test_nothing_is_marked_where_numba_kept_nothing(compiled: KernelSet) -> None:
    shutil.rmtree(compiled._numbas_folder())
    compiled.mark()
    assert not compiled.ready()


def test_a_person_is_told_when_kernels_cannot_be_kept(compiled: KernelSet) -> None:
    next(compiled._numbas_folder().glob("*.nbc")).write_bytes(b"damaged")
    said: list[str] = []
    compiled.ensure(said.append)  # what it compiles with fails
    assert [line.split(" (")[0] for line in said] == [
        "compiling some kernels: once after an installation, no time …",
        "compiled kernels could not be kept",
    ]
    assert not list(compiled._numbas_folder().iterdir()), "damaged files are not met again"


def test_numba_keeps_them_where_we_look_and_names_the_processor_as_we_do() -> None:
    assert Path(solve_kernel._cache.cache_path) == KERNELS._numbas_folder()
    assert Path(recent._cache.cache_path) == level_kernel_set.KERNELS._numbas_folder()
    triple, name, features = cpu_target.target_context.codegen().magic_tuple()
    assert cache._processor().startswith(f"{triple} {name} ")
    assert cache.hashlib.sha256(features.encode()).hexdigest().startswith(cache._processor().split()[-1])


@pytest.mark.slow
def test_a_copied_installation_compiles_before_its_workers_start(tmp_path: Path) -> None:
    cache.ensure_compiled(print)
    shutil.copytree(ROOT / "turbo_forecast", tmp_path / "turbo_forecast", ignore=shutil.ignore_patterns("__pycache__"))
    ask = "from turbo_forecast.turbo_prophet import cache; print(cache.__file__, cache.kernels_ready())"
    answers = [
        subprocess.run([sys.executable, *flags, "-c", ask], cwd=at, capture_output=True, text=True, check=True).stdout
        for at, flags in ((ROOT, []), (tmp_path, []), (ROOT, ["-O"]))
    ]
    assert [answer.split()[-1] for answer in answers] == ["True", "False", "False"]
    assert answers[1].startswith(str(tmp_path))


def _unready(kernels: KernelSet, *groups: str) -> KernelSet:
    kernels._marker().unlink()
    return replace(kernels, groups=groups)


def _sleeps_and_keeps(kernels: KernelSet, seconds: float, name: str) -> str:
    kept = str(kernels._numbas_folder() / f"solver.{name}-1.py311.nbi")
    return f"import time, pathlib; time.sleep({seconds}); pathlib.Path({kept!r}).write_text('x')"


def test_groups_are_compiled_beside_one_another_and_what_was_begun_is_waited_for(compiled: KernelSet) -> None:
    groups = [_sleeps_and_keeps(compiled, 1.0, name) for name in ("a", "b", "c")]
    kernels = _unready(compiled, *groups)
    kernels.begin()
    kernels.begin()
    assert not kernels.ready()
    said: list[str] = []
    kernels.ensure(said.append)
    assert kernels.ready()
    assert {f"solver.{name}-1.py311.nbi" for name in "abc"} <= kernels._files().keys()
    assert said[-1].startswith("kernels compiled")
    assert kernels not in cache._begun


def test_two_runs_at_once_compile_once(compiled: KernelSet, tmp_path: Path) -> None:
    count = tmp_path / "count"
    kernels = _unready(compiled, f"import time; open({str(count)!r}, 'a').write('x'); time.sleep(1)")
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda _: kernels.ensure(lambda line: None), range(3)))
    assert count.read_text() == "x"
    assert kernels.ready()


def test_nothing_is_left_running_when_a_run_is_given_up(compiled: KernelSet) -> None:
    kernels = _unready(compiled, "import time; time.sleep(600)")
    kernels.begin()
    compilers = cache._begun[kernels]
    kernels.abandon()
    assert [process.returncode for process in compilers._processes] == [-signal.SIGKILL]
    assert _free(kernels._lock(compiled._marker().parent))


@pytest.mark.slow
def test_compilers_end_with_a_process_that_is_killed(tmp_path: Path) -> None:
    outer, inner, at_work = tmp_path / "outer", tmp_path / "inner", tmp_path / "at work"
    sleeping = (
        "import pathlib, time; from turbo_forecast.turbo_prophet.compilers import lock;"
        f"held = lock(pathlib.Path({str(inner)!r}), wait=True); pathlib.Path({str(at_work)!r}).touch(); time.sleep(600)"
    )
    code = (
        "import pathlib, time; from turbo_forecast.turbo_prophet.compilers import Compilers, lock;"
        f"c = Compilers(lock(pathlib.Path({str(outer)!r}), wait=True), [{sleeping!r}]); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as parent:
        assert _soon(at_work.exists)
        assert not _free(outer)
        assert not _free(inner)
        parent.kill()
    assert _soon(lambda: _free(outer) and _free(inner)), "a lock is held for as long as its process lives"


@pytest.mark.slow
def test_a_child_that_was_forked_meanwhile_holds_neither_the_lock_nor_the_compilers(tmp_path: Path) -> None:
    """As a pool of Prophet's cross-validation is: forked while kernels are compiled, and asking for them itself."""
    held, at_work, forked, got = (tmp_path / name for name in ("held", "at work", "forked", "got"))
    sleeping = f"import pathlib, time; pathlib.Path({str(at_work)!r}).touch(); time.sleep(600)"
    code = f"""
import os, pathlib, time
from turbo_forecast.turbo_prophet import cache
from turbo_forecast.turbo_prophet.compilers import Compilers, lock
path = pathlib.Path({str(held)!r})
cache._begun[cache.KERNELS] = waited_for = Compilers(lock(path, wait=True), [{sleeping!r}])
while not pathlib.Path({str(at_work)!r}).exists():
    time.sleep(0.05)
child = os.fork()
if child == 0:
    begun, taken = len(cache._begun), lock(path, wait=False)
    pathlib.Path({str(forked)!r}).write_text(f"{{begun}} {{taken}}")
    lock(path, wait=True)
    pathlib.Path({str(got)!r}).touch()
    os._exit(0)
print(child, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            assert _soon(lambda: forked.exists() and forked.read_text() == "0 None"), "the lock is still the parent's"
            assert _working(sleeping)
            parent.kill()
            assert _soon(got.exists), "the child waits for a lock that it holds itself"
            assert _soon(lambda: not _working(sleeping)), "the child keeps the compiler at work"
        finally:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


def _commands() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            yield path.read_bytes()


def _working(code: str) -> bool:
    """Whether a process runs this code."""
    return any(command.rstrip(b"\0").endswith(code.encode()) for command in _commands())


def _free(path: Path) -> bool:
    held = lock(path, wait=False)
    if held is not None:
        held.close()
    return held is not None


def _soon(what: Callable[[], bool]) -> bool:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(0.05)
    return False

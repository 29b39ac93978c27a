"""Where compiled kernels are kept between processes, and whether they are there.

Belongs here: what can be told without importing numba (0.5 s), so that a parent process can ask for nothing.
Does not belong here: compiling (`jit.py`, `daily.compile_kernels`), and whose a folder is (`cache_permissions.py`).
"""

import hashlib
import importlib.util
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from turbo_forecast.turbo_prophet.cache_permissions import why_untrusted
from turbo_forecast.turbo_prophet.compilers import Compilers, lock

# Modules whose text decides the machine code: every kernel, and how kernels are compiled. Editing another recompiles nothing.
KERNEL_MODULES = (
    "daily",
    "daily_calendar",
    "derivatives",
    "descent",
    "elementary",
    "gram",
    "initial_values",
    "intervals",
    "jit",
    "linear_algebra",
    "model",
    "prediction",
    "proximal_step",
    "solver",
    "weekly_aggregate",
    "xoshiro",
)
NUMBA_SWITCHES = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX")
"""Numba's settings that are part of the key under which it keeps machine code."""

Say = Callable[[str], None]


def _sources_digest() -> str:
    """A digest of the kernels' sources: numba notices changes in a kernel's own file only, not in its callees'."""
    digest = hashlib.sha256(version("numba").encode())
    for name in KERNEL_MODULES:
        digest.update(name.encode())
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return digest.hexdigest()[:16]


def _candidates() -> list[Path]:
    folder = f"kernels-{_sources_digest()}"
    bases: list[Path] = []
    if os.environ.get("NUMBA_CACHE_DIR"):
        bases.append(Path(os.environ["NUMBA_CACHE_DIR"]))
    bases.append(Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "turbo_forecast")
    user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    bases.append(Path(tempfile.gettempdir()) / f"turbo_forecast-{user}")
    return [base.absolute() / folder for base in bases]


def _refusal(folder: Path) -> str | None:
    """Why kernels cannot be kept in the folder; None when they can. It is made unless it is there."""
    if reason := why_untrusted(folder):  # before anything is made: a link of somebody else's may lead anywhere
        return reason
    try:
        for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return why_untrusted(folder)
    except OSError as error:
        return f"{folder} cannot be written ({error.strerror or error})"


@cache
def cache_folder() -> Path | None:
    """The first folder that can be written, by this user alone; None (every process compiles for itself) if there is
    none: numba runs what it finds in its cache."""
    return next((folder for folder in _candidates() if _refusal(folder) is None), None)


def refusals() -> list[str]:
    """Why each folder before the one that is used cannot be."""
    reasons = []
    for folder in _candidates():
        reason = _refusal(folder)
        if reason is None:
            break
        reasons.append(reason)
    return reasons


@dataclass(frozen=True, slots=True)
class KernelSet:
    """Kernels that are compiled together, and the note that they have been.

    sources: the modules that hold them, in one folder. groups: what compiles them, Python code for a process each; no
    function that numba keeps should be in two groups.
    """

    name: str
    sources: tuple[Path, ...]
    groups: tuple[str, ...]
    title: str
    duration: str

    def ready(self) -> bool:
        """Whether every kernel has been compiled and kept for just this installation on this processor.

        False whenever numba would compile: its key is made of what `_made_for` names, and its files are compared.
        """
        marker = self._marker()
        try:
            noted = json.loads(marker.read_text()) if marker else {}
        except (OSError, ValueError):
            return False
        files = self._files()
        return bool(files) and noted == {"made for": self._made_for(), "files": files}

    def mark(self) -> None:
        """Note that every kernel has been compiled, and what for. A note that cannot be written is not needed."""
        marker = self._marker()
        if marker is None or self.ready():
            return
        beside = marker.with_suffix(f".{os.getpid()}.tmp")
        try:
            beside.write_text(json.dumps({"made for": self._made_for(), "files": self._files()}, indent=1))
            beside.replace(marker)
        except OSError:
            beside.unlink(missing_ok=True)

    def begin(self) -> None:
        """Start compiling in the background unless the kernels are kept, or somebody is at it. `ensure` waits for it."""
        folder = cache_folder()
        if folder is None or self in _begun or self.ready():
            return
        held = lock(self._lock(folder), wait=False)
        if held is not None:
            _begun[self] = Compilers(held, self.groups)

    def abandon(self) -> None:
        """End what `begin` started and nobody has waited for."""
        compilers = _begun.pop(self, None)
        if compilers is not None:
            compilers.stop()

    def ensure(self, say: Say) -> None:
        """Compile the kernels unless they are kept already; call it before workers start, which would each compile."""
        if self.ready():
            self.abandon()
            return
        for reason in refusals():
            say(f"compiled kernels are not kept where they could be: {reason}")
        folder = cache_folder()
        if folder is None:
            say("there is no folder for compiled kernels: each worker compiles its own, which takes a while")
            return
        say(f"compiling {self.title}: once after an installation, {self.duration} …")
        started = time.perf_counter()
        self._compile(folder)
        took = f"{time.perf_counter() - started:.0f} s"
        if self.ready():
            say(f"kernels compiled in {took}")
        else:
            say(f"compiled kernels could not be kept ({took}): each worker compiles its own, which takes a while")

    def _compile(self, folder: Path) -> None:
        """Wait for the compilers at work, here or in another process, or for new ones."""
        compilers = _begun.pop(self, None)
        if compilers is None:
            held = lock(self._lock(folder), wait=True)
            assert held is not None, "whoever waits for a lock has it"
            compilers = Compilers(held, () if self.ready() else self.groups)  # another may have compiled meanwhile
        try:
            if not compilers.wait():
                for name in self._files():  # a damaged file is not compiled anew but stumbled over
                    (self._numbas_folder() / name).unlink(missing_ok=True)
                compilers.again()
                if not compilers.wait():
                    return
            self.mark()
        finally:
            compilers.stop()

    def _lock(self, folder: Path) -> Path:
        return folder / f"{self.name}.lock"

    def _marker(self) -> Path | None:
        folder = cache_folder()
        if folder is None:
            return None
        made_for = json.dumps(self._made_for(), sort_keys=True).encode()
        return folder / f"{self.name}-{hashlib.sha256(made_for).hexdigest()[:16]}.json"

    def _made_for(self) -> dict[str, str]:
        """Everything that numba's index is keyed by, and the versions of what compiles."""
        return {
            "numba": version("numba"),
            "llvmlite": version("llvmlite"),
            "python": f"{sys.implementation.cache_tag}{getattr(sys, 'abiflags', '')} {importlib.util.MAGIC_NUMBER.hex()}",
            "optimised": str(sys.flags.optimize),  # numba's key has the bytecode, which asserts are part of
            "processor": _processor(),
            **{name: os.environ.get(name, "") for name in NUMBA_SWITCHES},
            **{str(path): _identity(path) for path in self.sources},
        }

    def _files(self) -> dict[str, str]:
        """Digests of what numba keeps of the sources, by name."""
        folder = self._numbas_folder()
        found = {}
        for path in sorted(folder.glob("*.nb[ic]")) if folder.is_dir() else ():
            if any(path.name.startswith(f"{source.stem}.") for source in self.sources):
                try:
                    found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
                except OSError:
                    continue  # replaced this moment; the next look will see it
        return found

    def _numbas_folder(self) -> Path:
        """Where numba keeps what it compiles of a folder's modules (`_CacheLocator.get_suitable_cache_subpath`)."""
        package = os.path.abspath(self.sources[0].parent)
        hashed = hashlib.sha1(package.encode(), usedforsecurity=False).hexdigest()
        return (cache_folder() or Path(os.devnull)) / f"{os.path.basename(package)}_{hashed}"


def _identity(path: Path) -> str:
    """A source's content, and its size and time of change, which some versions of numba go by."""
    found = path.stat()
    return f"{hashlib.sha256(path.read_bytes()).hexdigest()[:16]} {found.st_size} {found.st_mtime_ns}"


@cache
def _processor() -> str:
    """The processor as numba names it: by LLVM (0.1 s to load)."""
    from llvmlite import binding  # type: ignore[import-untyped]

    try:
        features = binding.get_host_cpu_features().flatten()
    except RuntimeError:  # as numba does where LLVM cannot tell
        features = ""
    digest = hashlib.sha256(features.encode()).hexdigest()[:16]
    return f"{binding.get_process_triple()} {binding.get_host_cpu_name()} {digest}"


_begun: dict[KernelSet, Compilers] = {}
"""Sets that this process compiles in the background."""
if hasattr(os, "register_at_fork"):
    # a child cannot wait for its parent's compilers: they are not its own
    os.register_at_fork(after_in_child=_begun.clear)

KERNELS = KernelSet(
    name="kernels",
    sources=tuple(Path(__file__).with_name(f"{name}.py") for name in KERNEL_MODULES),
    groups=(
        "from turbo_forecast.turbo_prophet.solver import compile_search; compile_search()",
        "from turbo_forecast.turbo_prophet.daily import compile_rest; compile_rest()",
    ),
    title="Turbo Prophet's kernels",
    duration="half a minute",
)


def kernels_ready() -> bool:
    """Whether every kernel of Turbo Prophet has been compiled and kept, for this installation and processor."""
    return KERNELS.ready()


def mark_ready() -> None:
    """Note that every kernel of Turbo Prophet has been compiled."""
    KERNELS.mark()


def ensure_compiled(say: Say) -> None:
    """Compile Turbo Prophet's kernels unless they are kept already; call it before workers start."""
    KERNELS.ensure(say)

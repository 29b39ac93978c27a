"""Interruptions of a command, whenever they come, and the waiting of its runs for others.

Dagster lets an interruption through while code of ours runs in a step. One that comes while a run waits for its place in
a pool is kept until the place is free, and one that comes after the last step is forgotten. A run that waits does so
silently.

Belongs here: noticing an interruption that Dagster keeps to itself, and waiting that can be interrupted. Does not belong
here: what the command does then (`launch.py`).
"""

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import dagster as dg
from dagster._core.execution.plan.active import ActiveExecution  # the public package has no seam for waiting

from turbo_forecast.defs.partitions import WAREHOUSE_POOL
from turbo_forecast.status_log import duration, longer_silence

KINDS = (signal.SIGINT, signal.SIGTERM)
POLL_SECONDS = 0.25
WORTH_A_WORD_SECONDS = 2.0


@contextmanager
def interruptions_noticed() -> Iterator[Callable[[], bool]]:
    """A function that is true once SIGINT or SIGTERM has come since the block began, whoever has handled it.

    Only in the main thread, which alone gets signals; in others the answer is always no.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    reading, writing = socket.socketpair()
    with reading, writing:
        reading.setblocking(False)
        writing.setblocking(False)
        seen = bytearray()

        def noticed() -> bool:
            with suppress(BlockingIOError):
                seen.extend(reading.recv(4096))
            return any(kind in seen for kind in KINDS)

        before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        try:
            yield noticed
        finally:
            signal.set_wakeup_fd(before)


@contextmanager
def waiting_logged(instance: dg.DagsterInstance, about: str, log: Callable[[str], None]) -> Iterator[None]:
    """A run in the block that waits for its place in the pool leaves the processor to others, logs that it waits, and can be interrupted.

    about: what each line begins with.
    """
    wait = _Wait(instance, about, log)
    original = ActiveExecution.sleep_til_ready

    def sleep(self: ActiveExecution) -> None:
        with dg.raise_execution_interrupts():
            wait.look(time.monotonic())
            time.sleep(POLL_SECONDS)  # Dagster's own interval is never more than nothing

    ActiveExecution.sleep_til_ready = sleep  # type: ignore[method-assign]
    try:
        yield
    finally:
        ActiveExecution.sleep_til_ready = original  # type: ignore[method-assign]


class _Wait:
    """Lines about one wait after another, rarer as a wait becomes longer."""

    def __init__(self, instance: dg.DagsterInstance, about: str, log: Callable[[str], None]) -> None:
        self._instance, self._about, self._log = instance, about, log
        self._began = self._looked = self._said = float("-inf")

    def look(self, now: float) -> None:
        """Called again and again while the run waits. now: seconds of any clock that is never set back."""
        if now - self._looked > WORTH_A_WORD_SECONDS:  # it has worked meanwhile: this is another wait
            self._began = now
        self._looked = now
        waited = now - self._began
        if waited >= WORTH_A_WORD_SECONDS and now - self._said >= longer_silence(waited):
            self._said = now
            self._log(f"{self._about} · waiting for {self._holders()}, {duration(waited)} so far")

    def _holders(self) -> str:
        slots = self._instance.event_log_storage.get_concurrency_info(WAREHOUSE_POOL).claimed_slots
        runs = sorted({slot.run_id[:8] for slot in slots})
        if not runs:
            return "a place at the warehouse"
        return f"run{'' if len(runs) == 1 else 's'} {', '.join(runs)}, now at the warehouse"

"""SIGTERM as an exception, so that what a function has begun is ended in order.

Belongs here: signals of a process that calls the library. Does not belong here: runs under Dagster, which has its own
handling, and workers.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

KINDS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Terminated(BaseException):
    """The process is asked to end."""


@contextmanager
def terminated_in_order() -> Iterator[None]:
    """A signal that would end the process at once first ends the block, as an exception; then it ends the process.

    Only where the system's default stands, and in the main thread: a handler of the caller's own, or one that ignores
    the signal, decides for itself, and in other threads Python can set none (what such a run leaves is removed by the
    next one). The handlers are the caller's again afterwards.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1:  # a second one must not interrupt the tidying up
            raise Terminated

    replaced = [kind for kind in KINDS if signal.getsignal(kind) == signal.SIG_DFL]
    try:
        for kind in replaced:
            signal.signal(kind, end)
        yield
    finally:
        for kind in replaced:
            signal.signal(kind, signal.SIG_DFL)
        if received:
            os.kill(os.getpid(), received[0])

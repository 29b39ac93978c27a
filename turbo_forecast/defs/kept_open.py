"""Context managers that a step keeps open while the I/O manager stores what the step has yielded.

An asset that yields a frame is left standing at its `yield` when storing the frame fails: Dagster neither resumes nor
closes it, and garbage collection would roll its transaction back at some later time. So the I/O manager closes it.
Does not belong here: what is kept open (`monthly.py`, `assets/`).
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar

import dagster as dg

Entered = TypeVar("Entered")

_OPEN: dict[tuple[str, str], ExitStack] = {}
"""By run and step: what steps of this process keep open at the moment."""


@contextmanager
def kept_open(context: dg.AssetExecutionContext, manager: AbstractContextManager[Entered]) -> Iterator[Entered]:
    """The same as `with manager`, for a block that yields to Dagster; at most one of them at a time in a step."""
    step = (context.run.run_id, context.get_step_execution_context().step.key)
    with ExitStack() as stack:
        entered = stack.enter_context(manager)
        _OPEN[step] = stack
        try:
            yield entered
        finally:
            if _OPEN.get(step) is stack:
                del _OPEN[step]


@contextmanager
def closed_on_error(context: dg.OutputContext) -> Iterator[None]:
    """Where the block fails, exit what the step keeps open with its error (roll back, close, unlock), and raise that."""
    try:
        yield
    except BaseException as error:
        stack = _OPEN.pop((context.run_id, context.step_key), None)
        if stack is not None:
            stack.__exit__(type(error), error, error.__traceback__)
        raise

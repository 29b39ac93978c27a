"""How kernels are compiled.

Belongs here: the decorators of every kernel. Does not belong here: kernels, and the folder they are kept in (`cache.py`).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numba
from numba import config

from turbo_forecast.turbo_prophet.cache import cache_folder

_Kernel = Callable[..., Any]

_FOLDER = "CACHE_DIR"  # numba's setting; it is not in numba's type hints
# Fused multiply-add only. Reassociation is left off: sums keep one order, so the same input gives the same bytes.
_FASTMATH = {"contract", "nsz"}
CACHE_FOLDER = cache_folder()
_njit: Callable[..., Any] = numba.njit  # its type hints lack the options below
_inside = partial(_njit, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)


def entry(function: _Kernel) -> _Kernel:
    """Compile a kernel that Python calls, and keep its machine code (it includes every kernel it calls)."""
    if CACHE_FOLDER is None:
        return numba.njit(fastmath=_FASTMATH, error_model="numpy")(function)
    before = getattr(config, _FOLDER)
    setattr(config, _FOLDER, str(CACHE_FOLDER))  # read while decorating; other users of numba keep their own folder
    try:
        return numba.njit(fastmath=_FASTMATH, error_model="numpy", cache=True)(function)
    finally:
        setattr(config, _FOLDER, before)


def kernel(function: _Kernel) -> _Kernel:
    """Compile a kernel that only other kernels call: Python cannot, which saves a third of the time to compile it."""
    compiled: _Kernel = _inside(fastmath=_FASTMATH)(function)
    return compiled


def part(function: _Kernel) -> _Kernel:
    """Compile a part of one short kernel, which nothing else calls, as if it stood there: handing on tuples of arrays costs.

    LLVM copies it, not numba as with `inlined`. Their machine code rounds differently in the last digit.
    """
    compiled: _Kernel = _inside(fastmath=_FASTMATH, forceinline=True)(function)
    return compiled


def reduction(function: _Kernel) -> _Kernel:
    """Compile a kernel of this kind whose sums may be vectorised: lanes are added in an order fixed by the machine code,
    not by chance."""
    compiled: _Kernel = _inside(fastmath=_FASTMATH | {"reassoc"})(function)
    return compiled


def inlined(function: _Kernel) -> _Kernel:
    """Compile a function that numba copies into its callers before it types them.

    Scalar functions, in loops that are then vectorised; and the parts of a long kernel, which nothing else calls, so that each
    fits on a screen. As kernels of their own these would be optimised again with each caller of theirs, one in the other, and
    compiling would take more than twice as long.
    """
    return numba.njit(fastmath=_FASTMATH, error_model="numpy", inline="always")(function)

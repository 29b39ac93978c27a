"""Kernels that only kernels call, made callable for tests."""

from collections.abc import Callable
from typing import Any

import numba


def called(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """A function that calls the kernel from within compiled code, with the same arguments and result.

    One that is copied into its callers is returned itself: Python may call it, and numba copies nothing into `call` below.
    """
    if kernel.targetoptions.get("inline") == "always":  # type: ignore[attr-defined]
        return kernel

    @numba.njit(error_model="numpy")
    def call(*given):  # type: ignore[no-untyped-def]
        return kernel(*given)

    return call  # type: ignore[no-any-return]

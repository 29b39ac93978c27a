"""Kernels that only kernels call, made callable for tests."""

from collections.abc import Callable
from typing import Any

import numba


def called(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """A function that calls the kernel from within compiled code, with the same arguments and result."""

    @numba.njit(error_model="numpy")
    def call(*given):  # type: ignore[no-untyped-def]
        return kernel(*given)

    return call  # type: ignore[no-any-return]

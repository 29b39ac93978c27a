"""A small seeded generator inside kernels: no global state, the same draws in any process.

Belongs here: xoshiro256++ (Blackman and Vigna 2021, doi:10.1145/3460772) seeded by splitmix64. Does not belong here: what is drawn.
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import numpy as np

from turbo_forecast.turbo_prophet.jit import kernel


@kernel
def seeded(seed):
    """(4,) uint64: the generator's state for a seed (any 64-bit integer)."""
    state = np.empty(4, np.uint64)
    x = np.uint64(seed)
    for i in range(4):
        x = x + np.uint64(0x9E3779B97F4A7C15)
        v = x
        v = (v ^ (v >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        v = (v ^ (v >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state[i] = v ^ (v >> np.uint64(31))
    return state


@kernel
def uniform(state):
    """A number in (0, 1), never either end: a multiple of 2**-52 plus 2**-53. state: (4,), moved on."""
    s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
    total = s0 + s3
    result = ((total << np.uint64(23)) | (total >> np.uint64(41))) + s0
    shifted = s1 << np.uint64(17)
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = (s3 << np.uint64(45)) | (s3 >> np.uint64(19))
    state[0], state[1], state[2], state[3] = s0, s1, s2, s3
    return (np.float64(result >> np.uint64(12)) + 0.5) * (1.0 / 4503599627370496.0)

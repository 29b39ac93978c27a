"""Compile the kernels of an image, so that its containers need not: run once, when the image is built.

Exits with 1 where the kernels cannot be kept: the image would be slower than it looks.
"""

import sys

from turbo_forecast.models import level_kernel_set
from turbo_forecast.turbo_prophet import cache

for kernels in (cache.KERNELS, level_kernel_set.KERNELS):
    kernels.ensure(print)
    if not kernels.ready():
        sys.exit(f"the compiled {kernels.title} could not be kept")

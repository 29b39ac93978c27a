"""A synthetic fleet's telemetry, as a monitoring system would export it, to try the product on.

`write_demo_fleet` writes it; `python -m turbo_forecast.demo` is the same as a command.

Belongs here: everything that is made up. Does not belong here: anything a run on real telemetry needs.
"""

from turbo_forecast.demo.folder import DemoReport, write_demo_fleet

__all__ = ["DemoReport", "write_demo_fleet"]

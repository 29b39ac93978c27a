"""Where telemetry lives: monitoring systems and databases that are asked for a window of time.

Belongs here: how each kind is reached and asked, and what its answers mean, as rows of `protocol.ROWS`. Does not belong
here: what becomes of the rows (`landing/`), and telemetry that already lies in files (`storage/telemetry`).

To add a kind: a class that is a `protocol.Source` and its options, in a module here and a line in `registry.BUILT_IN`; or in a
package of your own, under the entry point group `turbo_forecast.sources`.
"""

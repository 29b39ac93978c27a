"""Settings with which Dask's processes do nothing while they have nothing to do.

By default a worker looks at its own stack a hundred times a second, and scheduler and workers at their event loops fifty times: 1.0 CPU
second a minute for a scheduler and 1.9 for a worker, with these 0.2 each. No test reads what they would see.

Belongs here: these settings, for clusters of tests. Does not belong here: starting clusters.
"""

QUIET: dict[str, object] = {
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.monitor-interval": "1s",
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.diagnostics.nvml": False,
}
"""By their names in Dask's configuration."""


def quiet_environment() -> dict[str, str]:
    """The settings as variables of a process's environment."""
    return {f"DASK_{name.replace('.', '__').replace('-', '_').upper()}": str(value) for name, value in QUIET.items()}

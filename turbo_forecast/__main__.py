"""`python -m turbo_forecast`: materialise a month (or a range) and print what came of it.

Belongs here: arguments, environment, exit codes. Does not belong here: what a run does.
"""

import argparse
import os
import sys
from pathlib import Path

from turbo_forecast.errors import SettingsError, TurboForecastError
from turbo_forecast.paths import require_storable
from turbo_forecast.settings import load_settings
from turbo_forecast.text import printable, shown_message


def main(arguments: list[str] | None = None) -> int:
    """0: materialised; 1: the run failed; 2: it could not start."""
    options = _parser().parse_args(arguments)
    try:
        _set_environment(options)
        return _run(options)
    except TurboForecastError as error:
        print(f"error: {printable(shown_message(str(error)))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # before or after the run; during it, Dagster records the interruption
        print("error: interrupted", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m turbo_forecast", description=__doc__.splitlines()[0])
    parser.add_argument("--month", required=True, help="YYYY-MM, or a range YYYY-MM..YYYY-MM in one run")
    parser.add_argument("--telemetry", help="file, folder, glob, URI or DuckDB file (TURBO_FORECAST_TELEMETRY)")
    parser.add_argument("--data", default=os.environ.get("TURBO_FORECAST_DATA") or "data", help="where results go")
    parser.add_argument("--config", help="settings file, YAML (TURBO_FORECAST_CONFIG)")
    parser.add_argument("--demo-hosts", type=int, help="without telemetry: write and use a demo fleet of so many hosts")
    parser.add_argument("--verbose", action="store_true", help="Dagster's own event log on the terminal")
    return parser


def _set_environment(options: argparse.Namespace) -> None:
    """What the definitions read, from arguments. Raises SettingsError for what is missing."""
    home = Path(os.environ.get("DAGSTER_HOME") or "").resolve()
    if not os.environ.get("DAGSTER_HOME"):
        raise SettingsError("DAGSTER_HOME is not set: it names the folder of dagster.yaml (here: dagster_home)")
    if not home.is_dir():
        raise SettingsError(f"DAGSTER_HOME {home} is not a folder: it names the folder of dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(home)
    data = Path(options.data).resolve()
    require_storable(data)
    os.environ["TURBO_FORECAST_DATA"] = str(data)
    if options.config:
        os.environ["TURBO_FORECAST_CONFIG"] = str(Path(options.config).resolve())
    if options.telemetry:
        os.environ["TURBO_FORECAST_TELEMETRY"] = options.telemetry
    elif not _has_telemetry():
        if options.demo_hosts is None:
            raise SettingsError(
                "there is no telemetry: give --telemetry (a file, folder, glob, URI or DuckDB file), or --demo-hosts 50 "
                "to try a demo fleet"
            )
        os.environ["TURBO_FORECAST_TELEMETRY"] = str(_demo(data, options.demo_hosts))


def _has_telemetry() -> bool:
    """Whether the environment or the settings file names telemetry. Raises SettingsError."""
    file = os.environ.get("TURBO_FORECAST_CONFIG")
    named = load_settings(Path(file) if file else None).telemetry.telemetry
    return bool(os.environ.get("TURBO_FORECAST_TELEMETRY") or named)


def _demo(data: Path, hosts: int) -> Path:
    from turbo_forecast.demo import write_demo_fleet

    folder = data / f"demo-telemetry-{hosts}"
    report = write_demo_fleet(folder, hosts=hosts)
    print(report.describe(), flush=True)
    return folder


def _run(options: argparse.Namespace) -> int:
    # dagster takes a second to import: not before arguments and demo are known to be good
    from turbo_forecast.defs.launch import materialise, partition_keys
    from turbo_forecast.fleet.windows import cutoff_of
    from turbo_forecast.summary import summary

    keys = partition_keys(options.month)
    launched = materialise(keys, verbose=options.verbose)
    for warning in launched.warnings:
        print(f"warning: {warning}")
    if not launched.success:
        for failure in launched.failures:
            print(f"error: {failure}", file=sys.stderr)
        checks = f": {launched.checks_line()}" if launched.checks else ""
        print(f"run {launched.run_id} failed after {launched.seconds:.1f} s{checks}", file=sys.stderr)
        return 1
    for key in keys:
        print(summary(Path(options.data).resolve(), cutoff_of(key)))
    for line in launched.closing_lines(keys):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())

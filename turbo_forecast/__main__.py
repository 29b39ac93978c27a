"""`python -m turbo_forecast`: materialise a month (or a range) and print what came of it.

Belongs here: arguments, environment, exit codes. Does not belong here: what a run does.
"""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from turbo_forecast.errors import SettingsError, TurboForecastError
from turbo_forecast.models.registry import preparing
from turbo_forecast.month_keys import include_month, months_asked
from turbo_forecast.option_rules import shown
from turbo_forecast.paths import require_storable
from turbo_forecast.settings import Environment, telling, told
from turbo_forecast.text import printable, shown_message

if TYPE_CHECKING:
    from turbo_forecast.defs.launched import Launched

MOST_DEMO_HOSTS = 100_000
"""Four resources of each over 36 months: 440 million rows."""


def main(arguments: list[str] | None = None) -> int:
    """0: materialised; 1: the run failed; 2: it could not start."""
    options = _parser().parse_args(arguments)
    try:
        environment = _environment(options)
        with telling(environment):
            _check_what_is_asked(options)
        with preparing(environment.settings().forecast):  # kernels compile while telemetry is written and read
            if not _has_telemetry(environment):
                environment = replace(environment, telemetry=str(_demo(environment.data, options)))
            with telling(environment):
                return _run(options)
    except TurboForecastError as error:
        print(f"error: {printable(shown_message(str(error)))}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return _nobody_reads()
    except KeyboardInterrupt:  # before or after the run; during it, Dagster records the interruption
        print("error: interrupted", file=sys.stderr)
        return 2


def _nobody_reads() -> int:
    """The reader of the output has ended (`| head`): say so where that can be said, and leave Python nothing to flush."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
        try:
            print("error: the output cannot be written: its reader has ended", file=sys.stderr, flush=True)
        except BrokenPipeError:
            os.dup2(nowhere.fileno(), sys.stderr.fileno())
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m turbo_forecast", description=__doc__.splitlines()[0])
    parser.add_argument("--month", required=True, help="YYYY-MM, or a range YYYY-MM..YYYY-MM, one run a month")
    parser.add_argument("--telemetry", help="file, folder, glob, URI or DuckDB file (TURBO_FORECAST_TELEMETRY)")
    parser.add_argument("--data", default=str(told().data), help="where results go")
    parser.add_argument("--config", help="settings file, YAML (TURBO_FORECAST_CONFIG)")
    parser.add_argument("--demo-hosts", type=int, help="without telemetry: write and use a demo fleet of so many hosts")
    parser.add_argument("--verbose", action="store_true", help="Dagster's own event log on the terminal")
    return parser


def _environment(options: argparse.Namespace) -> Environment:
    """What the run is told, from arguments and the environment. Raises SettingsError for what is missing."""
    home = Path(os.environ.get("DAGSTER_HOME") or "").resolve()
    if not os.environ.get("DAGSTER_HOME"):
        raise SettingsError("DAGSTER_HOME is not set: it names the folder of dagster.yaml (here: dagster_home)")
    if not home.is_dir():
        raise SettingsError(f"DAGSTER_HOME {home} is not a folder: it names the folder of dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(home)  # Dagster reads it from there, and wants it absolute
    variables, data = told(), _data_folder(options.data)
    require_storable(data)
    environment = Environment(
        data=data,
        telemetry=options.telemetry or variables.telemetry,
        config=Path(options.config).resolve() if options.config else variables.config,
        first_month=variables.first_month,
    )
    if options.demo_hosts is None and not _has_telemetry(environment):
        raise SettingsError(
            "there is no telemetry: give --telemetry (a file, folder, glob, URI or DuckDB file), or --demo-hosts 50 "
            "to try a demo fleet"
        )
    month = months_asked(options.month)[0]
    configured = environment.settings().deployment.first_month
    return replace(environment, first_month=include_month(month, environment.first_month, configured, data))


def _data_folder(text: str) -> Path:
    """The folder of results. Raises SettingsError unless it is one, or can be made, and may be written to."""
    if not text.strip():
        raise SettingsError("--data is empty: it names the folder where results go")
    data = Path(text).resolve()
    try:
        there = next(path for path in (data, *data.parents) if path.exists())
    except OSError as error:
        raise SettingsError(f"--data {shown(text)} cannot be a folder: {error.strerror}") from None
    if not there.is_dir():
        raise SettingsError(f"--data {data} cannot be a folder: {there} is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        why = "Read-only file system" if os.statvfs(there).f_flag & os.ST_RDONLY else "Permission denied"
        raise SettingsError(f"--data: the data folder {data} cannot be written: {why}")
    return data


def _check_what_is_asked(options: argparse.Namespace) -> None:
    """Raises what the settings, the files they name and the number of hosts are refused with, before a demo is written."""
    # dagster takes a second to import: not before the arguments are known to be complete
    from turbo_forecast.definitions import build_resources
    from turbo_forecast.defs.resources import ValidatedResource

    for resource in build_resources().values():
        if isinstance(resource, ValidatedResource):
            resource.validate_for_run()
    if options.demo_hosts is not None and not 1 <= options.demo_hosts <= MOST_DEMO_HOSTS:
        raise SettingsError(f"--demo-hosts must be from 1 to {MOST_DEMO_HOSTS:,}, not {options.demo_hosts}")


def _has_telemetry(environment: Environment) -> bool:
    """Whether the environment or the settings file names telemetry. Raises SettingsError."""
    return bool(environment.telemetry or environment.settings().telemetry.telemetry)


def _demo(data: Path, options: argparse.Namespace) -> Path:
    from turbo_forecast.demo import write_demo_fleet

    folder = data / f"demo-telemetry-{options.demo_hosts}"
    report = write_demo_fleet(folder, hosts=options.demo_hosts)
    print(report.describe(), flush=True)
    return folder


def _run(options: argparse.Namespace) -> int:
    """The months asked for, one after the other, each with what came of it."""
    from turbo_forecast.defs.launch import materialise

    keys = months_asked(options.month)
    runs: list[Launched] = []
    try:
        for launched in materialise(keys, verbose=options.verbose):
            runs.append(launched)
            _report(launched, Path(options.data).resolve())
    finally:
        if (
            runs and len(keys) > 1
        ):  # also where the command cannot go on: settings that have been spoilt, an interruption
            _close(keys, runs)
    sys.stdout.flush()  # here, where it can still be said that nobody reads it
    return 0 if all(run.success for run in runs) and len(runs) == len(keys) else 1


def _close(keys: list[str], runs: "list[Launched]") -> None:
    """What came of all months together."""
    complete = [run.month for run in runs if run.success]
    print(f"{len(complete)} of {len(keys)} months complete{': ' if complete else ''}{', '.join(complete)}", flush=True)
    left = keys[len(runs) :]
    if left:
        print(f"not made: {', '.join(left)}", file=sys.stderr)


def _report(launched: "Launched", data: Path) -> None:
    """What came of one month: its warnings, and its summary or why there is none."""
    from turbo_forecast.summary import summary
    from turbo_forecast.windows import cutoff_of

    if launched.stands:
        print(
            f"{launched.month}: complete since this command was given before, of what there is now: it is not made again"
        )
        return
    for warning in launched.warnings:
        print(f"warning: {warning}")
    if launched.success:
        print(summary(data, cutoff_of(launched.month)))
        for line in launched.closing_lines():
            print(line)
        return
    for failure in launched.failures:
        print(f"error: {failure}", file=sys.stderr)
    checks = f": {launched.checks_line()}" if launched.checks else ""
    print(f"run {launched.run_id} of {launched.month} failed after {launched.seconds:.1f} s{checks}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

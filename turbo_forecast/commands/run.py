"""`turbo-forecast run`: materialise a month, or a range of them, and print what came of it.

Belongs here: what is refused before anything is written, and what is said afterwards. Does not belong here: what a run does.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from turbo_forecast.addresses import is_address, parsed
from turbo_forecast.commands.dagster_home import make_dagster_home, set_dagster_home
from turbo_forecast.commands.progress_bar import lines_shown
from turbo_forecast.commands.stored_data import remember, with_store
from turbo_forecast.errors import SettingsError, StorageError
from turbo_forecast.month_keys import include_month, months_asked
from turbo_forecast.number_words import counted
from turbo_forecast.option_rules import shown
from turbo_forecast.paths import require_storable
from turbo_forecast.settings import Environment, current_environment, use_environment
from turbo_forecast.settings.environment import data_place

if TYPE_CHECKING:
    from turbo_forecast.defs.launched import Launched
    from turbo_forecast.storage.objects.working_copy import WorkingCopy

MOST_DEMO_HOSTS = 100_000
"""Four resources of each over 36 months: 440 million rows."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What is typed. month: YYYY-MM, or a range. What is empty or None is not given."""

    month: str
    data: str
    telemetry: str = ""
    config: str = ""
    demo_hosts: int | None = None
    verbose: bool = False


def run(options: RunOptions) -> int:
    """0: materialised; 1: the run failed. Raises TurboForecastError where it cannot start."""
    with opened_data(options.data):
        return _run(options)


def _run(options: RunOptions) -> int:
    environment = _environment(options)
    with use_environment(environment):
        _check_what_is_asked(options)
    make_dagster_home()
    from turbo_forecast.models.registry import preparing  # NumPy comes with it: not before the arguments are checked

    with preparing(environment.settings().forecast):  # kernels compile while telemetry is written and read
        if not _has_telemetry(environment):
            assert options.demo_hosts is not None  # else _environment has refused
            environment = replace(environment, telemetry=str(write_demo(environment.data, options.demo_hosts)))
        with use_environment(environment):
            return _run_months(options, environment)


@contextmanager
def opened_data(text: str) -> "Iterator[WorkingCopy | None]":
    """What lies in the store is in this machine's working copy of it until the block ends, where the text is an address."""
    if not is_address(text):
        yield None
        return
    address = parsed(text, "--data")
    data_folder(text)
    from turbo_forecast.storage.objects.working_copy import working_copy  # DuckDB comes with it

    remember(address.working_folder, str(address))
    with working_copy(address, lambda line: print(line, flush=True)) as copy:
        yield copy


def data_folder(text: str) -> Path:
    """The folder of results, or of the working copy. Raises SettingsError unless it is one, or can be made, and may be written to."""
    if not text.strip():
        raise SettingsError("--data is empty: it names the folder where results go")
    data = data_place(text, "--data")[0].resolve()
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


def write_demo(data: Path, hosts: int) -> Path:
    """Write the demo fleet of so many hosts, unless it is there, say so, and return its folder. Raises StorageError."""
    from turbo_forecast.demo import write_demo_fleet

    folder = data / f"demo-telemetry-{hosts}"  # beside results, and so in the store that they lie in, if they do
    report = write_demo_fleet(folder, hosts=hosts)
    print(report.describe(), flush=True)
    return folder


def _environment(options: RunOptions) -> Environment:
    """The environment of the run, by arguments and variables. Raises SettingsError for what is missing."""
    set_dagster_home()
    variables, data = current_environment(), data_folder(options.data)
    require_storable(data)
    environment = Environment(
        data=data,
        store=data_place(options.data, "--data")[1],
        telemetry=options.telemetry or variables.telemetry,
        config=Path(options.config).resolve() if options.config else variables.config,
        first_month=variables.first_month,
    )
    if options.demo_hosts is None and not _has_telemetry(environment):
        raise SettingsError(
            "there is no telemetry: give --telemetry (a file, folder, glob, URI, DuckDB file or the address of a source), name "
            "`sources:` in the settings file (--config), or give --demo-hosts 50 to try a demo fleet"
        )
    month = months_asked(options.month)[0]
    configured = environment.settings().deployment.first_month
    return replace(environment, first_month=include_month(month, environment.first_month, configured, data))


def _check_what_is_asked(options: RunOptions) -> None:
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
    """Whether the environment or the settings file names files or sources. Raises SettingsError for one that cannot work."""
    from turbo_forecast.landing.configured import configured  # Arrow comes with it: not before it is asked for

    return not configured(environment).is_empty


def _run_months(options: RunOptions, environment: Environment) -> int:
    """The months asked for, one after the other, each with what came of it."""
    from turbo_forecast.defs.launch import materialise

    keys = months_asked(options.month)
    # what other processes, or Dagster's log, write to the terminal would run across a bar
    plain = options.verbose or environment.settings().deployment.executor == "multiprocess"
    runs: list[Launched] = []
    try:
        with lines_shown(plain=plain):
            for launched in materialise(keys, verbose=options.verbose):
                runs.append(launched)
                _put_back(environment, launched)
                _report(launched, environment.data, environment.store)
    finally:  # also where the command cannot go on: settings that have been spoilt, an interruption
        if runs and len(keys) > 1:
            _close(keys, runs)
    return 0 if all(run.success for run in runs) and len(runs) == len(keys) else 1


def _put_back(environment: Environment, launched: "Launched") -> None:
    """See that what the run has made is in the store, before anything is said of it: else it has failed, and so would the next."""
    if not environment.store:
        return
    from turbo_forecast.storage.objects.working_copy import opened_copy

    copy = opened_copy(environment.data)
    try:
        if copy is not None:
            copy.upload()
    except StorageError as error:
        launched.success, launched.ends_all = False, True
        if not any(failure.endswith(str(error)) for failure in launched.failures):
            launched.failures.append(f"what was made is not in the store: {error}")


def _close(keys: list[str], runs: "list[Launched]") -> None:
    """What came of all months together."""
    complete = [run.month for run in runs if run.success]
    print(
        f"{len(complete)} of {counted(len(keys), 'month')} complete{': ' if complete else ''}{', '.join(complete)}",
        flush=True,
    )
    left = keys[len(runs) :]
    if left:
        print(f"not made: {', '.join(left)}", file=sys.stderr)


def _report(launched: "Launched", data: Path, store: str) -> None:
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
        if store:
            print(f"Stored in {store}, of which {data} is this machine's working copy")
        for line in launched.closing_lines():
            print(line)
        return
    for failure in launched.failures:
        print(f"error: {with_store(failure)}", file=sys.stderr)
    checks = f": {launched.checks_line()}" if launched.checks else ""
    print(f"run {launched.run_id} of {launched.month} failed after {launched.seconds:.1f} s{checks}", file=sys.stderr)

"""`turbo-forecast land`: fetch months of telemetry from its sources, as a run does first.

Belongs here: what is refused before anything is written, and the table of what landed. Does not belong here: the rules of landing.

Exit codes: 0 all that was asked for is there, or the source has nothing of it; 1 a source failed: what landed before stays; 2 it could
not be begun.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from turbo_forecast.commands.exit_codes import DONE, NO
from turbo_forecast.commands.output import print_json
from turbo_forecast.commands.run import data_folder, opened_data
from turbo_forecast.commands.stored_data import with_store
from turbo_forecast.commands.terminal import Shown, console, print_rows
from turbo_forecast.errors import SettingsError
from turbo_forecast.landing.configured import TelemetrySources, calendar_of, configured, source_named
from turbo_forecast.landing.due import LandingRequest, history_months
from turbo_forecast.landing.landing import LandingOptions, SourceLanding
from turbo_forecast.landing.landing import land as land_months
from turbo_forecast.month_keys import last_over, months_to_land, shifted
from turbo_forecast.number_words import UNKNOWN, counted
from turbo_forecast.paths import require_storable
from turbo_forecast.settings import Environment, Settings, current_environment
from turbo_forecast.settings.environment import data_place
from turbo_forecast.text import printable, shown_message


@dataclass(frozen=True, slots=True)
class LandOptions:
    """What is typed. month: YYYY-MM, a range, or nothing; sources: names, or nothing for all."""

    data: str
    telemetry: str = ""
    config: str = ""
    month: str = ""
    sources: tuple[str, ...] = ()
    again: bool = False
    as_json: bool = False


def land(options: LandOptions) -> int:
    """0: landed; 1: a source failed. Raises TurboForecastError where it cannot begin."""
    environment = _environment(options)
    settings, telemetry = environment.settings(), _configured_sources(environment)
    sources = {name: source_named(telemetry, name) for name in options.sources or telemetry.sources}
    request = _request(options, settings)
    with opened_data(options.data) as copy:
        landing = LandingOptions(
            calendar_of(settings.telemetry),
            settings.telemetry.late_data_hours,
            log=_log,
            source_names=list(telemetry.sources),
        )
        try:
            landings = land_months(environment.data, sources, request, landing)
        finally:  # an interruption keeps what has landed, too: the next commit of another machine would replace what is here alone
            if copy is not None:
                copy.upload()
    if options.as_json:
        print_json([_document(each) for each in landings])
    else:
        _print(landings)
    for each in landings:
        if each.error:
            print(f"error: {printable(shown_message(with_store(each.error)))}", file=sys.stderr)
    return NO if any(each.error for each in landings) else DONE


def _environment(options: LandOptions) -> Environment:
    """The environment, by arguments and variables. Raises SettingsError and StorageError."""
    variables, data = current_environment(), data_folder(options.data)
    require_storable(data)
    return Environment(
        data=data,
        store=data_place(options.data, "--data")[1],
        telemetry=options.telemetry or variables.telemetry,
        config=Path(options.config).resolve() if options.config else variables.config,
    )


def _configured_sources(environment: Environment) -> TelemetrySources:
    """The sources that there are. Raises SettingsError where there is none."""
    telemetry = configured(environment)
    if not telemetry.sources:
        raise SettingsError(
            "there is no source to land months of: name `sources:` in the settings file (--config), or give --telemetry with the "
            "address of one; files are read where they are"
        )
    return telemetry


def _request(options: LandOptions, settings: Settings) -> LandingRequest:
    if options.month:
        return LandingRequest(months_to_land(options.month), named=True, again=options.again)
    over = last_over()
    # the running month, too: where a source forgets within weeks, its beginning is gone before it is over
    return LandingRequest([*history_months(over, settings.forecast), shifted(over, 1)], again=options.again)


def _log(line: str) -> None:
    print(printable(shown_message(line)), file=sys.stderr, flush=True)


def _document(landing: SourceLanding) -> dict[str, Any]:
    return {
        **asdict(landing),
        "rows": landing.rows,
        "kept": landing.kept,
        "dropped": landing.dropped,
        "incomplete": landing.incomplete,
    }


def _print(landings: Sequence[SourceLanding]) -> None:
    out = console()
    rows: list[dict[str, Any]] = [
        {"source": each.source, **asdict(manifest)} for each in landings for manifest in each.landed
    ]
    columns = [
        Shown("month", lambda row: row["month"]),
        Shown("rows", lambda row: f"{row['rows']:,}", right=True),
        Shown("series", lambda row: f"{row['series']:,}", right=True),
        Shown("kept", lambda row: f"{row['kept']:,}" if row["kept"] else UNKNOWN, right=True),
        Shown("", lambda row: "" if row["complete"] else "not complete yet"),
    ]
    if rows:
        print_rows(out, Shown("source", lambda row: row["source"]), columns, rows, None)
    for each in landings:
        if not each.error or each.landed:
            out.print(Text(printable(each.describe())))
    out.print(f"{counted(len(rows), 'month')} landed, {counted(sum(row['rows'] for row in rows), 'row')}")

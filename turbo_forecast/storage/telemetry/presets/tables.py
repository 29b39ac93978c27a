"""Tables that more than one tool exports, as plain rows: a column a series, series by name in rows, labels in columns.

Belongs here: the rows, and the reader's options for them. Does not belong here: where in a file a tool's table is.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from turbo_forecast.errors import SettingsError, TelemetryError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.layout import USUAL_NAMES
from turbo_forecast.storage.telemetry.presets.cells import plain_value
from turbo_forecast.storage.telemetry.presets.export import Export, Record, Rewritten, refuse_options, refuse_ragged
from turbo_forecast.storage.telemetry.presets.series_names import Series, SeriesNames
from turbo_forecast.storage.telemetry.wording import names, quoted

NO_COLUMNS = ("host_column", "resource_column", "value_column", "resources", "resource_columns")
"""Options that name columns which a table of series does not have."""
NO_LAYOUT = ("layout", "columns", "time_columns")
"""Options that a preset decides."""
CLOCK_ALONE = re.compile(r"(?<![+-]\d\d):\d\d(\.\d+)?( ?[AaPp][Mm])?$")
"""The end of a time that states no zone: a clock's minutes or seconds, which are no offset's (`+01:00`)."""
FROM_NAMES = "finds hosts and resources in the names of series: set series_name to say how"
KNOWS_LAYOUT = "knows which column is what"


def place_of(option: str, header: Sequence[str], wanted: str, export: Export) -> int:
    """Where the column is that an option names. Raises SettingsError where there is none, or more than one."""
    places = [at for at, name in enumerate(header) if name == wanted]
    places = places or [at for at, name in enumerate(header) if name.casefold() == wanted.casefold()]
    if len(places) == 1:
        return places[0]
    said = "no column" if not places else "more than one column"
    raise SettingsError(f"{option}: {export.where} has {said} {names([wanted])}; its columns are {names(header, 8)}")


def columns_of_series(
    export: Export,
    header: Sequence[str],
    records: Iterable[Record],
    settings: TelemetrySettings,
    found: SeriesNames,
    time_at: int = 0,
) -> Rewritten:
    """A time and a column a series, with the series' names in `header`. records: those below the header."""
    refuse_options(settings, NO_COLUMNS, FROM_NAMES)
    refuse_options(settings, NO_LAYOUT, KNOWS_LAYOUT)
    left_out = {place_of("ignore_columns", header, name, export) for name in settings.ignore_columns}
    columns: dict[Series, int] = {}
    for place, name in enumerate(header):
        if place == time_at or place in left_out:
            continue
        series = found.series(name)
        if series in columns:
            raise TelemetryError(
                f"columns {quoted(header[columns[series]])} and {quoted(name)} of {export.where} are both {_display_name(series)}: "
                "set series_name to tell them apart, or list one in ignore_columns"
            )
        columns[series] = place
    result = Rewritten(_columns(settings), (), _options(settings))
    result.rows = _cells(export, header, records, columns, time_at, result.left_out, settings)
    return result


def _cells(
    export: Export,
    header: Sequence[str],
    records: Iterable[Record],
    columns: Mapping[Series, int],
    time_at: int,
    left_out: Counter[str],
    settings: TelemetrySettings,
) -> Iterator[Sequence[str]]:
    """A row a cell; a cell without a character says that the series has nothing at a time that another series has."""
    for number, fields in records:
        refuse_ragged(number, fields, len(header), export)
        for series, place in columns.items():
            if fields[place]:
                value = plain_value(fields[place], header[place], export.where)
                yield _row(settings, series, fields[time_at], value)
            else:
                left_out["empty cell"] += 1


def names_in_rows(
    export: Export,
    header: Sequence[str],
    records: Iterable[Record],
    settings: TelemetrySettings,
    found: SeriesNames,
    *,
    name_at: int,
    time_at: int,
    value_at: int,
) -> Rewritten:
    """A row a value, with the name of its series in the column `name_at`."""
    refuse_options(settings, NO_COLUMNS, FROM_NAMES)
    refuse_options(settings, (*NO_LAYOUT, "ignore_columns"), KNOWS_LAYOUT)

    def rows() -> Iterator[Sequence[str]]:
        known: dict[str, Series] = {}
        of: dict[Series, str] = {}
        for number, fields in records:
            refuse_ragged(number, fields, len(header), export)
            name = fields[name_at]
            if name not in known:
                series = known[name] = found.series(name)
                if of.setdefault(series, name) != name:
                    raise TelemetryError(
                        f"series {quoted(of[series])} and {quoted(name)} of {export.where} are both {_display_name(series)}: set "
                        "series_name to tell them apart"
                    )
            yield _row(settings, known[name], fields[time_at], plain_value(fields[value_at], name, export.where))

    used = {name_at, time_at, value_at}
    return Rewritten(_columns(settings), rows(), _options(settings), notes=_unused(header, used))


def labels_in_columns(
    export: Export,
    header: Sequence[str],
    records: Iterable[Record],
    settings: TelemetrySettings,
    usual: Mapping[str, str],
    *,
    utc: bool = False,
    further: Sequence[str] | None = None,
) -> Rewritten:
    """A row a value, with a column for the host and, unless `resource` is set, one for the resource.

    usual: per option (`host_column`, `resource_column`, `time_column`, `value_column`) the column that it has where the option
    is not set. utc: whether times without a zone are UTC's. further: columns that may tell series apart, so that the
    reader is to see them; every column where it is None.
    """
    refuse_options(settings, ("series_name", "resources"), "finds hosts and resources in columns of this file")
    refuse_options(settings, NO_LAYOUT, KNOWS_LAYOUT)
    roles = [option for option in usual if usual[option] or getattr(settings, option)]
    chosen = {option: place_of(option, header, getattr(settings, option) or usual[option], export) for option in roles}
    labels = [place_of("resource_columns", header, name, export) for name in settings.resource_columns]
    ignored = {place_of("ignore_columns", header, name, export) for name in settings.ignore_columns}
    seen = [at for at, name in enumerate(header) if further is None or name in further]
    kept = {*chosen.values(), *labels, *seen} - ignored
    if both := sorted(ignored & set(chosen.values())):
        raise SettingsError(f"ignore_columns lists {names([header[both[0]]])}, which preset: {settings.preset} reads")
    places = sorted(kept)
    value_at, time_at = chosen["value_column"], chosen["time_column"]

    def rows() -> Iterator[Sequence[str]]:
        for number, fields in records:
            refuse_ragged(number, fields, len(header), export)
            fields[value_at] = plain_value(fields[value_at], header[value_at], export.where)
            fields[time_at] = utc_time(fields[time_at]) if utc else fields[time_at]
            yield [fields[at] for at in places]

    called = dict(enumerate(header))
    if "host_column" in chosen and header[chosen["host_column"]].casefold() in USUAL_NAMES["resource_column"]:
        called[chosen["host_column"]] = "host"  # else the reader would take a column called Resource for the resource's
    options: dict[str, object] = {option: called[at] for option, at in chosen.items()}
    options |= {
        "layout": "long",
        "ignore_columns": [],
        "time_format": utc_format(settings) if utc else settings.time_format,
    }
    notes = _unused(header, {*places, *ignored})
    return Rewritten(tuple(called[at] for at in places), rows(), options, notes=notes)


def utc_time(text: str) -> str:
    """A time that says that it is UTC's, unless it is a number since 1970, or states a zone."""
    return f"{text} UTC" if CLOCK_ALONE.search(text) else text


def utc_format(settings: TelemetrySettings) -> str:
    """The time format of times written as `utc_time` does."""
    given = settings.time_format
    return f"{given} UTC" if given and not given.endswith(("Z", "UTC", "%z")) else given


def _unused(header: Sequence[str], used: set[int]) -> list[str]:
    unused = [name for at, name in enumerate(header) if at not in used and name]
    return [f"left out columns {names(unused, 8)}, which no option names"] if unused else []


def _columns(settings: TelemetrySettings) -> tuple[str, ...]:
    return ("resource", "time", "value") if _in_files(settings) else ("host", "resource", "time", "value")


def _row(settings: TelemetrySettings, series: Series, time: str, value: str) -> Sequence[str]:
    rest = (series.resource, time, value)
    return rest if _in_files(settings) else (series.host, *rest)


def _options(settings: TelemetrySettings) -> dict[str, object]:
    """The reader's options for rows of `_columns`."""
    host = {} if _in_files(settings) else {"host_column": "host"}
    own = {"resource": "", "resource_column": "resource", "time_column": "time", "value_column": "value"}
    return {**host, **own, "layout": "long", "ignore_columns": []}


def _in_files(settings: TelemetrySettings) -> bool:
    return settings.host_from == "file name"


def _display_name(series: Series) -> str:
    return f"{quoted(series.resource)} of {quoted(series.host) if series.host else 'the host'}"

"""Metadata of materialisations: schemas, counts, timings, tables, plots; and errors as Dagster shows them.

Does not belong here: checks (`checks/`), and anything that is read back by code.
"""

import base64
import errno
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import altair as alt
import dagster as dg
import polars as pl
import polars.selectors as cs
import vl_convert

from turbo_forecast.defs.catalog import Place, described, presented
from turbo_forecast.errors import TurboForecastError, refusal
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.tables import Table
from turbo_forecast.text import LONGEST_SHOWN, markdown_text, printable, shown_message

Metadata = dict[str, Any]
ERROR_KIND = "kind of error"
"""Metadata of a failed step: the class of what it raised, where its message is the whole story."""
CHART_CONFIG = {
    "axis": {"labelFontSize": 12, "titleFontSize": 13, "labelLimit": 300},
    "legend": {"labelFontSize": 12, "titleFontSize": 13, "labelLimit": 300},
    "title": {"fontSize": 14, "anchor": "start"},
}
"""Sizes that can be read where Dagster shows a chart."""
_LINE = re.compile(r' d="[^"]*"')
_COORDINATE = re.compile(r"-?[0-9]+[.][0-9]+(?:e-?[0-9]+)?")
SHOWN_AT_ONCE = 1_000
"""Dagster 1.13 hides Markdown of so many characters or more behind "[Show Markdown]", and no table."""
REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Errors of a disk that takes no more."""


def schema_metadata(table: Table) -> Metadata:
    """The table's columns as Dagster shows them."""
    columns = [
        dg.TableColumn(
            column.name,
            str(column.dtype),
            description=column.description,
            constraints=dg.TableColumnConstraints(nullable=column.nullable),
        )
        for column in table.columns
    ]
    return {"dagster/column_schema": dg.TableSchema(columns=columns), "dagster/table_name": table.name}


def described_asset(table: Table, place: Place) -> Metadata:
    """Arguments of `dg.asset` and `dg.AssetSpec` that follow from a table: columns, description, place in the catalogue."""
    return {
        "description": described(table, place.stored),
        "metadata": schema_metadata(table),
        **presented(place.group, place.kinds),
    }


def spec(table: Table, place: Place, *, deps: Sequence[str]) -> dg.AssetSpec:
    """An asset spec named and typed by its schema, described and placed by the catalogue."""
    return dg.AssetSpec(table.name, deps=deps, **described_asset(table, place))


@contextmanager
def plain_errors() -> Iterator[None]:
    """An error whose message is the whole story fails the step with that sentence, and no traceback of ours.

    So does a disk that is full or read-only, wherever in the step it was met. No message shows more of a URL than
    `shown_location` does.
    """
    try:
        yield
    except TurboForecastError as error:
        kind = {ERROR_KIND: type(error).__name__}
        raise dg.Failure(description=shown_message(str(error)), metadata=kind, allow_retries=False) from None
    except Exception as error:
        if isinstance(error, OSError) and error.errno in REFUSED:
            disk = f"the terminal, or a file on the disk of {os.environ.get('DAGSTER_HOME') or 'the run'},"
            text = f"{error.filename or disk} cannot be written: {refusal(error)}"
            raise dg.Failure(description=text, allow_retries=False) from error
        # a library's message may hold a signed URL; its traceback would bring it into the event log
        safe = shown_message(str(error))
        if safe == str(error):
            raise
        raise dg.Failure(description=f"{type(error).__name__}: {safe}") from None


def stage_metadata(timer: AuditTimer) -> Metadata:
    """Seconds by stage, and those of the stages that do not overlap together."""
    return {
        "seconds in stages": round(sum(s.seconds for s in timer.stages if s.clock == "wall"), 3),
        "stages": timer.seconds,
    }


def counts(frame: pl.DataFrame, column: str) -> dict[str, int]:
    """How often each value of a column occurs, most frequent first."""
    found = frame[column].fill_null("none").value_counts(sort=True)
    return dict(zip(found[column].to_list(), found["count"].to_list(), strict=True))


def mean_weights(weights: pl.DataFrame) -> dict[str, float]:
    """The combination's mean weight of each member in the forecast, largest first."""
    found = (
        weights.group_by("member").agg(pl.col("forecast").mean().round(3)).sort("forecast", "member", descending=True)
    )
    return dict(zip(found["member"].to_list(), found["forecast"].to_list(), strict=True))


def whole_backtest(standings: pl.DataFrame) -> pl.DataFrame:
    """The standings over all resources and the whole backtest, best first."""
    whole = (pl.col("resource") == "all") & (pl.col("horizon_month") == 0)
    return standings.filter(whole).sort("mase", "mae", "model", nulls_last=True)


def at_once(rows: pl.DataFrame) -> dg.MetadataValue[Any]:
    """A few rows as a table that Dagster shows without a click: Markdown, which is narrower, where it is short enough."""
    text = markdown(rows)
    return dg.MetadataValue.md(text) if len(text) < SHOWN_AT_ONCE else table(rows)


def table(rows: pl.DataFrame) -> dg.TableMetadataValue:
    """A few rows as a table; its texts are shown character by character, and cut where they are very long."""
    kinds = {column: _kind(dtype) for column, dtype in rows.schema.items()}
    shown = rows.with_columns(
        (~cs.numeric()).cast(pl.String).map_elements(_cell, return_dtype=pl.String, skip_nulls=True)
    )
    columns = [dg.TableColumn(name, kind) for name, kind in kinds.items()]
    records = [dg.TableRecord(row) for row in shown.iter_rows(named=True)]
    return dg.MetadataValue.table(records, dg.TableSchema(columns=columns))


def _kind(dtype: pl.DataType) -> str:
    return "int" if dtype.is_integer() else "float" if dtype.is_numeric() else "string"


def _cell(text: str) -> str:
    """A name as it may stand in a table: printable, and cut where it is very long."""
    shown = printable(text)
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[: LONGEST_SHOWN - 1]}…"


def whole(column: str) -> pl.Expr:
    """Whole numbers, thousands parted."""
    return pl.col(column).map_elements(lambda value: f"{value:,}", return_dtype=pl.String)


def decimals(column: str, places: int, times: float = 1.0, unit: str = "") -> pl.Expr:
    """Numbers with so many decimals; a missing one is a dash."""
    shown = pl.col(column).map_elements(lambda value: f"{times * value:.{places}f}{unit}", return_dtype=pl.String)
    return shown.fill_null("–").alias(column)


def markdown(rows: pl.DataFrame, ready: str = "") -> str:
    """A few rows as a Markdown table; names and messages in it are shown character by character (`markdown_text`).

    ready: a column whose cells are Markdown already, such as links.
    """
    text = (cs.string() | cs.categorical()) - cs.by_name(ready, require_all=False)
    shown = rows.with_columns(
        text.cast(pl.String).map_elements(markdown_text, return_dtype=pl.String), (~text).cast(pl.String)
    ).fill_null("")
    lines = [[markdown_text(name) for name in shown.columns], ["---"] * shown.width, *shown.iter_rows()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plot(chart: alt.TopLevelMixin) -> dg.MarkdownMetadataValue:
    """A chart, inline as SVG. Give it aggregates: a chart of 8,000 anything does not belong in an event log.

    SVG, because Dagster shows a picture at its own size and cuts what is wider than the dialog: a PNG sharp enough for a
    modern screen would be twice as wide as the text, and is ten times as large.
    """
    with alt.data_transformers.enable("default", max_rows=None):  # five thousand is no bound for data without HTML
        specification = {**chart.to_dict(), "config": CHART_CONFIG}
    svg = _short(vl_convert.vegalite_to_svg(_drawable(specification)))
    return dg.MetadataValue.md(f"![plot](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})")


def _short(svg: str) -> str:
    """The picture with the coordinates of its lines to a tenth of a pixel: half of it are digits that nobody sees."""
    return _LINE.sub(lambda line: _COORDINATE.sub(lambda found: f"{float(found[0]):.1f}", line[0]), svg)


def _drawable(value: Any) -> Any:
    """The chart's specification with its texts made printable.

    A character that XML does not know (most control characters) would leave a picture that no browser opens.
    """
    if isinstance(value, dict):
        return {_drawable(key): _drawable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_drawable(inner) for inner in value]
    return printable(value) if isinstance(value, str) else value


def log_to(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext | dg.InitResourceContext,
) -> Callable[[str], None]:
    """Where progress lines go: the run's log and the terminal.

    Any thread may call it: handlers of logs take turns, and so does Dagster's storage of events in SQLite. A run goes on
    when nobody reads its output any more: the log has it.
    """

    def log(line: str) -> None:
        shown = "\n".join(map(printable, shown_message(line).split("\n")))
        if context.log:
            context.log.info(shown)
        with suppress(BrokenPipeError):
            print(shown, flush=True)

    return log

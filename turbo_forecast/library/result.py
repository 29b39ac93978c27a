"""What `forecast_fleet` gives: a month as frames, and what one asks of them in a notebook.

Belongs here: the frames, and how the whole shows itself. Does not belong here: how they are made (`forecast.py`), what is drawn
of one series (`pictures.py`), and the words of the summary, which are those of `turbo-forecast run` (`summary.py`).
"""

import html
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

import duckdb
import polars as pl

from turbo_forecast.number_words import counted
from turbo_forecast.schemas import BASE_TABLE, FORECAST_ACCURACY
from turbo_forecast.settings import ForecastSettings, OutlookSettings
from turbo_forecast.storage.findings import kinds_counted
from turbo_forecast.summary import TABLES, lines_of
from turbo_forecast.text import printable
from turbo_forecast.windows import Windows

if TYPE_CHECKING:  # altair is slow to import, and only pictures need it
    import altair as alt

FIELDS = {
    "series_outcomes": "outcomes",
    "tournament_standings": "standings",
    "champions": "champions",
    "capacity_outlook": "outlook",
    "outlook_backtest": "outlook_backtest",
    "run_audit": "audit",
}
"""Fields of a result by the tables that they hold the rows of: those that a summary is made of."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a result was made of, as far as its pictures and its summary need it.

    observed: of each series up to the cutoff `host_id, resource`, and lists of its days, `ds`, and values, `y`. groups: rows of
    GROUP_FORECAST with the planned changes.
    """

    windows: Windows
    settings: ForecastSettings
    outlook: OutlookSettings
    observed: pl.DataFrame
    groups: pl.DataFrame


class Summary(str):
    """A text of several lines, which notebooks show as it is aligned."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self)}</pre>"


@dataclass(frozen=True, slots=True, repr=False)
class FleetResult:
    """A month as frames; the columns are in schemas/.

    forecasts: every entrant's rows (FLEET_FORECAST); published: the champions', with calibrated intervals
    (FORECAST_PARQUET); intervals: those of other widths (FORECAST_INTERVALS); champions (CHAMPIONS); scores: backtest and
    folds (TOURNAMENT_SCORES); standings (TOURNAMENT_STANDINGS); calibration (CALIBRATION); outlook: when thresholds are reached, and with what probability
    (CAPACITY_OUTLOOK); outlook_backtest: such statements on the backtest, and what happened (OUTLOOK_BACKTEST);
    outlook_accuracy, outlook_reliability: how good these were (OUTLOOK_ACCURACY, OUTLOOK_RELIABILITY); outcomes: one row per
    series (SERIES_OUTCOMES); model_runs: one row per fit (MODEL_RUNS); weights (COMBINATION_WEIGHTS); audit: where the time went (RUN_AUDIT).
    group_members, group_history, group_forecast: of the groups that were asked for (GROUP_MEMBERS, GROUP_HISTORY,
    GROUP_FORECAST), whose statements are in the outlook's tables too; planned_changes, planned_loads: what the plans mean, and
    what loads consist of by them (PLANNED_CHANGES, PLANNED_LOADS); else without a row.

    `plot` draws a series, `summary` is the text on the month that `turbo-forecast run` prints.
    """

    forecasts: pl.DataFrame
    published: pl.DataFrame
    intervals: pl.DataFrame
    champions: pl.DataFrame
    scores: pl.DataFrame
    standings: pl.DataFrame
    calibration: pl.DataFrame
    outlook: pl.DataFrame
    outlook_backtest: pl.DataFrame
    outlook_accuracy: pl.DataFrame
    outlook_reliability: pl.DataFrame
    outcomes: pl.DataFrame
    model_runs: pl.DataFrame
    weights: pl.DataFrame
    audit: pl.DataFrame
    group_members: pl.DataFrame
    group_history: pl.DataFrame
    group_forecast: pl.DataFrame
    planned_changes: pl.DataFrame
    planned_loads: pl.DataFrame
    _context: Context

    @classmethod
    def frames(cls) -> list[str]:
        """The names of the fields that are frames."""
        return [each.name for each in fields(cls) if not each.name.startswith("_")]

    def __repr__(self) -> str:
        """One line: what month it is, how its series ended, who took part, how long it took. Never a frame."""
        outcomes = kinds_counted(
            self.outcomes["outcome"]
            .value_counts(sort=True)
            .sort("count", "outcome", descending=[True, False])
            .iter_rows()
        )
        seconds = self.audit.filter(pl.col("clock") == "wall")["seconds"].sum()
        groups = self.group_members["group_name"].n_unique()
        parts = [
            f"cutoff {self._context.windows.cutoff}",
            f"{len(self.outcomes):,} series ({outcomes})",
            *([counted(groups, "group")] if groups else []),
            counted(len(self._context.settings.field_of_entrants), "entrant"),
            f"{seconds:.1f} s",
        ]
        return f"<FleetResult: {'; '.join(parts)}>"

    def plot(
        self,
        host: str,
        resource: str | None = None,
        *,
        kind: Literal["series", "group"] | None = None,
        theme: Literal["light", "dark"] = "light",
    ) -> "alt.LayerChart | alt.VConcatChart":
        """The history, the backtest and the forecast of a host or group as an Altair chart.

        Parameters
        ----------
        host : a host's name, or a group's.
        resource : one of its resources; all of them below each other where it is None.
        kind : "series" or "group", where a host and a group have the same name; by default, the host.
        theme : colours for a light or a dark page.

        Returns
        -------
        A chart with its data, which notebooks show; `chart.save("web-1.png")` or `.html` writes it.

        Raises
        ------
        SettingsError : for a name that there is not, with those that were probably meant.
        """
        from turbo_forecast.charts.series import host_chart, series_chart
        from turbo_forecast.library.pictures import pictures_of

        pictures = pictures_of(self, self._context, host, resource, kind)
        if len(pictures) > 1:
            return host_chart(pictures, title=host, theme=theme)
        return series_chart(pictures[0], theme=theme)

    def summary(self) -> Summary:
        """Series and their outcomes, entrants' standings, who runs full next, seconds: the lines that `turbo-forecast run` prints."""
        with _tables(self, self._context) as con:
            return Summary("\n".join(map(printable, lines_of(con, self._context.windows.cutoff))))


@contextmanager
def _tables(result: FleetResult, context: Context) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in memory to the tables that a summary is made of."""
    frames = {table: getattr(result, field) for table, field in FIELDS.items()}
    frames[FORECAST_ACCURACY.name] = (
        FORECAST_ACCURACY.polars_schema.to_frame()
    )  # of earlier months, which a result does not know
    with duckdb.connect() as con:
        con.execute("SET enable_progress_bar = false")
        for table, frame in frames.items():
            con.register(table, frame.to_arrow())
        con.register("observed", context.observed.to_arrow())
        con.execute(
            f"CREATE TEMP VIEW {BASE_TABLE.name} AS SELECT host_id, resource, unnest(ds) AS ds, unnest(y) AS y FROM observed"
        )
        assert {table.name for table in TABLES} <= {*frames, BASE_TABLE.name}
        yield con

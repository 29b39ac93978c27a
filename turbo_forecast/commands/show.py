"""`turbo-forecast show HOST [RESOURCE]`: one host or group on a terminal, as a page, as a picture, or for other programs.

Belongs here: what is shown of the answers. Does not belong here: the answers (`answers/host.py`, `earlier.py`), and the charts (`charts/`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.text import Text

from turbo_forecast.answers.earlier import Earlier, Result, earlier_answers
from turbo_forecast.answers.host import TEXT, HostAnswer, HostSeries, host_answer
from turbo_forecast.answers.plan_words import dated_words
from turbo_forecast.answers.threshold_words import threshold_words
from turbo_forecast.commands.output import print_json
from turbo_forecast.commands.terminal import Shown, console, decimals, percent, print_rows, room_on_screen
from turbo_forecast.commands.text_chart import spark, text_chart, weeks_of
from turbo_forecast.errors import SettingsError
from turbo_forecast.number_words import day
from turbo_forecast.outlook.rows import BASELINE, GROUP
from turbo_forecast.schemas.outlook import STATED
from turbo_forecast.storage.files import publishing
from turbo_forecast.storage.outlook_findings import level_of
from turbo_forecast.storage.published.reading import Published, PublishedMonth
from turbo_forecast.text import printable
from turbo_forecast.types import Phase

WIDTH, HEIGHT, LEAST_HEIGHT = 100, 12, 5
"""Letters across, and lines, of the chart."""
WEEKS = 26

EarlierByResource = Mapping[str, Earlier]


def show(
    host: str,
    resource: str | None,
    *,
    data: Path,
    month: str | None = None,
    html: Path | None = None,
    png: Path | None = None,
    as_json: bool = False,
) -> int:
    """Show what a month (the latest one without) has published of a host or group. Raises StorageError, SettingsError."""
    published = Published(data)
    asked = published.month(month)
    answer = host_answer(published, asked, host, resource)
    earlier = earlier_answers(published, asked, host, answer.kind, [each.resource for each in answer.series])
    written = _write_files(answer, earlier, html, png)
    if as_json:
        print_json(_document(asked, answer, earlier))
    elif written:
        print("\n".join(f"wrote the chart of {printable(host)} to {path}" for path in written))
    elif len(answer.series) == 1:
        _print_one(asked, answer, answer.series[0], earlier[answer.series[0].resource])
    else:
        _print_all(asked, answer)
    return 0


def _write_files(answer: HostAnswer, earlier: EarlierByResource, html: Path | None, png: Path | None) -> list[Path]:
    """The chart as a page with its facts, and as a picture; returns the files. Raises SettingsError, StorageError."""
    if html is None and png is None:
        return []
    from turbo_forecast.charts.export import to_html, to_png  # Altair and vl-convert take a second to import
    from turbo_forecast.charts.picture import pictures
    from turbo_forecast.charts.series import specification
    from turbo_forecast.charts.themes import config

    title = f"{answer.name}, {answer.month}"
    drawn = pictures(answer, {name: each.lines for name, each in earlier.items()})
    made: dict[Path, bytes] = {}
    if html is not None:
        page = to_html(specification(drawn), title=title, facts=_facts(answer, earlier), dark=config("dark"))
        made[html] = page.encode()
    if png is not None:
        made[png] = to_png(specification(drawn, title=title))
    for path, content in made.items():
        if path.is_dir():
            raise SettingsError(f"{path} is a folder: name a file in it")
        with publishing(path) as beside:
            beside.write_bytes(content)
    return list(made)


def _facts(answer: HostAnswer, earlier: EarlierByResource) -> list[str]:
    """The sentences beside a chart, each with its resource where there are several."""
    found = []
    for series in answer.series:
        past = earlier[series.resource]
        sentences = [
            *series.remarks,
            *(threshold_words(row) for row in series.outlook.iter_rows(named=True)),
            *_planned(series),
            *series.why,
            *past.forecasts["text"],
            *past.statements["text"],
        ]
        several = len(answer.series) > 1
        found += [f"{series.resource}: {each}" if several else each for each in sentences]
    return [printable(each) for each in found]


def _planned(series: HostSeries) -> list[str]:
    """Planned changes in words, those of scenarios with its name."""
    return [
        f"{f'Scenario {scenario}, ' if scenario != BASELINE else 'Planned '}{dated_words(from_ds, words)}."
        for scenario, from_ds, words in series.changes.select("scenario", "from_ds", TEXT).iter_rows()
        if scenario == BASELINE or not _is_in(series.in_force, from_ds, words)  # a scenario has the baseline's too
    ]


def _is_in(changes: pl.DataFrame, from_ds: Any, words: str) -> bool:
    return not changes.filter(pl.col("from_ds") == from_ds, pl.col(TEXT) == words).is_empty()


def _head(month: PublishedMonth, answer: HostAnswer) -> str:
    what = "Group" if answer.kind == GROUP else "Host"
    return f"{what} {answer.name} as of {month.cutoff}, forecast up to {answer.windows.horizon_end}"


def _print_all(month: PublishedMonth, answer: HostAnswer) -> None:
    """All resources, a row each, of the threshold nearest to 90; and what is planned."""
    out = console()
    out.print(Text(printable(_head(month, answer))))
    out.print()
    print_rows(out, Shown("resource", lambda row: printable(row["resource"])), _columns(), _rows(answer), None)
    planned = [(series.resource, each) for series in answer.series for each in _planned(series)]
    if planned:
        out.print()
    for resource, each in planned:
        out.print(Text(printable(f"{resource}: {each}")))
    out.print()
    out.print(
        Text(
            printable(
                f"Why this forecast, and how earlier ones did: name a resource, such as {answer.series[0].resource}"
            )
        )
    )


def _rows(answer: HostAnswer) -> list[dict[str, Any]]:
    rows = []
    for series in answer.series:
        ahead = series.rows.filter(pl.col("phase") == Phase.FORECAST)
        last = answer.cutoff + timedelta(days=7 * WEEKS)
        line = spark(weeks_of(series.history, "y", answer.cutoff, WEEKS))
        line += f"│{spark(weeks_of(ahead, 'yhat', last, WEEKS))}" if len(ahead) else ""
        rows.append(
            {"resource": series.resource, "line": line, "outcome": series.outcome, "statement": series.standing}
        )
    return rows


def _columns() -> list[Shown]:
    def of_statement(name: str, show_it: Any) -> Any:
        return lambda row: "–" if row["statement"] is None else show_it(row["statement"][name])

    return [
        Shown("last and next 26 weeks", lambda row: row["line"], optional=4),
        Shown("outcome", lambda row: row["outcome"], optional=2),
        Shown(
            "now",
            lambda row: (
                "–" if row["statement"] is None else level_of(row["statement"]["level"], row["statement"]["threshold"])
            ),
            right=True,
        ),
        Shown("at", of_statement("threshold", "{:g} %".format), right=True),
        Shown("state", of_statement("state", str)),
        Shown("early", of_statement("early", day), optional=3),
        Shown("likely", of_statement("likely", day)),
        Shown("late", of_statement("late", day), optional=5),
        Shown("182 d", of_statement("probability_182", percent), right=True),
    ]


def _print_one(month: PublishedMonth, answer: HostAnswer, series: HostSeries, earlier: Earlier) -> None:
    """One resource: chart, thresholds, what is planned, how earlier forecasts did, and why this one; on a screen as much as it holds."""
    out = console()
    head = [f"{_head(month, answer)}: {series.resource}", *series.remarks, *_planned(series)]
    thresholds, past = list(series.outlook.iter_rows(named=True)), _past(series, earlier)
    tables = sum(len(rows) + 1 for rows in (thresholds, past) if rows)
    room = room_on_screen(out, sum(_lines(out, each) for each in head) + tables)
    why, more = _that_fit(out, series.why, None if room is None else room - LEAST_HEIGHT - 1)
    left = HEIGHT if room is None else room - 1 - sum(_lines(out, each) for each in (*why, *more))
    _print_lines(out, head)
    for line in _chart(out, answer, series, max(min(left, HEIGHT), LEAST_HEIGHT)):
        out.print(line)
    if thresholds:
        print_rows(out, Shown("at", lambda row: f"{row['threshold']:g} %"), _threshold_columns(), thresholds, None)
    if past:
        print_rows(out, Shown("forecast of", lambda row: row["month"]), _past_columns(past), past, None)
    _print_lines(out, [*why, *more])


def _that_fit(out: Console, sentences: Sequence[str], room: int | None) -> tuple[list[str], list[str]]:
    """The first sentences that so many lines hold, the first one in any case; and a line that says so where there are more."""
    kept: list[str] = []
    for sentence in sentences:
        lines = sum(_lines(out, each) for each in [*kept, sentence])
        if room is not None and kept and lines + (len(kept) + 1 < len(sentences)) > room:
            return kept, ["More on a higher terminal, or by --html FILE or --json."]
        kept.append(sentence)
    return kept, []


def _past(series: HostSeries, earlier: Earlier) -> list[dict[str, Any]]:
    """A row for each earlier month: how far off its forecast was, and what became of its statement on the threshold that stands here."""
    statement = series.standing
    statements = earlier.statements.filter(
        False if statement is None else pl.col("threshold") == statement["threshold"]
    )
    joined = earlier.forecasts.join(statements.drop("cutoff", "text"), on="month", how="left", maintain_order="left")
    return joined.to_dicts()


def _past_columns(past: Sequence[Mapping[str, Any]]) -> list[Shown]:
    threshold = next((row["threshold"] for row in past if row["threshold"] is not None), None)
    statement = [
        Shown(f"said of {threshold:g} %", lambda row: percent(row["probability"]), right=True),
        Shown("by", lambda row: day(row["until"])),
        Shown("likely", lambda row: day(row["likely"]), optional=1),
        Shown("became", _became),
    ]
    return [
        Shown("days", lambda row: f"{row['days']:,}", right=True, optional=3),
        Shown("off by", lambda row: decimals(row["mae"]), right=True),
        Shown("too high", lambda row: decimals(row["bias"]), right=True, optional=4),
        Shown("inside", lambda row: percent(row["inside"]), right=True),
        *(statement if threshold is not None else []),
    ]


def _became(row: Mapping[str, Any]) -> str:
    return f"reached {row['reached']}" if row["result"] == Result.REACHED else row["result"] or "–"


def _chart(out: Console, answer: HostAnswer, series: HostSeries, height: int) -> list[Text]:
    statement = series.standing
    threshold = None if statement is None else float(statement["threshold"]) * series.usable
    ahead = series.rows.filter(pl.col("phase") == Phase.FORECAST)
    if series.history.is_empty() and ahead.is_empty():
        return []
    return text_chart(series.history, ahead, answer.cutoff, threshold, min(out.width, WIDTH), height)


def _threshold_columns() -> list[Shown]:
    def within(days: int, optional: int) -> Shown:
        return Shown(f"{days} d", lambda row: percent(row[f"probability_{days}"]), right=True, optional=optional)

    return [
        Shown("state", lambda row: row["state"]),
        Shown("now", lambda row: level_of(row["level"], row["threshold"]), right=True),
        Shown("room", lambda row: decimals(row["headroom"]), right=True, optional=4),
        Shown("early", lambda row: day(row["early"]), optional=3),
        Shown("likely", lambda row: day(row["likely"])),
        Shown("late", lambda row: day(row["late"]), optional=5),
        *map(within, STATED, (2, 1, 0)),
    ]


def _lines(out: Console, text: str) -> int:
    return len(Text(printable(text)).wrap(out, out.width))


def _print_lines(out: Console, lines: Sequence[str]) -> None:
    for line in lines:
        out.print(Text(printable(line)))


def _document(month: PublishedMonth, answer: HostAnswer, earlier: EarlierByResource) -> dict[str, Any]:
    """All of it for other programs."""
    windows = answer.windows
    return {
        "month": answer.month,
        "cutoff": answer.cutoff,
        "published_at": month.manifest.published_at,
        "run_id": month.manifest.run_id,
        "name": answer.name,
        "kind": answer.kind,
        "history_start": windows.history_start,
        "backtest_start": windows.backtest_start,
        "horizon_end": windows.horizon_end,
        "interval_width": answer.interval_width,
        "series": [_series_document(each, earlier[each.resource]) for each in answer.series],
    }


def _series_document(series: HostSeries, earlier: Earlier) -> dict[str, Any]:
    names = (
        "resource",
        "outcome",
        "reason",
        "model",
        "observations",
        "first_day",
        "last_day",
        "usable",
        "remarks",
        "why",
    )
    return {
        **{name: getattr(series, name) for name in names},
        "backtest": None if series.backtest is None else asdict(series.backtest),
        "thresholds": series.outlook,
        "planned_changes": series.changes,
        "scores": series.scores,
        "weights": series.weights,
        "earlier_forecasts": earlier.forecasts,
        "earlier_statements": earlier.statements,
        "history": series.history,
        "rows": series.rows,
        "intervals": series.intervals,
    }

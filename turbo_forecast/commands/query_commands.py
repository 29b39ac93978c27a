"""Options, help and examples of the subcommands that answer a question: outlook, show, months, compare, check-telemetry.

Does not belong here: the answers and how a terminal shows them; each is imported when it is
asked for, so that help waits for no Polars.
"""

from pathlib import Path
from typing import Annotated

import typer

from turbo_forecast.commands.shared_options import DATA_FOLDER, AsJson, Data, Month, day_of_option, one_of, subcommand
from turbo_forecast.commands.stored_data import folder_of
from turbo_forecast.settings.environment import CONFIG

Csv = Annotated[str, typer.Option("--csv", metavar="FILE", help="The rows as CSV into FILE; '-' is standard output.")]


def register(app: typer.Typer) -> None:
    """Add these subcommands to the program."""
    subcommand(
        app, "outlook",
        "turbo-forecast outlook",
        "turbo-forecast outlook --before 2026-06-01 --at-least 0.5 --resource cpu --resource memory",
        "turbo-forecast outlook --group web --threshold 80 --xlsx web.xlsx",
        "turbo-forecast outlook --state over --state expected --json",
    )(outlook)  # fmt: skip
    subcommand(
        app, "show",
        "turbo-forecast show web-0017",
        "turbo-forecast show web-0017 cpu --month 2025-12 --html web-0017.html",
    )(show)  # fmt: skip
    subcommand(app, "months", "turbo-forecast months", "turbo-forecast months --data /srv/forecast --json")(months)
    subcommand(
        app, "compare",
        "turbo-forecast compare",
        "turbo-forecast compare 2025-11 2025-12",
        "turbo-forecast compare 2025-11 2025-12 --csv moved.csv",
    )(compare)  # fmt: skip
    subcommand(
        app, "check-telemetry",
        "turbo-forecast check-telemetry 'exports/*.parquet'",
        "turbo-forecast check-telemetry fleet.csv --config forecast.yaml --all",
        "turbo-forecast check-telemetry prometheus+http://prometheus:9090",
        "turbo-forecast check-telemetry metrics --config forecast.yaml",
    )(check_telemetry)  # fmt: skip


def outlook(
    before: Annotated[
        str, typer.Option("--before", metavar="DAY", help="Probability that it is reached before this day, or month: 2026-06-01, 2026-06.")
    ] = "",
    month: Month = "",
    resource: Annotated[
        list[str] | None, typer.Option("--resource", metavar="NAME", help="Of this resource alone; may be repeated.")
    ] = None,
    group: Annotated[str, typer.Option("--group", metavar="NAME", help="Of this group, and of its hosts.")] = "",
    kind: Annotated[str, typer.Option("--kind", metavar="KIND", help="series, or group.")] = "",
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", metavar="PERCENT", help="About this threshold; each series' nearest to 90 without it."),
    ] = None,
    every_threshold: Annotated[bool, typer.Option("--every-threshold", help="About all of them, a row each.")] = False,
    at_least: Annotated[
        float | None, typer.Option("--at-least", metavar="P", min=0, max=1, help="Of this probability at least: 0.5.")
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option(
            "--state", metavar="STATE",
            help="over, expected (50 % within the forecast), possible (10 %), unlikely, unusable (a group's reserve takes all), or "
            "all; may be repeated. Without it: expected and possible.",
        ),
    ] = None,
    text: Annotated[str, typer.Option("--text", metavar="PART", help="Of hosts with this in their name.")] = "",
    scenario: Annotated[str, typer.Option("--scenario", metavar="NAME", help="As this scenario of plans has it.")] = "",
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Show so many rows; as the terminal is high without it.")
    ] = None,
    every_row: Annotated[bool, typer.Option("--all", help="Show all rows.")] = False,
    csv: Csv = "",
    xlsx: Annotated[str, typer.Option("--xlsx", metavar="FILE", help="The rows as a workbook into FILE.")] = "",
    as_json: AsJson = False,
    data: Data = DATA_FOLDER,
) -> int:  # fmt: skip
    """Which hosts run full, by when, and how sure is that: most urgent first, with dates, probabilities and headroom.

    A threshold is reached on the first day whose 7-day mean is at or above it. early, likely and late are the days by which the
    probability of that is 10, 50 and 90 %. Files, JSON and pipes get all rows that answer the question.
    """
    one_of([("--limit", limit), ("--all", every_row)])
    one_of([("--csv", csv), ("--xlsx", xlsx), ("--json", as_json)])
    one_of([("--threshold", threshold), ("--every-threshold", every_threshold)])
    from turbo_forecast.commands import outlook as of_outlook

    question = of_outlook.question(
        before=day_of_option("--before", before), resources=resource or (), group=group, kind=kind, threshold=threshold,
        every_threshold=every_threshold, at_least=at_least, states=state or (), text=text, scenario=scenario,
    )  # fmt: skip
    layout = of_outlook.Layout(rows=limit, every_row=every_row, csv=csv, xlsx=xlsx, as_json=as_json)
    return of_outlook.outlook(folder_of(data), month, question, layout)


def show(
    host: Annotated[str, typer.Argument(metavar="HOST", help="The host's name, or a group's.", show_default=False)],
    resource: Annotated[str, typer.Argument(metavar="[RESOURCE]", help="One of its resources; all without it.")] = "",
    month: Month = "",
    html: Annotated[
        str, typer.Option("--html", metavar="FILE", help="A page with its chart, that needs no network.")
    ] = "",
    png: Annotated[str, typer.Option("--png", metavar="FILE", help="The chart as a picture.")] = "",
    as_json: AsJson = False,
    data: Data = DATA_FOLDER,
) -> int:
    """One host: its history, backtest, forecast and thresholds, whose forecast that is and why, and how earlier ones did."""
    from turbo_forecast.commands import show as of_show

    return of_show.show(
        host, resource or None, data=folder_of(data), month=month or None,
        html=Path(html) if html else None, png=Path(png) if png else None, as_json=as_json,
    )  # fmt: skip


def months(csv: Csv = "", as_json: AsJson = False, data: Data = DATA_FOLDER) -> int:
    """Which months there are: each one's state, how good its forecast is, its warnings, and what to do about one that failed.

    Exit code 1 where a month has failed or ended half-way.
    """
    one_of([("--csv", csv), ("--json", as_json)])
    from turbo_forecast.commands import months as of_months

    return of_months.months(folder_of(data), csv=csv, as_json=as_json)


def compare(
    month: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MONTH] [MONTH]", help="Two months; the latest two that are published without them."),
    ] = None,
    every_row: Annotated[bool, typer.Option("--all", help="Show all rows.")] = False,
    csv: Csv = "",
    as_json: AsJson = False,
    data: Data = DATA_FOLDER,
) -> int:
    """What moved from one month to another: new breaches, dates that jumped by two weeks or more, champions, series.

    The earlier month comes first, in whatever order they are given. One month alone is compared with the one before it.
    """
    one_of([("--csv", csv), ("--json", as_json)])
    from turbo_forecast.commands import compare as of_compare

    return of_compare.compare(folder_of(data), month or (), every_row=every_row, csv=csv, as_json=as_json)


def check_telemetry(
    path: Annotated[
        str,
        typer.Argument(
            metavar="PLACE",
            help="A file, folder, glob, URI or DuckDB file; or a source: its address, or its name in the settings file.",
            show_default=False,
        ),
    ],
    config: Annotated[
        str, typer.Option("--config", envvar=CONFIG, metavar="FILE", help="The settings file, YAML.")
    ] = "",
    everything: Annotated[bool, typer.Option("--all", "--everything", help="Read all of it, not a sample.")] = False,
    as_json: AsJson = False,
) -> int:
    """What a run would make of telemetry: how it is read, what is guessed, kept and rejected. Nothing is written.

    Of a source: what it has, by resource and month. Exit code 1 where a run could not use it.
    """
    from turbo_forecast.commands import check_source as of_source

    settings = Path(config) if config else None
    source = of_source.source_of_place(path, settings)
    if source is not None:
        return of_source.check_source(*source, config=settings, as_json=as_json)
    from turbo_forecast.commands import check_telemetry as of_files

    return of_files.check_telemetry(path, config=settings, everything=everything, as_json=as_json)

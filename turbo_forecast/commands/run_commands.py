"""Options, help and examples of the subcommands that do something: run, land, demo, dashboard, ui.

Does not belong here: what they do; each is imported when it is asked for, so that help and
questions wait for no Dagster.
"""

from typing import Annotated

import typer

from turbo_forecast.commands.shared_options import DATA_FOLDER, AsJson, Data, subcommand
from turbo_forecast.commands.stored_data import kept_up_to_date
from turbo_forecast.deep_links import HOST, PORT
from turbo_forecast.settings.environment import CONFIG, TELEMETRY

Telemetry = Annotated[
    str,
    typer.Option(
        "--telemetry",
        envvar=TELEMETRY,
        metavar="PLACE",
        help="A file, folder, glob, URI or DuckDB file; or a source's address, such as prometheus+http://prometheus:9090.",
    ),
]
Config = Annotated[str, typer.Option("--config", envvar=CONFIG, metavar="FILE", help="The settings file, YAML.")]


def register(app: typer.Typer) -> None:
    """Add these subcommands to the program."""
    subcommand(
        app, "run",
        "turbo-forecast run --month 2025-12 --telemetry 'exports/*.parquet'",
        "turbo-forecast run --month 2025-10..2025-12 --telemetry fleet.duckdb --data /srv/forecast --config forecast.yaml",
        "turbo-forecast run --month 2025-12 --telemetry s3://exports/fleet --data s3://forecasts/fleet",
        "turbo-forecast run --month 2025-12 --demo-hosts 50",
    )(run)  # fmt: skip
    subcommand(
        app, "land",
        "turbo-forecast land --config forecast.yaml",
        "turbo-forecast land --telemetry prometheus+http://prometheus:9090 --data /srv/forecast",
        "turbo-forecast land --config forecast.yaml --source metrics --month 2025-10..2025-12 --again",
    )(land)  # fmt: skip
    subcommand(
        app, "demo", "turbo-forecast demo", "turbo-forecast demo --hosts 50 --data /tmp/trial"
    )(demo)  # fmt: skip
    subcommand(
        app, "dashboard", "turbo-forecast dashboard", "turbo-forecast dashboard --data /srv/forecast --port 8080"
    )(dashboard)  # fmt: skip
    subcommand(app, "ui", "turbo-forecast ui", "turbo-forecast ui --data /srv/forecast --port 3010")(ui)


def run(
    month: Annotated[
        str,
        typer.Option(
            "--month",
            metavar="YYYY-MM",
            help="The last month that is known, which must be over: what comes after it is forecast. Or a range "
            "YYYY-MM..YYYY-MM: one run a month.",
        ),
    ],
    telemetry: Telemetry = "",
    data: Data = DATA_FOLDER,
    config: Config = "",
    demo_hosts: Annotated[
        int | None,
        typer.Option(
            "--demo-hosts", metavar="N", help="Without telemetry: write a demo fleet of N hosts, and read that."
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Dagster's own event log on the terminal.")] = False,
) -> int:
    """Forecast a month: read telemetry, hold the tournament, check all of it, publish it, and print a summary.

    The same command given again goes on where a killed one has ended. Exit code 1 where the run, or one of a range's, has failed.
    """
    from turbo_forecast.commands import run as of_run

    return of_run.run(of_run.RunOptions(month, data, telemetry, config, demo_hosts, verbose))


def land(
    month: Annotated[
        str,
        typer.Option(
            "--month",
            metavar="YYYY-MM",
            help="This month, or a range YYYY-MM..YYYY-MM; the running one is fetched again until it is over. Without it: all of a "
            "run's history, and the running month as far as it is.",
        ),
    ] = "",
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source", metavar="NAME", help="From this source alone; may be repeated. All of them without it."
        ),
    ] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="Fetch months that are complete, too; rows that the source has no more are kept."),
    ] = False,
    telemetry: Telemetry = "",
    data: Data = DATA_FOLDER,
    config: Config = "",
    as_json: AsJson = False,
) -> int:
    """Fetch months of telemetry from its sources into the data folder, and keep them there: what a run does first.

    A month that has landed whole is not fetched again, and nothing that has landed is lost when its source forgets it. Exit code 1
    where a source failed; the months before that stay, and the same command goes on.
    """
    from turbo_forecast.commands import land as of_land

    asked = of_land.LandOptions(data, telemetry, config, month, tuple(source or ()), again, as_json)
    return of_land.land(asked)


def demo(
    hosts: Annotated[
        int, typer.Option("--hosts", metavar="N", help="Hosts, four series each.", show_default=True)
    ] = 2000,
    data: Data = DATA_FOLDER,
) -> int:
    """Write a demo fleet's telemetry into the data folder, unless it is there, and run nothing.

    36 months of daily values up to 2025-12-31, of hosts that grow, fill up, move and retire. `run --demo-hosts N` reads it.
    """
    from turbo_forecast.commands import demo as of_demo

    return of_demo.demo(data, hosts)


def dashboard(
    data: Data = DATA_FOLDER,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port to listen at; 0 takes a free one.")
    ] = PORT,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="The address to listen at; this machine alone without it.")
    ] = HOST,
    name: Annotated[
        list[str] | None,
        typer.Option(
            "--name", metavar="NAME", help="A name by which browsers call it, of a proxy, say; may be repeated."
        ),
    ] = None,
) -> int:
    """Serve the planner's pages until Ctrl+C: outlook, hosts, groups, what-if, track record, tournament, run.

    They read what is published, also what is published later. They ask for no password: who is to see them from other machines needs
    a proxy that does, or --host 0.0.0.0 in a network where everybody may.
    """
    from turbo_forecast.dashboard.serving import serve

    with kept_up_to_date(data) as folder:
        return serve(folder, host, port, names=name or ())


def ui(
    data: Data = DATA_FOLDER,
    telemetry: Telemetry = "",
    config: Config = "",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="The port to listen at.")] = 3000,
) -> int:
    """Open Dagster's UI on 127.0.0.1, with its daemon, schedule and pools, until Ctrl+C: runs, their logs, checks, alerts."""
    from turbo_forecast.commands import ui as of_ui

    return of_ui.ui(data, telemetry, config, port)

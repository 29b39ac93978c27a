"""The summary tells what was stored, and changes nothing."""

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import (
    BASE_TABLE,
    CAPACITY_OUTLOOK,
    CHAMPIONS,
    FORECAST_ACCURACY,
    OUTLOOK_BACKTEST,
    RUN_AUDIT,
    SERIES_OUTCOMES,
    TOURNAMENT_RESULTS,
    TOURNAMENT_STANDINGS,
)
from turbo_forecast.storage.warehouse import connected
from turbo_forecast.summary import summary

CUTOFF = date(2025, 12, 31)
EARLIER = "Earlier forecasts against what has happened since (published; over all days of all series, by months ahead):"
TABLES = (
    *(BASE_TABLE, CHAMPIONS, FORECAST_ACCURACY, RUN_AUDIT, SERIES_OUTCOMES, TOURNAMENT_RESULTS),
    *(TOURNAMENT_STANDINGS, CAPACITY_OUTLOOK, OUTLOOK_BACKTEST),
)


def insert(con: duckdb.DuckDBPyConnection, table: str, **values: object) -> None:
    """A row of a monthly table; columns that are not given are empty."""
    values = {"cutoff": CUTOFF, **values}
    asked = ", ".join(f"? AS {name}" for name in values)
    con.execute(f"INSERT INTO {table} BY NAME SELECT {asked}", list(values.values()))


def stand(con: duckdb.DuckDBPyConnection, model: str, mae: float, mase: float | None, **other: object) -> None:
    """A row of the standings over everything, unless said otherwise."""
    interval = {"mase_low": mase - 0.1, "mase_high": mase + 0.1} if mase else {}
    fixed = {"resource": "all", "horizon_month": 0, "series": 2, "own": 2, "n": 244, "mase_series": 1, "bias": 0}
    scores = {"coverage": 0.5, "mean_coverage": 0.25, "interval_score": 9.04, "mean_rank": 1.5, "wins": 1234}
    insert(con, "tournament_standings", model=model, mae=mae, mase=mase, **interval, **{**fixed, **scores, **other})


def judge(
    con: duckdb.DuckDBPyConnection, month: int, lead: int, mae: float, n: int, inside: float, **o: object
) -> None:
    """A row of the accuracy of what was published in a month of 2025."""
    fixed = {"resource": "all", "model": "champion", "series": 2, "own": 2, "bias": 0, "interval_score": 1}
    scores = {"lead_month": lead, "mae": mae, "n": n, "coverage": inside}
    insert(con, "forecast_accuracy", **{"forecast_cutoff": date(2025, month, 28), **fixed, **scores, **o})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two live series and one retired, of which one runs full, written by hand."""
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        for table in TABLES:
            con.execute(table.ddl())
        con.execute(
            "INSERT INTO base_table SELECT h, 'cpu', DATE '2025-12-01', 1 FROM (VALUES ('a'), ('b'), ('c')) t(h)"
        )
        con.execute("INSERT INTO base_table VALUES ('later', 'cpu', DATE '2026-01-01', 1)")
        for host, outcome, reason in (("a", "forecast", None), ("b", "fallback", "too short: 12 days, 60 needed")):
            con.execute(
                "INSERT INTO series_outcomes BY NAME SELECT DATE '2025-12-31' AS cutoff, ? AS host_id, "
                "'cpu' AS resource, ? AS outcome, ? AS reason, 1 AS observations, 1 AS fits, 1 AS milliseconds",
                [host, outcome, reason],
            )
        rows = [("a", "m", "2026-02-01", 95.0), ("a", "m", "2026-01-20", 94.9), ("a", "x", "2026-01-02", 99.0)]
        for host, model, day, yhat in rows:
            con.execute(
                "INSERT INTO tournament_results VALUES (?, 'cpu', ?, 'forecast', '2025-12-31', ?, NULL, ?, 0, 100)",
                [host, model, day, yhat],
            )
        con.execute(
            "INSERT INTO tournament_results SELECT * REPLACE ('soon' AS host_id, 95.0 AS yhat) "
            "FROM tournament_results WHERE ds = '2026-01-20'"
        )
        for host in ("a", "soon"):
            insert(con, "champions", host_id=host, resource="cpu", model="m", reason="why", folds=3)
        insert(con, "champions", host_id="b", resource="cpu", model="x", reason="why", folds=3)
        insert(
            con, "champions", cutoff=date(2025, 11, 30), host_id="b", resource="cpu", model="old", reason="", folds=3
        )
        stand(con, "x", 3.0, 1.25)
        stand(con, "champion", 2.5, 1.2, coverage=0.8, mean_coverage=0.75)
        stand(con, "m", 2.0, None)
        stand(con, "month", 1.0, 1.0, horizon_month=1)
        stand(con, "memory", 1.0, 1.0, resource="memory")
        stand(con, "earlier", 1.0, 1.0, cutoff=date(2025, 11, 30))
        con.execute(
            "INSERT INTO run_audit BY NAME SELECT DATE '2025-12-31' AS cutoff, 'one' AS asset, 'work' AS stage, "
            "12.5 AS seconds, 'wall' AS clock, 1 AS series, 1 AS peak_memory_mb, '' AS versions, '' AS config_hash, "
            "'' AS run_id"
        )
    return tmp_path


def test_the_summary_counts_what_is_stored(data: Path) -> None:
    text = summary(data, CUTOFF)
    assert "Month 2025-12 (cutoff 2025-12-31)" in text
    assert "Series: 3 in the base table by 2025-12-31, 2 with an outcome (1 WITHOUT): " in text
    assert "1 forecast" in text
    assert "1 fallback" in text
    assert "1 × too short: 12 days, 60 needed" in text


def test_a_month_of_which_every_series_has_an_outcome_does_not_speak_of_missing_ones(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        con.execute("INSERT INTO series_outcomes SELECT * REPLACE ('c' AS host_id) FROM series_outcomes LIMIT 1")
    assert "3 with an outcome: " in summary(data, CUTOFF)


def test_reasons_that_differ_in_figures_are_one_line_and_only_five_kinds_are_shown(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        for number, reason in enumerate(["too short: 7 days, 60 needed", *(f"kind {letter}" for letter in "uvwxy")]):
            con.execute(
                f"INSERT INTO series_outcomes SELECT * REPLACE ('r{number}' AS host_id, ? AS reason) "
                "FROM series_outcomes LIMIT 1",
                [reason],
            )
    lines = summary(data, CUTOFF).splitlines()
    at = next(place for place, line in enumerate(lines) if "×" in line)
    assert [line.split() for line in lines[at : at + 2]] == [
        ["2", "×", "too", "short:", "7", "to", "12", "days,", "60", "needed"],
        ["1", "×", "kind", "u"],
    ]
    assert lines[at + 5].strip() == "and 1 other kinds of reasons, in series_outcomes.reason"
    assert lines[at + 6].startswith("Backtest")


def test_the_standings_show_the_published_forecast_first_then_the_entrants_by_their_error(data: Path) -> None:
    lines = summary(data, CUTOFF).splitlines()
    at = next(place for place, line in enumerate(lines) if line.startswith("Backtest, means over series:"))
    assert [line.split() for line in lines[at + 1 : at + 4]] == [
        ["champion", "(published)", "2.50", "1.200", "(1.100–1.300)", "75.0%", "80.0%", "9.0", "1.50", "1,234"],
        ["m", "2.00", "–", "25.0%", "50.0%", "9.0", "1.50", "1,234"],
        ["x", "3.00", "1.250", "(1.150–1.350)", "25.0%", "50.0%", "9.0", "1.50", "1,234"],
    ]
    assert lines[at].split()[-7:] == ["coverage", "of", "days", "interval", "score", "rank", "wins"]
    assert lines[at + 4].startswith("  2 series with 244 observed days; MASE of the 1 where it is defined. coverage: ")
    assert lines[at + 6] == "Champions: 2 m · 1 x"
    ends = {len(line) for line in lines[at : at + 4]}
    assert len(ends) == 1, "numbers stand under their headings"


def test_who_is_charged_the_fallbacks_scores_is_told_with_the_number_of_series(data: Path) -> None:
    assert "count with the fallback's" not in summary(data, CUTOFF)
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        stand(con, "lstm", 4.0, 1.0, own=1, mase_series=2)
    text = summary(data, CUTOFF)
    assert "Series without a forecast of its own count with the fallback's: lstm in 1." in text


def test_nothing_is_said_of_earlier_forecasts_where_there_are_none(data: Path) -> None:
    assert "Earlier forecasts" not in summary(data, CUTOFF)


def test_earlier_forecasts_are_summed_up_by_months_ahead_over_their_days(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        judge(con, 11, 1, mae=2.0, n=30, inside=0.9)
        judge(con, 10, 1, mae=4.0, n=10, inside=0.5)
        judge(con, 10, 2, mae=5.0, n=10, inside=0.75)
        judge(con, 10, 2, mae=99.0, n=10, inside=0.0, model="m")
        judge(con, 10, 2, mae=99.0, n=10, inside=0.0, resource="cpu")
        judge(con, 10, 3, mae=99.0, n=10, inside=0.0, cutoff=date(2025, 11, 30))
    lines = summary(data, CUTOFF).splitlines()
    at = lines.index(EARLIER)
    assert lines[at + 1 : at + 3] == [
        "  month 1: MAE 2.50, 80.0% of 40 days inside the interval (2 forecasts)",
        "  month 2: MAE 5.00, 75.0% of 10 days inside the interval (1 forecast)",
    ]
    assert lines[at + 3].startswith("Outlook")


def fullness(data: Path) -> list[str]:
    """The lines on who runs full."""
    lines = summary(data, CUTOFF).splitlines()
    at = next(place for place, line in enumerate(lines) if line.startswith("Run full"))
    end = next(place for place, line in enumerate(lines) if line.startswith("Seconds"))
    return lines[at:end]


def observe(con: duckdb.DuckDBPyConnection, host: str, *levels: float, last: date = CUTOFF) -> None:
    """The last observed days of a series, and a champion of it."""
    con.execute("DELETE FROM base_table WHERE host_id = ?", [host])
    for ago, level in enumerate(reversed(levels)):
        con.execute("INSERT INTO base_table VALUES (?, 'cpu', ?, ?)", [host, last - timedelta(days=ago), level])
    con.execute("DELETE FROM champions WHERE host_id = ?", [host])
    insert(con, "champions", host_id=host, resource="cpu", model="m", reason="why", folds=3)


def forecast(con: duckdb.DuckDBPyConnection, host: str, **levels: float) -> None:
    """Days of the champion's forecast, as `d0102` for 2026-01-02."""
    for day, yhat in levels.items():
        ds = date(2026, int(day[1:3]), int(day[3:]))
        con.execute(
            "INSERT INTO tournament_results VALUES (?, 'cpu', 'm', 'forecast', '2025-12-31', ?, NULL, ?, 0, 100)",
            [host, ds, yhat],
        )


def test_only_the_champions_forecast_tells_who_runs_full(data: Path) -> None:
    assert fullness(data) == [
        "Run full first (95 % or more; now: mean of the last 7 observed days): 0 already, 0 by 2026-01-28, 1 later in "
        "the horizon",
        "  2026-02-01  a cpu: 1.0 % when last seen (2025-12-01), forecast 95.0 % that day, 95.0 % at most (on 2026-02-01)",
    ]


def test_who_is_full_already_is_said_to_be_and_at_what_level(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        observe(con, "full", 10, 98, 98, 98, 98, 98, 98, 91)  # the last seven: (6 * 98 + 91) / 7 = 97
        forecast(con, "full", d0101=96.0, d0102=99.25)
        observe(con, "falling", 96, 96, 95)
        forecast(con, "falling", d0101=94.0, d0102=93.0)
        observe(con, "nearly", 94.96)
        forecast(con, "nearly", d0101=94.99, d0105=95.5, d0106=97.0)
    assert fullness(data)[0].endswith("2 already, 1 by 2026-01-28, 1 later in the horizon")
    assert fullness(data)[1:] == [
        "  already     full cpu: 97.0 % now, forecast 99.2 % at most",
        "  already     falling cpu: 95.7 % now, forecast 94.0 % at most (below 95 % again)",
        "  2026-01-05  nearly cpu: 94.9 % now, forecast 95.5 % that day, 97.0 % at most (on 2026-01-06)",
        fullness(data)[4],
    ]
    assert fullness(data)[4].startswith("  2026-02-01  a cpu: ")


def test_the_fullest_come_first_at_most_five_and_ties_are_counted(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        for number in range(4):
            observe(con, f"full{number}", 96.0 + number)
            forecast(con, f"full{number}", d0101=96.0)
        for number in range(6):  # all on one day: the higher first
            observe(con, f"tied{number}", 80.0 + number)
            forecast(con, f"tied{number}", d0103=95.0)
    told = fullness(data)
    assert told[0].endswith("4 already, 6 by 2026-01-28, 1 later in the horizon")
    assert [line.split(":")[0].split() for line in told[1:]] == [
        ["already", "full3", "cpu"],
        ["already", "full2", "cpu"],
        ["and", "2", "more", "that", "are", "full", "already"],
        ["2026-01-03", "tied5", "cpu"],
        ["2026-01-03", "tied4", "cpu"],
        ["2026-01-03", "tied3", "cpu"],
        ["and", "4", "more,", "3", "of", "them", "also", "on", "2026-01-03"],
    ]


def test_where_all_are_full_already_five_are_named(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        con.execute("DELETE FROM champions")
        for number in range(12):
            observe(con, f"full{number:02}", 99.0)
            forecast(con, f"full{number:02}", d0101=99.0)
    told = fullness(data)
    assert told[0].endswith("12 already, 0 by 2026-01-28, 0 later in the horizon")
    assert [line.split()[1] for line in told[1:6]] == ["full00", "full01", "full02", "full03", "full04"]
    assert told[6:] == ["              and 7 more that are full already"]


def test_the_summary_names_the_files_and_the_seconds(data: Path) -> None:
    text = summary(data, CUTOFF)
    assert str(data / "forecast_parquet" / "2025-12.parquet") in text
    assert str(data / "warehouse.duckdb") in text
    assert "   12.5  one: work" in text


def test_the_seconds_of_the_stages_add_up_to_what_is_said_of_them_together(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        for stage, seconds in {"a": 3.04, "b": 2.04, "c": 0.04, "d": 0.04, "e": 0.04, "worker": 99.0}.items():
            clock = "worker" if stage == "worker" else "wall"
            con.execute(
                "INSERT INTO run_audit SELECT * REPLACE (? AS stage, ? AS seconds, ? AS clock) FROM run_audit LIMIT 1",
                [stage, seconds, clock],
            )
    lines = summary(data, CUTOFF).splitlines()
    at = next(place for place, line in enumerate(lines) if line.startswith("Seconds"))
    assert lines[at : at + 5] == [
        "Seconds in the stages of this month's assets: 17.6, of which",
        "     12.5  one: work",
        "      3.0  one: a",
        "      2.0  one: b",
        "      0.1  the 3 other stages",
    ]


def test_a_month_without_standings_or_full_hosts_says_so(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        con.execute("DELETE FROM tournament_standings")
        con.execute("DELETE FROM champions")
    text = summary(data, CUTOFF)
    assert "none: no series is long enough for a backtest" in text
    assert "Champions: none" in text
    assert "Run full: no series is at 95 % now, or reaches it in the published forecast" in text


def state(
    con: duckdb.DuckDBPyConnection, host: str, threshold: float, urgency: int, state: str, **more: object
) -> None:
    """A statement of the baseline."""
    fixed = {"scenario": "baseline", "kind": "series", "resource": "cpu", "growth": 0.0}
    said = {"probability_30": 0.25, "probability_91": 0.5, "probability_182": 0.75}
    insert(
        con,
        "capacity_outlook",
        **{**fixed, **said, "host_id": host, "threshold": threshold, "urgency": urgency, "state": state, **more},
    )


def outlook(data: Path) -> list[str]:
    """The lines on who reaches a threshold next."""
    lines = summary(data, CUTOFF).split("\n")
    at = next(place for place, line in enumerate(lines) if line.startswith("Outlook"))
    return lines[at : next(place for place, line in enumerate(lines) if line.startswith("Run full"))]


def test_who_reaches_a_threshold_next_is_named_once_by_the_threshold_nearest_ninety(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        state(con, "full", 90.0, 1, "over", level=93.0)
        dates = {"early": date(2026, 1, 5), "likely": date(2026, 2, 1)}
        state(con, "near", 80.0, 2, "over", level=85.04)
        state(con, "near", 90.0, 3, "expected", level=85.04, **dates)
        state(con, "own", 70.0, 4, "possible", probability_91=None, early=date(2026, 3, 1))
        state(con, "own", 60.0, 5, "over", level=65.0)
        state(con, "far", 90.0, 6, "unlikely", level=10.0)
        state(con, "near", 90.0, 1, "over", level=99.0, scenario="move")
        state(con, "near", 90.0, 1, "over", level=99.0, cutoff=date(2025, 11, 30))
    assert outlook(data)[:4] == [
        "Outlook (7-day mean reaches 90 %, or the threshold nearest to it): 1 over · 1 expected · 1 possible · 1 unlikely",
        "  next              now  30 days  91 days 182 days  10 %        50 %        90 %",
        "  near cpu 90 %  85.0 %      25%      50%      75%  2026-01-05  2026-02-01  –",
        "  own cpu 70 %        –      25%        –      75%  2026-03-01  –           –",
    ]


def test_five_are_named_and_the_others_counted(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        for number in range(7):
            state(con, f"h{number}", 90.0, 7 - number, "expected", level=50.0)
    told = outlook(data)
    assert [line.split()[0] for line in told[2:7]] == ["h6", "h5", "h4", "h3", "h2"]
    assert told[7] == "  and 2 more, in capacity_outlook"


def test_it_is_said_how_often_such_statements_were_true(data: Path) -> None:
    assert outlook(data)[1:] == [
        "  How often such statements are true is not known yet: no series is long enough for a backtest"
    ]
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        judged = [("a", 0.6, 1, 50.0), ("b", 0.8, 0, None), ("c", 0.25, 0, 50.0), ("over", 0.9, 1, 90.0)]
        for days in (30, 122):
            for host, probability, happened, level in judged:
                fixed = {"kind": "series", "resource": "cpu", "threshold": 90.0, "horizon_days": days, "point": 0}
                said = {"host_id": host, "probability": probability, "happened": happened, "level": level}
                insert(con, "outlook_backtest", **fixed, **said)
    assert outlook(data)[1:] == [
        "  Of such statements before the backtest, within 122 days, of up to 2 series below their threshold:",
        "  of 2 of 50 % or more, 50% came true (said: 70%); of 1 of less, 0% came true (said: 25%)",
    ]


def test_the_summary_changes_nothing(data: Path) -> None:
    with connected(data / "warehouse.duckdb"):  # the fixture's rows lie in a table, as in a former version's
        pass
    before = (data / "warehouse.duckdb").read_bytes()
    summary(data, CUTOFF)
    assert (data / "warehouse.duckdb").read_bytes() == before
    assert sorted([path.name for path in data.iterdir()]) == ["fleet_forecast", "warehouse.duckdb"]


def test_a_warehouse_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "warehouse.duckdb").write_text("no database" * 500)
    with pytest.raises(StorageError, match=r"warehouse.duckdb cannot be opened"):
        summary(tmp_path, CUTOFF)


def test_a_name_cannot_steer_the_terminal(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        for table in ("base_table", "champions", "series_outcomes", "tournament_results"):
            con.execute(f"UPDATE {table} SET host_id = host_id || chr(27) || '[2J' || chr(10) || 'month 1: fine'")
    lines = summary(data, CUTOFF).split("\n")
    assert all(line.isprintable() for line in lines)
    assert "month 1: fine" not in lines
    assert any(r"\x1b[2J\nmonth 1: fine" in line for line in lines)


@pytest.mark.parametrize("lost", [table.name for table in TABLES if table != TOURNAMENT_RESULTS])
def test_a_warehouse_that_lacks_a_table_is_named_in_a_sentence(lost: str, data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        con.execute(f"DROP TABLE {lost}")
    with pytest.raises(
        StorageError, match=rf"warehouse.duckdb cannot tell of 2025-12: .*{lost}.* Run the month again$"
    ):
        summary(data, CUTOFF)


def test_a_folder_without_a_warehouse_is_named_and_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"warehouse.duckdb is not there: there is no month to tell of"):
        summary(tmp_path / "nowhere", CUTOFF)
    assert not (tmp_path / "nowhere").exists()

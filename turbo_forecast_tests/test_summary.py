"""The summary tells what was published, changes nothing, and needs no warehouse."""

import json
import shutil
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import FORECAST_INTERVALS, FORECAST_PARQUET, MONTHS
from turbo_forecast.storage.base_table import record_base_table
from turbo_forecast.storage.files import write_parquet
from turbo_forecast.storage.published.history import publish_history
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.storage.published.states import publish_standings
from turbo_forecast.storage.published.writing import Publication, publish_month
from turbo_forecast.summary import TABLES, summary

CUTOFF = date(2025, 12, 31)
EARLIER = "Earlier forecasts against what has happened since (published; over all days of all series, by months ahead):"


def insert(con: duckdb.DuckDBPyConnection, table: str, **values: object) -> None:
    """A row of a monthly table; columns that are not given are empty."""
    values = {"cutoff": CUTOFF, **values}
    asked = ", ".join(f"? AS {name}" for name in values)
    con.execute(f"INSERT INTO {table} BY NAME SELECT {asked}", list(values.values()))


def publish(data: Path) -> None:
    """Publish what the warehouse has of the month, with a master file that holds nothing."""
    for table in (FORECAST_PARQUET, FORECAST_INTERVALS):
        write_parquet([], table.arrow_schema, data / table.name / "2025-12.parquet")
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        record_base_table(con, "reader")
        publish_history(con, data)
        publish_month(con, Publication(data, CUTOFF, "maker", {}, {}, [], data / "none", data / "none"))


def told(data: Path) -> str:
    """The summary of the month, once it is published."""
    publish(data)
    return summary(data, CUTOFF)


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


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two live series and one retired, written by hand. Each test has a copy."""
    folder = tmp_path_factory.mktemp("written")
    with duckdb.connect(str(folder / "warehouse.duckdb")) as con:
        for table in (*TABLES, MONTHS):
            con.execute(table.ddl())
        state = {
            "month": "2025-12",
            "state": "complete",
            "run_id": "maker",
            "base_table_digest": "d",
            "config_hash": "c",
        }
        insert(
            con, "months", **state, reached="months", started_at=datetime(2026, 1, 1), finished_at=datetime(2026, 1, 1)
        )
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
    return folder


@pytest.fixture
def data(written: Path, tmp_path: Path) -> Path:
    """What is written, to be added to and published."""
    return shutil.copytree(written, tmp_path / "data")


@pytest.fixture(scope="module")
def published_once(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = shutil.copytree(written, tmp_path_factory.mktemp("published") / "data")
    publish(data)
    return data


@pytest.fixture
def published(published_once: Path, tmp_path: Path) -> Path:
    """What is written, published as it is."""
    return shutil.copytree(published_once, tmp_path / "data")


def test_the_summary_counts_what_is_stored(published: Path) -> None:
    text = summary(published, CUTOFF)
    assert "Month 2025-12 (cutoff 2025-12-31)" in text
    assert "Series: 3 in the base table by 2025-12-31, 2 with an outcome (1 WITHOUT): " in text
    assert "1 forecast" in text
    assert "1 fallback" in text
    assert "1 × too short: 12 days, 60 needed" in text


def test_a_month_of_which_every_series_has_an_outcome_does_not_speak_of_missing_ones(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        con.execute("INSERT INTO series_outcomes SELECT * REPLACE ('c' AS host_id) FROM series_outcomes LIMIT 1")
    assert "3 with an outcome: " in told(data)


def test_reasons_that_differ_in_figures_are_one_line_and_only_five_kinds_are_shown(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        for number, reason in enumerate(["too short: 7 days, 60 needed", *(f"kind {letter}" for letter in "uvwxy")]):
            con.execute(
                f"INSERT INTO series_outcomes SELECT * REPLACE ('r{number}' AS host_id, ? AS reason) "
                "FROM series_outcomes LIMIT 1",
                [reason],
            )
    lines = told(data).splitlines()
    at = next(place for place, line in enumerate(lines) if "×" in line)
    assert [line.split() for line in lines[at : at + 2]] == [
        ["2", "×", "too", "short:", "7", "to", "12", "days,", "60", "needed"],
        ["1", "×", "kind", "u"],
    ]
    assert lines[at + 5].strip() == "and 1 other kinds of reasons, in series_outcomes.reason"
    assert lines[at + 6].startswith("Backtest")


def test_the_standings_show_the_published_forecast_first_then_the_entrants_by_their_error(published: Path) -> None:
    lines = summary(published, CUTOFF).splitlines()
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
    assert "count with the fallback's" not in told(data)
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        stand(con, "lstm", 4.0, 1.0, own=1, mase_series=2)
    text = told(data)
    assert "Series without a forecast of its own count with the fallback's: lstm in 1." in text


def test_nothing_is_said_of_earlier_forecasts_where_there_are_none(published: Path) -> None:
    assert "Earlier forecasts" not in summary(published, CUTOFF)


def test_earlier_forecasts_are_summed_up_by_months_ahead_over_their_days(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        judge(con, 11, 1, mae=2.0, n=30, inside=0.9)
        judge(con, 10, 1, mae=4.0, n=10, inside=0.5)
        judge(con, 10, 2, mae=5.0, n=10, inside=0.75)
        judge(con, 10, 2, mae=99.0, n=10, inside=0.0, model="m")
        judge(con, 10, 2, mae=99.0, n=10, inside=0.0, resource="cpu")
        judge(con, 10, 3, mae=99.0, n=10, inside=0.0, cutoff=date(2025, 11, 30))
    lines = told(data).splitlines()
    at = lines.index(EARLIER)
    assert lines[at + 1 : at + 3] == [
        "  month 1: MAE 2.50, 80.0% of 40 days inside the interval (2 forecasts)",
        "  month 2: MAE 5.00, 75.0% of 10 days inside the interval (1 forecast)",
    ]
    assert lines[at + 3].startswith("Runs full next")


def test_the_summary_names_the_files_and_the_seconds(published: Path) -> None:
    text = summary(published, CUTOFF)
    assert str(published / "forecast_parquet" / "2025-12.parquet") in text
    assert str(published / "warehouse.duckdb") in text
    assert f"{published / 'published'} (master file and tables for readers, in SQL: turbo_forecast.duckdb)" in text
    assert "   12.5  one: work" in text


def test_the_months_report_is_named_where_there_is_one(published: Path) -> None:
    report = published / "month_report" / "2025-12.html"
    assert "month_report" not in summary(published, CUTOFF)
    report.parent.mkdir()
    report.touch()
    assert f"\n       {report} (the month's report, to be mailed)" in summary(published, CUTOFF)


def test_the_seconds_of_the_stages_add_up_to_what_is_said_of_them_together(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        for stage, seconds in {"a": 3.04, "b": 2.04, "c": 0.04, "d": 0.04, "e": 0.04, "worker": 99.0}.items():
            clock = "worker" if stage == "worker" else "wall"
            con.execute(
                "INSERT INTO run_audit SELECT * REPLACE (? AS stage, ? AS seconds, ? AS clock) FROM run_audit LIMIT 1",
                [stage, seconds, clock],
            )
    lines = told(data).splitlines()
    at = next(place for place, line in enumerate(lines) if line.startswith("Seconds"))
    assert lines[at : at + 5] == [
        "Seconds in the stages of this month's assets: 17.6, of which",
        "     12.5  one: work",
        "      3.0  one: a",
        "      2.0  one: b",
        "      0.1  the 3 other stages",
    ]


def test_a_month_without_standings_or_statements_says_so(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        con.execute("DELETE FROM tournament_standings")
        con.execute("DELETE FROM champions")
    text = told(data)
    assert "none: no series is long enough for a backtest" in text
    assert "Champions: none" in text
    assert outlook(data) == [f"{NEXT}: 0 over already · 0 expected · 0 possible · 0 unlikely", f"{TRUE}: {UNKNOWN}"]


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


NEXT = "Runs full next (7-day mean reaches 90 %, or the threshold nearest to it)"
TRUE = "  How often that was true of series below their threshold"
UNKNOWN = "not known yet: no series is long enough for a backtest"


def outlook(data: Path) -> list[str]:
    """The lines on who reaches a threshold next."""
    lines = told(data).split("\n")
    at = next(place for place, line in enumerate(lines) if line.startswith("Runs full next"))
    return lines[at : next(place for place, line in enumerate(lines) if line.startswith("Seconds"))]


def test_who_reaches_a_threshold_next_is_named_once_by_the_threshold_nearest_ninety(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        state(con, "full", 90.0, 1, "over", level=93.0)
        dates = {"early": date(2026, 1, 5), "likely": date(2026, 2, 1)}
        state(con, "near", 80.0, 2, "over", level=89.97)
        state(con, "near", 90.0, 3, "expected", level=89.97, **dates)
        state(con, "own", 70.0, 4, "possible", probability_91=None, early=date(2026, 3, 1))
        state(con, "own", 60.0, 5, "over", level=65.0)
        state(con, "far", 90.0, 6, "unlikely", level=10.0)
        state(con, "near", 90.0, 1, "over", level=99.0, scenario="move")
        state(con, "near", 90.0, 1, "over", level=99.0, cutoff=date(2025, 11, 30))
    assert outlook(data)[:4] == [
        f"{NEXT}: 1 over already · 1 expected · 1 possible · 1 unlikely",
        "  host  resource  reaches     now  early 10%   likely 50%  late 90%     30 days  91 days 182 days",
        "  near  cpu       90 %     89.9 %  2026-01-05  2026-02-01  –                25%      50%      75%",
        "  own   cpu       70 %          –  2026-03-01  –           –                25%        –      75%",
    ]


def test_a_group_without_usable_capacity_is_counted_where_there_is_one(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        state(con, "site", 90.0, 1, "unusable", kind="group")
    assert outlook(data)[0] == f"{NEXT}: 0 over already · 0 expected · 0 possible · 0 unlikely · 1 unusable"


def test_five_are_named_and_the_others_counted_and_those_over_already_are_one_number(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        for number in range(7):
            state(con, f"h{number}", 90.0, 30 - number, "expected", level=50.0)
        for number in range(9):
            state(con, f"full{number}", 90.0, 1 + number, "over", level=99.0)
    told = outlook(data)
    assert told[0].startswith(f"{NEXT}: 9 over already · 7 expected · ")
    assert [line.split()[0] for line in told[2:7]] == ["h6", "h5", "h4", "h3", "h2"]
    assert told[7] == "  and 2 more that are expected or possible, in capacity_outlook"


def test_it_is_said_how_often_such_statements_were_true_and_by_how_much_they_beat_the_base_rate(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        judged = [  # host, threshold, probability, happened, point, level
            *(("a", 90.0, 0.6, 1, 0, 50.0), ("b", 90.0, 0.8, 0, 1, 50.0), ("c", 90.0, 0.2, 0, 0, 50.0)),
            *(("a", 70.0, 0.9, 1, 1, 50.0), ("b", 70.0, 0.5, 1, 1, 50.0), ("c", 70.0, 0.1, 0, 0, 50.0)),
            *(("over", 90.0, 0.0, 1, 0, 90.0), ("unknown", 90.0, 0.0, 1, 0, None)),
        ]
        for days in (30, 122):
            for host, threshold, probability, happened, point, level in judged:
                fixed = {"kind": "series", "resource": "cpu", "horizon_days": days, "threshold": threshold}
                said = {
                    "host_id": host,
                    "probability": probability,
                    "happened": happened,
                    "point": point,
                    "level": level,
                }
                insert(con, "outlook_backtest", **fixed, **said)
        group = {"kind": "group", "host_id": "g", "resource": "cpu", "horizon_days": 122, "threshold": 90.0}
        insert(con, "outlook_backtest", **group, probability=0.0, happened=1, point=0, level=1.0)
    # Brier: (.16 + .64 + .04 + .01 + .25 + .01) / 6; base rates of a third and two thirds: 2/9; the point forecast: 2 of 6
    assert outlook(data)[1:] == [
        f"{TRUE}: 75 % of 4 statements of 50 % or more came true within 122 days, 0 % of 2 others; Brier skill "
        f"{1 - (1.11 / 6) / (2 / 9):.2f} (base rate 0, point forecast {1 - (2 / 6) / (2 / 9):.2f})"
    ]


def test_where_nothing_was_reached_there_is_no_skill_and_no_share_of_what_nobody_said(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        fixed = {"kind": "series", "host_id": "a", "resource": "cpu", "horizon_days": 61, "threshold": 90.0}
        insert(con, "outlook_backtest", **fixed, probability=0.25, happened=0, point=0, level=1.0)
    assert outlook(data)[1:] == [f"{TRUE}: – of 0 statements of 50 % or more came true within 61 days, 0 % of 1 other"]


def content(data: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}


def test_the_summary_changes_nothing_and_says_the_same_without_the_warehouse(published: Path) -> None:
    said, before = summary(published, CUTOFF), content(published)
    assert summary(published, CUTOFF) == said
    assert content(published) == before
    (published / "warehouse.duckdb").write_text("no database")
    assert summary(published, CUTOFF) == said
    (published / "warehouse.duckdb").unlink()
    assert summary(published, CUTOFF) == said


def test_a_name_cannot_steer_the_terminal(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        state(con, "name", 90.0, 1, "expected", level=50.0)
        for table in ("base_table", "champions", "series_outcomes", "capacity_outlook"):
            con.execute(f"UPDATE {table} SET host_id = host_id || chr(27) || '[2J' || chr(10) || 'month 1: fine'")
    lines = told(data).split("\n")
    assert all(line.isprintable() for line in lines)
    assert "month 1: fine" not in lines
    assert any(r"\x1b[2J\nmonth 1: fine" in line for line in lines)


@pytest.mark.parametrize("lost", [table.name for table in TABLES if table.name != "base_table"])
def test_a_month_of_which_a_table_is_not_published_is_named_in_a_sentence(lost: str, published: Path) -> None:
    path = published / "published" / "2025-12" / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["files"][lost]
    path.write_text(json.dumps(manifest))
    with pytest.raises(StorageError, match=rf"^{lost} of 2025-12 is not published: .*; run it again$"):
        summary(published, CUTOFF)


@pytest.mark.parametrize("damaged", [table.name for table in TABLES])
@pytest.mark.parametrize("harm", ["its end is lost", "it is gone", "within"])
def test_a_file_that_cannot_be_read_is_named_in_a_sentence(damaged: str, harm: str, published: Path) -> None:
    readable = Published(published)
    month = readable.month("2025-12")
    path = {table.name: month.path(table) for table in TABLES[1:]}.get(damaged) or readable.history_file()
    content = path.read_bytes()
    if harm == "it is gone":
        path.unlink()
    else:
        path.write_bytes(content[:-9] if harm == "its end is lost" else content[:4] + b"\xff" * 60 + content[64:])
    said = refused(published)
    assert said or harm == "within", "what was damaged within need not have been read"
    assert not said or said.startswith(f"{path} cannot be read: ")
    assert len(said.splitlines()) <= 1


def refused(data: Path) -> str:
    """The sentence that is said in place of the summary; empty where there is one."""
    try:
        summary(data, CUTOFF)
    except StorageError as error:
        return str(error)
    return ""


def test_a_month_that_is_not_published_is_told_of_in_a_sentence(data: Path) -> None:
    alone = r"has no published month 2025-12: no run has come to its end there, or only runs of a version that published nothing\. Run the month again$"
    with pytest.raises(StorageError, match=alone):
        summary(data, CUTOFF)
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        con.execute(
            "CREATE TABLE month_steps AS SELECT DATE '2025-12-31' AS cutoff, '' AS asset, '' AS check_name, "
            "'stored' AS result, '' AS run_id, TIMESTAMP '2026-01-01' AS recorded_at"
        )
        publish_standings(con, data)
    complete = r"month 2025-12 is complete, but no version .* has published it\. Materialise published_month for 2025-12, or run it again$"
    with pytest.raises(StorageError, match=complete):
        summary(data, CUTOFF)


def test_a_folder_without_a_month_is_named_and_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nowhere has no published month 2025-12: month 2025-12 was never run"):
        summary(tmp_path / "nowhere", CUTOFF)
    assert not (tmp_path / "nowhere").exists()


def test_the_summary_is_of_a_folder_that_was_moved(published: Path, tmp_path: Path) -> None:
    said = summary(published, CUTOFF)
    moved = shutil.copytree(published, tmp_path / "moved")
    shutil.rmtree(published / "published")
    assert summary(moved, CUTOFF) == said.replace(f" {published}/", f" {moved}/")

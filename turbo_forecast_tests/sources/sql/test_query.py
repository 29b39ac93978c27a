"""A query's parameters, and what only looks like one."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turbo_forecast.sources.protocol import Window
from turbo_forecast.sources.sql.address import System
from turbo_forecast.sources.sql.query import PARAMETERS, Query, identifier, text_literal

SYSTEMS: tuple[System, ...] = ("postgresql", "mysql", "sqlite", "duckdb")
WINDOW = Window.of_days(date(2026, 3, 1), date(2026, 3, 31), "Europe/Berlin")
ENDS = " WHERE t >= :start AND t < :end"
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("'\"\\:$-/*`[];#%\n"), max_size=30)


def quiet(inner: str, system: System) -> list[str]:
    """Pieces of SQL in which `inner` means nothing."""
    doubled = inner.replace("'", "''").replace("\\", "\\\\" if system == "mysql" else "\\")
    name = inner.replace('"', '""').replace("\\", "\\\\" if system == "mysql" else "\\")
    line = inner.replace("\n", " ")
    block = inner.replace("*", "").replace("/", "")
    found = [f"'{doubled}'", f'"{name}"', f"-- {line}\n", f"/* {block} */"]
    if system in ("postgresql", "duckdb"):
        dollars = inner.replace("$", "")
        escaped = inner.replace("\\", "\\\\").replace("'", "\\'")
        found += [f"$${dollars}$$", f"$tag$ {dollars} $$ $tag$", f" E'{escaped}'", f"/* /* {block} */ {block} */"]
    if system == "mysql":
        found += [
            f"`{inner.replace('`', '``')}`",
            f"# {line}\n",
            "'" + inner.replace("\\", "\\\\").replace("'", "\\'") + "'",
        ]
    if system == "sqlite":
        found += [f"`{inner.replace('`', '``')}`", f"[{inner.replace(']', '')}]"]
    return found


@pytest.mark.parametrize("system", SYSTEMS)
@given(inner=TEXT, data=st.data())
def test_what_stands_in_quotes_or_comments_is_left_as_it_is(system: System, inner: str, data: st.DataObject) -> None:
    pieces = data.draw(
        st.lists(st.sampled_from(quiet(f"{inner} :start ", system) + quiet(f" :end{inner}", system)), max_size=4)
    )
    text = "SELECT " + " , ".join([*pieces, "1"])
    query = Query.of(text + ENDS, system)
    assert query.names == ("start", "end")
    assert query.pieces[0] == f"{text} WHERE t >= "


@pytest.mark.parametrize("system", SYSTEMS)
def test_casts_slices_and_assignments_are_no_parameters(system: System) -> None:
    text = "SELECT x::start, a[1:end], '{a}'::text, m['k':v], @n := 1, f(x):end FROM t"
    assert Query.of(text + ENDS, system).names == ("start", "end")


@pytest.mark.parametrize(
    ("system", "moment", "literal"),
    [
        ("postgresql", "start", "TIMESTAMPTZ '2026-02-28 23:00:00+00'"),
        ("duckdb", "end", "TIMESTAMPTZ '2026-03-31 22:00:00+00'"),
        ("mysql", "start", "TIMESTAMP '2026-02-28 23:00:00'"),
        ("sqlite", "end", "'2026-03-31 22:00:00'"),
        ("postgresql", "start_local", "TIMESTAMP '2026-03-01 00:00:00'"),
        ("mysql", "end_local", "TIMESTAMP '2026-04-01 00:00:00'"),
        ("sqlite", "end_local", "'2026-04-01 00:00:00'"),
        ("duckdb", "start_epoch", "1772319600"),
        ("mysql", "end_epoch_ms", "1774994400000"),
    ],
)
def test_times_are_literals_of_the_system(system: System, moment: str, literal: str) -> None:
    query = Query.of(f"SELECT 1 WHERE :start < :end AND t = :{moment}", system)
    assert query.bound(WINDOW, system, "Europe/Berlin").endswith(f"AND t = {literal}")


def test_a_part_of_a_second_is_not_cut_off() -> None:
    start = datetime(2026, 3, 1, 0, 0, 0, 250_000, UTC)
    window = Window(start, start + timedelta(seconds=1))
    query = Query.of("SELECT :start, :end, :start_epoch, :end_epoch", "postgresql")
    seconds = int(start.timestamp()) + 1  # the first whole one that is not before it
    assert query.bound(window, "postgresql", "") == (
        "SELECT TIMESTAMPTZ '2026-03-01 00:00:00.250000+00', TIMESTAMPTZ '2026-03-01 00:00:01.250000+00', "
        f"{seconds}, {seconds + 1}"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("DELETE FROM t WHERE :start < :end", "must begin with SELECT or WITH"),
        ("SELECT 1", "has no :start"),
        ("SELECT 1 WHERE t > :start", "has no :end"),
        ("SELECT ':start', ':end'", "has no :start"),
        ("SELECT :start, :end, :until", "has :until, which is no parameter: there are :start, :end, :start_local"),
        ("SELECT :start; SELECT :end", "has a ; within"),
        ("SELECT :start, :end, 'open", "has a ' that is not closed"),
        ("SELECT :start, :end /* open", "has a /\\* that is not closed"),
        ("   ", "must begin with SELECT or WITH"),
    ],
)
@pytest.mark.parametrize("system", SYSTEMS)
def test_what_is_no_query_for_a_window_is_refused(system: System, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Query.of(text, system)


@pytest.mark.parametrize("system", SYSTEMS)
@given(text=st.text(max_size=60))
def test_any_text_is_a_query_or_is_refused_in_a_sentence(system: System, text: str) -> None:
    try:
        query = Query.of(f"SELECT {text}{ENDS}", system)
    except ValueError:
        return
    assert {"start", "end"} <= set(query.names) <= set(PARAMETERS)


def test_a_text_s_literal_is_that_text() -> None:
    with closing(sqlite3.connect(":memory:")) as sqlite, closing(duckdb.connect()) as duck:

        @given(text=TEXT.filter(lambda text: "\0" not in text))
        def same(text: str) -> None:
            assert sqlite.execute(f"SELECT {text_literal(text, 'sqlite')}").fetchone() == (text,)
            assert duck.execute(f"SELECT {text_literal(text, 'duckdb')}").fetchone() == (text,)

        same()


def test_a_name_s_identifier_is_that_name() -> None:
    name = 'the "host" `name`'
    found = sqlite3.connect(":memory:").execute(f"SELECT 1 AS {identifier(name, 'sqlite')}")
    assert found.description[0][0] == name
    assert identifier(name, "mysql") == '`the "host" ``name```'

"""The file of groups is read in whatever form people keep it, and what is wrong with it is said in one sentence."""

from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from turbo_forecast.errors import SettingsError
from turbo_forecast.schemas import BASE_TABLE, GROUP_MEMBERS
from turbo_forecast.storage.groups import (
    first_in,
    first_observed,
    groups_of,
    members_of,
    read_groups,
    values_in,
    values_of,
)

CUTOFF = date(2025, 12, 31)
PLAIN = "host_id,group\na,web\nb,web\nb,db\n"


def written(folder: Path, text: str, name: str = "groups.csv") -> str:
    path = folder / name
    path.write_bytes(text.encode())
    return str(path)


def series(*rows: tuple[str, str, date]) -> pl.DataFrame:
    """What a month knows of its series: name, resource, last day."""
    frame = pl.DataFrame(rows, schema=["host_id", "resource", "last_ds"], orient="row")
    return frame.with_columns(observations=pl.lit(100, pl.Int64), first_ds=pl.lit(date(2025, 1, 1)))


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", " , "),
        PLAIN.replace("\n", "\r\n"),
        "\ufeff" + PLAIN,
        PLAIN + "\n,\n",
        "group,owner,host_id\nweb,jo,a\nweb,,b\ndb,al,b\n",
    ],
)
def test_a_csv_means_the_same_however_it_is_written(tmp_path: Path, text: str) -> None:
    found = read_groups(written(tmp_path, text)).rows.sort("group_name", "host_id")
    assert found.select("group_name", "host_id", "resource", "capacity").rows() == [
        ("db", "b", None, 1.0),
        ("web", "a", None, 1.0),
        ("web", "b", None, 1.0),
    ]


def test_a_parquet_file_and_a_frame_mean_the_same(tmp_path: Path) -> None:
    frame = pl.DataFrame({"host_id": [1, 2], "group": ["x", "x"], "capacity": [64, 0.5]}, strict=False)
    frame.write_parquet(tmp_path / "groups.parquet")
    found = read_groups(str(tmp_path / "groups.parquet")).rows
    assert found.equals(groups_of(frame).rows)
    assert found.select("host_id", "capacity").rows() == [("1", 64.0), ("2", 0.5)]


def test_a_comma_may_be_the_decimal_point(tmp_path: Path) -> None:
    found = read_groups(written(tmp_path, "host_id;group;capacity\na;g;1,5\nb;g;2\n"))
    assert found.rows["capacity"].to_list() == [1.5, 2.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot be read"),
        ("host_id,group\n", "there is not one row below the header"),
        ("host,group\na,g\n", "there is no column host_id, only 'host', 'group'"),
        ("host_id,grupo\na,g\n", "there is no column group, only 'host_id', 'grupo'"),
        ("host_id,group\na,g\n,g\n", "row 2: host_id is empty: each row names a host and a group"),
        ("host_id,group\na,\nb,\n", "row 1: group is empty: each row names a host and a group (and 1 more row)"),
        (
            "host_id,group\na,g\nb,g\na,g\n",
            "row 3: host_id is 'a': this host_id, group stands in an earlier row already",
        ),
        ("host_id,group,capacity\na,g,0\n", "row 1: capacity is '0': a capacity must be a finite number above 0"),
        ("host_id,group,capacity\na,g,4\nb,g,-1\n", "row 2: capacity is '-1': a capacity must be"),
        ("host_id,group,capacity\na,g,inf\n", "row 1: capacity is 'inf': a capacity must be"),
        ("host_id,group,capacity\na,g,nan\n", "row 1: capacity is 'nan': a capacity must be"),
        ("host_id,group,capacity\na,g,many\n", "row 1: capacity is 'many': a capacity must be"),
        (
            "host_id,group,capacity\na,g,4\nb,g,\n",
            "row 2: capacity is empty: where a row has a capacity, each row must",
        ),
        (
            "host_id,group,resource\na,g,cpu\na,g,\n",
            "row 2: resource is empty: where a row names a resource, each row must",
        ),
        ("host_id,group,capacity_cpu\na,g,4\n", "capacity_cpu: give capacities by resource as rows"),
        ('host_id,group\na,"g\th"\n', "row 1: group is"),
        ("host_id,group,group \na,g,h\n", "the column 'group' comes twice"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_by_column_and_row(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SettingsError) as refused:
        read_groups(path)
    assert str(refused.value).startswith(f"outlook.groups: {path}")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_or_no_table_is_named(tmp_path: Path) -> None:
    for name, said in (("none.csv", "No such file"), ("none.parquet", "No such file"), ("x.xlsx", "must end in .csv")):
        with pytest.raises(SettingsError, match=said) as refused:
            read_groups(str(tmp_path / name))
        assert name in str(refused.value)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_groups(written(tmp_path, PLAIN, "text.parquet"))


def test_a_host_counts_with_all_its_resources_or_with_those_that_rows_name() -> None:
    known = series(("a", "cpu", CUTOFF), ("a", "memory", CUTOFF), ("b", "cpu", CUTOFF))
    whole = groups_of(pl.DataFrame({"host_id": ["a", "b"], "group": ["g", "g"], "capacity": [2, 3]}))
    found = members_of(whole, known, CUTOFF, 28).rows
    assert found.schema == GROUP_MEMBERS.polars_schema
    columns = ["group_name", "resource", "host_id", "capacity"]
    assert found.select(columns).rows() == [("g", "cpu", "a", 2.0), ("g", "cpu", "b", 3.0), ("g", "memory", "a", 2.0)]
    by_resource = pl.DataFrame(
        {"host_id": ["a", "a"], "group": "g", "resource": ["memory", "cpu"], "capacity": [512, 64]}
    )
    single = members_of(groups_of(by_resource), known, CUTOFF, 28).rows
    assert single.select(columns).rows() == [("g", "cpu", "a", 64.0), ("g", "memory", "a", 512.0)]


def test_a_host_that_fell_silent_more_than_the_patience_ago_is_not_present() -> None:
    known = series(("a", "cpu", date(2025, 12, 3)), ("b", "cpu", date(2025, 12, 2)))
    found = members_of(groups_of(pl.DataFrame({"host_id": ["a", "b"], "group": "g"})), known, CUTOFF, 28)
    assert dict(found.rows.select("host_id", "present").rows()) == {"a": 1, "b": 0}
    assert found.remarks == ()


def test_what_the_base_table_does_not_know_is_told_and_left_out() -> None:
    known = series(("a", "cpu", CUTOFF), ("old", "cpu", date(2025, 1, 1)))
    rows = [("a", "g", "cpu"), ("a", "g", "ram"), ("ghost", "g", "cpu"), ("old", "attic", "cpu")]
    frame = pl.DataFrame(rows, schema=["host_id", "group", "resource"], orient="row").with_columns(owner=pl.lit("jo"))
    found = members_of(groups_of(frame), known, CUTOFF, 28)
    assert found.rows["host_id"].to_list() == ["old", "a"]
    assert found.remarks == (
        "groups: hosts that are not in the base table, left out (1): 'ghost'",
        "groups: resources that the base table has not of these hosts, left out (1): 'ram of a'",
        "groups: groups without a host at the cutoff, and so without a forecast (1): 'attic'",
        "groups: columns left out: 'owner'",
    )


def test_the_first_day_of_groups_is_that_of_their_hosts_and_of_no_others() -> None:
    days = [("a", "cpu", 3), ("a", "memory", 1), ("b", "cpu", 2), ("c", "cpu", 4)]
    base = pl.DataFrame(
        {"host_id": host, "resource": resource, "ds": date(2021, 1, day), "y": 1.0} for host, resource, day in days
    )
    with duckdb.connect() as con:
        con.execute(BASE_TABLE.ddl())
        con.register("rows", base.to_arrow())
        con.execute("INSERT INTO base_table BY NAME SELECT * FROM rows")
        for names, first in (([("a", "cpu"), ("c", "cpu")], date(2021, 1, 3)), ([("x", "cpu")], None)):
            members = pl.DataFrame(names, schema=["host_id", "resource"], orient="row")
            assert first_observed(con, members) == first_in(base, members) == first


def test_a_file_of_hosts_none_of_which_is_known_is_refused() -> None:
    groups = groups_of(pl.DataFrame({"host_id": ["x"], "group": ["g"]}))
    with pytest.raises(SettingsError, match="groups: none of its hosts is in the base table, whose hosts are 'a', 'b'"):
        members_of(groups, series(("a", "cpu", CUTOFF), ("b", "cpu", CUTOFF)), CUTOFF, 28)


def test_the_warehouse_and_a_frame_give_the_same_values_to_every_slot() -> None:
    days = pl.date_range(date(2025, 12, 28), date(2026, 1, 2), eager=True)
    base = pl.concat(
        [
            pl.DataFrame({"host_id": host, "resource": "cpu", "ds": days, "y": float(place)})
            for place, host in enumerate("abc")
        ]
    ).pipe(BASE_TABLE.conform)
    slots = pl.DataFrame({"slot": [0, 1, 2], "host_id": ["b", "a", "b"], "resource": "cpu"}).cast({"slot": pl.Int32})
    window = (date(2025, 12, 29), CUTOFF)
    with duckdb.connect() as con:
        con.execute(BASE_TABLE.ddl())
        con.register("rows", base.to_arrow())
        con.execute("INSERT INTO base_table SELECT * FROM rows")
        stored = values_of(con, slots, *window).sort("slot", "day")
    assert stored.rows() == [(slot, day, y) for slot, y in ((0, 1.0), (1, 0.0), (2, 1.0)) for day in (0, 1, 2)]
    assert values_in(base, slots, *window).sort("slot", "day").equals(stored)

"""The file of plans: forms that are read alike, and a sentence for every cell that cannot be understood."""

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from turbo_forecast.defs.catalog import long_text
from turbo_forecast.errors import SettingsError
from turbo_forecast.storage.plans import PLAN_SCHEMA, plan_cells, plans_of, plans_of_text, read_plans

EXAMPLE = """date,host_id,group,resource,change,factor,move_to,retire,add_hosts,scenario,note
2026-02-01,web-1,,cpu,12.5,,,,,,new tenant
2026-03-15,web-2,,,,,web-3,,,,
2026-03-16,web-2,,,,,,yes,,,
2026-04-01,,web,,,,,,4,larger web,
2026-05-01,,db,memory,,0.5,,,,larger db,
"""
EXPECTED = pl.DataFrame(
    [
        (1, date(2026, 2, 1), "baseline", "web-1", "", "cpu", "change", 12.5, ""),
        (2, date(2026, 3, 15), "baseline", "web-2", "", "", "move_to", None, "web-3"),
        (3, date(2026, 3, 16), "baseline", "web-2", "", "", "retire", None, ""),
        (4, date(2026, 4, 1), "larger web", "", "web", "", "add_hosts", 4.0, ""),
        (5, date(2026, 5, 1), "larger db", "", "db", "memory", "factor", 0.5, ""),
    ],
    schema=PLAN_SCHEMA,
    orient="row",
)


def written(folder: Path, text: str, name: str = "plans.csv") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_example_is_read_with_any_separator(separator: str, mark: str, tmp_path: Path) -> None:
    assert_frame_equal(read_plans(written(tmp_path, mark + EXAMPLE.replace(",", separator))), EXPECTED)


def test_a_parquet_file_may_have_dates_and_numbers(tmp_path: Path) -> None:
    rows = {
        "date": [date(2026, 2, 1), date(2026, 3, 16)],
        "host_id": ["web-1", "web-2"],
        "resource": ["cpu", None],
        "change": [12.5, None],
        "retire": [None, True],
    }
    pl.DataFrame(rows).write_parquet(tmp_path / "plans.parquet")
    midnight = pl.DataFrame(rows).with_columns(pl.col("date").cast(pl.Datetime("us")))
    midnight.write_parquet(tmp_path / "times.parquet")
    expected = EXPECTED[[0, 2]].with_columns(row=pl.Series([1, 2]))
    assert_frame_equal(read_plans(str(tmp_path / "plans.parquet")), expected)
    assert_frame_equal(read_plans(str(tmp_path / "times.parquet")), expected)


def test_the_example_of_the_tables_description_is_such_a_file(tmp_path: Path) -> None:
    lines = long_text("planned_changes").splitlines()
    found = read_plans(written(tmp_path, "\n".join(line.strip() for line in lines if line.startswith("    "))))
    assert found["what"].to_list() == ["change", "move_to", "retire", "add_hosts", "factor"]
    assert found["scenario"].to_list() == ["baseline"] * 3 + ["larger web", "larger db"]


def test_no_file_and_a_file_of_a_header_alone_plan_nothing(tmp_path: Path) -> None:
    assert read_plans("").is_empty()
    assert read_plans(written(tmp_path, EXAMPLE.splitlines()[0] + "\n")).is_empty()


def test_empty_rows_are_passed_over_and_keep_their_numbers(tmp_path: Path) -> None:
    text = "date,host_id,change\n,,\n2026-02-01,web-1,5\n , ,\n2026-02-02,web-1,6\n"
    assert read_plans(written(tmp_path, text))["row"].to_list() == [2, 4]


@pytest.mark.parametrize("name", ["", "baseline", "Baseline", "BASELINE "])
def test_what_is_published_may_be_called_baseline_however_it_is_written(name: str) -> None:
    row = {"date": "2026-02-01", "host_id": "a", "change": "1", "scenario": name}
    assert plans_of(pl.DataFrame([row]))["scenario"].to_list() == ["baseline"]


def test_the_baseline_may_be_named_and_no_retirement_may_be_said() -> None:
    row = {"date": "2026-02-01", "host_id": "a", "change": "1", "retire": "No", "scenario": "baseline"}
    assert plans_of(pl.DataFrame([row])).select("what", "scenario").row(0) == ("change", "baseline")


@pytest.mark.parametrize(("text", "number"), [("-100", -100.0), ("1,5", 1.5), ("+2.5e0", 2.5), ("0", 0.0)])
def test_numbers_are_read_as_people_write_them(text: str, number: float) -> None:
    row = {"date": "2026-02-01", "host_id": "a", "change": text}
    assert plans_of(pl.DataFrame([row]))["amount"].to_list() == [number]


SOUND = {"date": "2026-02-01", "host_id": "a"}
REFUSED = [
    ({"date": "soon", "change": "1"}, "column date: 'soon' is no day; write it as 2026-03-15"),
    ({"date": "", "change": "1"}, "column date: '' is no day"),
    ({"date": "2026-02-30", "change": "1"}, "column date: '2026-02-30' is no day"),
    ({"date": "01.02.2026", "change": "1"}, "column date: '01.02.2026' is no day"),
    ({"date": "2026-02-01 12:30", "change": "1"}, "column date: '2026-02-01 12:30' is no day"),
    ({"host_id": "", "change": "1"}, "column host_id: a plan is of a host_id or of a group, and neither is given"),
    ({"group": "g", "change": "1"}, "column host_id: a plan is of a host_id or of a group, and both are given"),
    ({"change": ""}, "column change: a row plans one of change, factor, move_to, retire, add_hosts, and none is given"),
    ({"retire": "no"}, "and none is given"),
    ({"change": "1", "factor": "2"}, "column factor: a row plans one of .*, and change and factor are both given"),
    ({"factor": "2", "retire": "yes"}, "column retire: .* factor and retire are both given"),
    ({"factor": "-0.5"}, "column factor: a load is multiplied by 0 to 1000, not by '-0.5'"),
    ({"factor": "nan"}, "column factor: 'nan' is not a finite number"),
    ({"change": "inf"}, "column change: 'inf' is not a finite number"),
    ({"change": "ten"}, "column change: 'ten' is no number"),
    ({"change": "1_5"}, "column change: '1_5' is no number"),
    ({"change": "101"}, "column change: a change is in points of percent, from -100 to 100, not '101'"),
    ({"move_to": "a"}, "column move_to: 'a' cannot move to itself"),
    ({"host_id": "", "group": "g", "move_to": "b"}, "column move_to: it is a host's load that moves"),
    ({"add_hosts": "2"}, "column add_hosts: hosts are added to a group: give a group"),
    ({"host_id": "", "group": "g", "add_hosts": "1.5"}, "column add_hosts: hosts are added in whole numbers from 1"),
    ({"host_id": "", "group": "g", "add_hosts": "0"}, "column add_hosts: hosts are added in whole numbers from 1"),
    ({"retire": "maybe"}, "column retire: 'maybe' is neither yes nor no"),
    ({"change": "1", "scenario": "a\x07b"}, "column scenario: .* is no name"),
    ({"change": "1", "host_id": "h" * 201}, "column host_id: .* is no name"),
]


@pytest.mark.parametrize(("cells", "why"), REFUSED)
def test_a_cell_that_cannot_be_understood_is_named(cells: dict[str, str], why: str) -> None:
    rows = [{**SOUND, "change": "5"}, {**SOUND, **cells}]
    frame = pl.DataFrame(rows, schema={name: pl.String for row in rows for name in row})
    with pytest.raises(SettingsError, match=f"^plans: row 2, {why}|^plans: row 2, .*{why}"):
        plans_of(frame)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("date,host_id,chnage\n2026-02-01,a,5\n", "column 'chnage' is none of a plan's; did you mean change"),
        ("date,host_id,colour\n2026-02-01,a,5\n", "column 'colour' is none of a plan's; known are date, host_id"),
        ("host_id,change\na,5\n", "there is no column date"),
        ("date,date,change\n2026-02-01,2026-02-01,5\n", "is none of a plan's|comes twice"),
        ("date,host_id,change\n2026-02-01,a,5,6,7\n", "cannot be read"),
    ],
)
def test_a_table_that_is_none_of_plans_is_refused(text: str, why: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SettingsError, match=why) as caught:
        read_plans(path)
    assert path in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        read_plans(str(tmp_path / "none.csv"))
    (tmp_path / "bytes.csv").write_bytes(b"date,host_id,change\n\xff\xfe,a,5\n")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_plans(str(tmp_path / "bytes.csv"))


def test_a_time_of_day_in_parquet_is_no_day(tmp_path: Path) -> None:
    frame = pl.DataFrame({"date": [datetime(2026, 2, 1, 6)], "host_id": ["a"], "change": [5.0]})
    frame.write_parquet(tmp_path / "plans.parquet")
    with pytest.raises(SettingsError, match="row 1, column date"):
        read_plans(str(tmp_path / "plans.parquet"))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff", "\n\n"])
def test_text_that_is_pasted_is_read_like_a_file(separator: str, mark: str) -> None:
    assert_frame_equal(plans_of_text(mark + EXAMPLE.replace(",", separator).replace("\n", "\r\n")), EXPECTED)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("host_id,change\na,5", "^plans: there is no column date"),
        ("date,host_id,change,change\n2026-02-01,a,5,6", "^plans: the column 'change' comes twice"),
        ("date,host_id,change\n2026-02-01,a,5,6,7", "^plans cannot be read: "),
        ("date,host_id,change\n2026-02-01,a,lots", "^plans: row 1, column change: 'lots' is no number"),
        ("date,host_id,chnage\n2026-02-01,a,5", "^plans: column 'chnage' is none of a plan's; did you mean change?"),
    ],
)
def test_text_that_is_no_file_of_plans_is_refused_in_a_sentence(text: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        plans_of_text(text)


def test_what_plans_say_as_cells_is_read_as_the_same_plans() -> None:
    cells = plan_cells(EXPECTED)
    assert cells.columns == [*EXAMPLE.splitlines()[0].split(",")[:-1]]
    assert_frame_equal(plans_of_text(cells.write_csv()), EXPECTED)
    odd = EXPECTED.head(1).with_columns(
        amount=pl.lit(-1 / 3), host_id=pl.lit('a "quoted", name'), scenario=pl.lit("s;t")
    )
    assert_frame_equal(plans_of_text(plan_cells(odd).write_csv()), odd, check_exact=True)
    assert plan_cells(EXPECTED)["add_hosts"].to_list() == ["", "", "", "4", ""]

"""Files of different months are read as one export; files of different kinds are not."""

from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

FIRST, SECOND, THIRD = date(2025, 1, 1), date(2025, 2, 1), date(2025, 3, 1)


def test_a_column_joins_from_the_file_on_that_has_it(tmp_path, csv, read):
    csv("host,time,cpu", "a,2025-01-01,50", name="1.csv")
    csv("host,time,cpu,mem", "a,2025-02-01,60,70", name="2.csv")
    reading = read(tmp_path)
    assert reading.rows == [("a", "cpu", FIRST, 50.0), ("a", "cpu", SECOND, 60.0), ("a", "mem", SECOND, 70.0)]
    assert reading.report.rejects == {}, "what a file has no column for is no value, and nothing to reject"
    assert (reading.report.rows_read, reading.report.values_read, reading.report.values_kept) == (2, 3, 3)
    assert "column mem is not in" in reading.report.notes[0]
    assert "1.csv" in reading.report.notes[0]


def test_a_header_in_another_case_is_the_same_column_whatever_its_letters(tmp_path, csv, parquet, read):
    csv("Host,time,Größe,cpu", "a,2025-01-01,50,5", name="1.csv")
    csv("HOST,Time,GRÖSSE,CPU", "a,2025-02-01,60,6", name="2.csv")
    parquet({"host": ["a"], "time": [THIRD], "größe": [70.0], "Cpu": pa.nulls(1)}, name="3.parquet")
    reading = read(tmp_path)
    assert [(resource, ds, y) for _, resource, ds, y in reading.rows] == [
        ("Größe", FIRST, 50.0),
        ("Größe", SECOND, 60.0),
        ("Größe", THIRD, 70.0),
        ("cpu", FIRST, 5.0),
        ("cpu", SECOND, 6.0),
    ]


def test_a_column_may_leave_and_others_join_over_the_months(tmp_path, csv, read):
    csv("host,time,cpu,disk", "a,2025-01-01,10,20", name="1.csv")
    csv("disk,host,mem,time,cpu", "22,a,33,2025-02-01,11", name="2.csv")
    csv("host,time,cpu,mem", "a,2025-03-01,12,34", name="3.csv")
    rows = read(tmp_path).rows
    assert [(resource, y) for _, resource, _, y in rows] == [
        ("cpu", 10.0),
        ("cpu", 11.0),
        ("cpu", 12.0),
        ("disk", 20.0),
        ("disk", 22.0),
        ("mem", 33.0),
        ("mem", 34.0),
    ]


def test_types_and_kinds_of_file_may_differ_by_month(tmp_path, csv, parquet, read):
    parquet({"host": ["a"], "time": [FIRST], "cpu": [50]}, name="1.parquet")
    parquet({"host": ["a"], "time": [SECOND], "cpu": [60.5], "mem": [7]}, name="2.parquet")
    csv("Host,TIME,CPU", "a,2025-03-01,70.25", name="3.csv")
    rows = read(tmp_path).rows
    assert [row[3] for row in rows if row[1] == "cpu"] == [50.0, 60.5, 70.25]
    assert [row[2:] for row in rows if row[1] == "mem"] == [(SECOND, 7.0)]


def test_a_column_that_never_had_a_value_in_one_file_takes_the_others_type(tmp_path, parquet, read):
    parquet({"host": ["a"], "time": [SECOND], "cpu": [60.5], "mem": [7.5]}, name="2.parquet")
    empty = pa.table({"host": ["a"], "time": [FIRST], "cpu": [50.0], "mem": pa.nulls(1)})
    pq.write_table(empty, tmp_path / "1.parquet")
    assert [row[3] for row in read(tmp_path).rows] == [50.0, 60.5, 7.5]


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("host,time,cpu", "host,time,cpu_pct", "has cpu but .*2.csv has cpu_pct instead"),
        ("host,time,cpu", "x,y,z", "has host, time, cpu but .*2.csv has x, y, z instead"),
        ("host,time,resource,value", "host,time,cpu", "has resource, value but .*2.csv has cpu instead"),
        ("host,time,cpu", "host,time,mem", "has cpu but .*2.csv has mem instead"),
        ("host,time,cpu", "time,cpu", "2.csv has no column host, which .*1.csv has"),
        ("host,time,cpu", "host,cpu", "2.csv has no column time"),
        ("host,time,cpu,mem", "host,time", "2.csv has no column cpu"),
        ("host,time,resource,value", "host,time,value", "2.csv has no column resource"),
    ],
)
def test_files_of_different_kinds_are_refused(tmp_path, csv, refusal, one, other, said):
    values = {"host": "a", "time": "2025-01-01", "resource": "cpu"}
    for name, header in (("1.csv", one), ("2.csv", other)):
        csv(header, ",".join(values.get(column, "5") for column in header.split(",")), name=name)
    with pytest.raises(AssertionError, match=said):  # the sentence, matched as a whole
        raise AssertionError(refusal(tmp_path))


def test_many_long_names_still_make_a_short_sentence(tmp_path, csv, refusal):
    folder = "a-very-long-folder-name-" * 8
    for name in ("1", "2"):
        columns = [f"{name}-{'x' * 100}-{number}" for number in range(300)]
        csv(
            ",".join(["host", "time", *columns]),
            ",".join(["a", "2025-01-01", *["5"] * 300]),
            name=f"{folder}/{name}.csv",
        )
    assert "299 more" in refusal(tmp_path)


@pytest.mark.parametrize("content", ["csv", "parquet", "utf-16"])
def test_key_value_folders_are_columns_of_text(tmp_path, read, parquet, content):
    for host in ("101", "b c"):
        name = f"site=x/host={host.replace(' ', '%20')}/t.{'parquet' if content == 'parquet' else 'csv'}"
        path = parquet({"time": [FIRST], "cpu": [5.0]}, name=name)
        if content != "parquet":
            path.write_bytes("time,cpu\n2025-01-01,5\n".encode("utf-16" if content == "utf-16" else "utf-8"))
    assert read(tmp_path).rows == [("101", "cpu", FIRST, 5.0), ("b c", "cpu", FIRST, 5.0)]


def test_a_key_value_folder_is_never_a_value(tmp_path, csv, read):
    csv("host,time,cpu", "a,2025-01-01,5", name="month=1/t.csv")
    csv("host,time,cpu", "b,2025-02-01,5", name="month=2/t.csv")
    assert read(tmp_path).report.resources == ["cpu"]


def test_hives_folder_for_no_value_is_no_host(tmp_path, csv, read):
    csv("time,cpu", "2025-01-01,5", name="host=__HIVE_DEFAULT_PARTITION__/t.csv")
    csv("time,cpu", "2025-01-01,5", name="host=b/t.csv")
    assert read(tmp_path).report.rejects == {"no host": 1}


def test_a_files_own_column_goes_before_its_folders_name_and_it_is_told(tmp_path, csv, read):
    csv("host,time,cpu", "a,2025-01-01,5", name="host=other/t.csv")
    reading = read(tmp_path)
    assert reading.report.hosts == 1
    assert reading.rows[0][0] == "a"
    assert "folders named host=" in reading.report.notes[0]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([{"x": 1}]), "STRUCT"),
        (pa.array([[1, 2]]), "LIST"),
        (pa.array([b"bytes"]), "BLOB"),
        (pa.array([[("k", "v")]], type=pa.map_(pa.string(), pa.string())), "MAP"),
    ],
)
def test_a_nested_column_is_refused_by_name(tmp_path, refusal, values, kind):
    table = pa.table({"host": ["a"], "time": [FIRST], "cpu": [5.0], "tags": values})
    pq.write_table(table, tmp_path / "t.parquet")
    assert f"t.parquet is nested ({kind})" in refusal(tmp_path / "t.parquet")


@pytest.mark.parametrize("names", [("cpu", "cpu"), ("cpu", "CPU"), ("Host", "cpu"), ("cpu", "")])
def test_parquet_columns_that_cannot_be_told_apart_are_refused(tmp_path, refusal, names):
    arrays = [pa.array(["a"]), pa.array([FIRST]), pa.array([1.0]), pa.array([2.0])]
    pq.write_table(pa.Table.from_arrays(arrays, names=["host", "time", *names]), tmp_path / "t.parquet")
    sentence = refusal(tmp_path / "t.parquet")
    assert "name them apart" in sentence or "has no name" in sentence

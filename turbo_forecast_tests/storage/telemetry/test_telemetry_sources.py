"""Files, folders, globs and DuckDB tables are found, and said to be wrong by name."""

import gzip
from datetime import date

import duckdb
import pytest

from turbo_forecast.errors import SettingsError, TelemetryError

HEADER = "host,time,resource,value"
DAY = date(2025, 1, 1)


def test_a_compressed_csv_is_read_like_a_plain_one(tmp_path, read):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\na,2025-01-01,cpu,50\n".encode()))
    assert read(path).rows == [("a", "cpu", DAY, 50.0)]


@pytest.mark.parametrize("separator", [";", "\t", "|", ","])
def test_any_usual_separator_of_a_csv_is_recognised(csv, read, separator):
    path = csv(HEADER.replace(",", separator), separator.join(["a", "2025-01-01", "cpu", "50"]))
    assert read(path).rows == [("a", "cpu", DAY, 50.0)]


def test_a_folder_is_read_with_all_its_subfolders_and_both_kinds_of_file(tmp_path, csv, parquet, read):
    csv(HEADER, "a,2025-01-01,cpu,50", name="one/a.csv")
    csv(HEADER, "skipped,2025-01-01,cpu,50", name=".hidden/a.csv")
    parquet({"host": ["b"], "time": [DAY], "resource": ["cpu"], "value": [60]}, name="two/three/b.parquet")
    reading = read(tmp_path)
    assert reading.rows == [("a", "cpu", DAY, 50.0), ("b", "cpu", DAY, 60.0)]
    assert [name.rsplit("/", 1)[1] for name in reading.report.sources] == ["a.csv", "b.parquet"]


def test_a_glob_takes_only_what_it_matches(tmp_path, csv, read):
    csv(HEADER, "a,2025-01-01,cpu,50", name="cpu-1.csv")
    csv("something,else", name="notes.csv")
    assert len(read(tmp_path / "cpu-*.csv").rows) == 1


def test_integers_in_one_file_do_not_round_the_other_files_values(tmp_path, parquet, read):
    parquet({"host": ["a"], "time": [DAY], "resource": ["cpu"], "value": [50]}, name="1.parquet")
    parquet({"host": ["b"], "time": [DAY], "resource": ["cpu"], "value": [60.7]}, name="2.parquet")
    assert [row[3] for row in read(tmp_path).rows] == [50.0, 60.7]


def test_names_that_mean_something_in_sql_or_globs_are_only_names(csv, read):
    path = csv(
        '"ho""st\'s; DROP TABLE base_table",time,"re source",value',
        'a,2025-01-01,"c\'pu""; --",50',
        'a,2025-01-01,"c\'pu""; --",oops',
        name='it\'s [1] a "file"?/x;--.csv',
    )
    columns = {"host_column": "ho\"st's; DROP TABLE base_table", "resource_column": "re source"}
    with pytest.raises(TelemetryError, match="'oops'"):
        read(path, **columns)
    path.write_text(path.read_text().replace("oops", "NA"))
    reading = read(path, **columns, statistics={"c'pu\"; --": "max"})
    assert reading.rows == [("a", "c'pu\"; --", DAY, 50.0)]
    assert reading.rejects["source"].to_list() == [str(path)]
    wide = csv('host,time,"c\'p""u {x}"', "a,2025-01-01,50", name="wide.csv")
    assert read(wide, units={"c'p\"u {x}": "percent"}).rows == [("a", "c'p\"u {x}", DAY, 50.0)]


def test_a_folder_named_by_host_gives_the_host(parquet, tmp_path, read):
    parquet({"time": [DAY], "resource": ["cpu"], "value": [50.0]}, name="by/host=a/x.parquet")
    parquet({"time": [DAY], "resource": ["cpu"], "value": [60.0]}, name="by/host=b/x.parquet")
    assert read(tmp_path / "by").rows == [("a", "cpu", DAY, 50.0), ("b", "cpu", DAY, 60.0)]


def test_the_only_table_of_a_duckdb_file_is_taken_and_several_are_listed(tmp_path, read):
    path = tmp_path / "monitoring.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE metrics AS SELECT 'a' AS host, DATE '2025-01-01' AS ts, 'cpu' AS metric, 50 AS value")
    reading = read(path)
    assert reading.rows == [("a", "cpu", DAY, 50.0)]
    assert reading.report.sources == [f"{path}:metrics"]
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE other (a INTEGER)")
    with pytest.raises(TelemetryError, match="set table to one of: metrics, other"):
        read(path)
    with pytest.raises(SettingsError, match=r"table wrong .* its tables are: metrics, other"):
        read(path, table="wrong")
    assert read(path, table="metrics").rows == reading.rows


def test_what_is_not_there_is_said_by_name(tmp_path, csv, read):
    with pytest.raises(TelemetryError, match=r"nowhere\.csv does not exist"):
        read(tmp_path / "nowhere.csv")
    with pytest.raises(TelemetryError, match="no file matches"):
        read(tmp_path / "*.parquet")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TelemetryError, match="holds no telemetry"):
        read(tmp_path / "empty")
    with pytest.raises(SettingsError, match="telemetry is not set"):
        read("")
    with pytest.raises(SettingsError, match="table is set to x"):
        read(csv(HEADER, "a,2025-01-01,cpu,50"), table="x")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.parquet", b"this is text", "x.parquet is not a readable Parquet file"),
        ("x.csv", b"", "x.csv is empty"),
        ("x.csv", b"host,time,resource,value\n", "has columns but not one row"),
        ("x.csv", b"host,time,resource,value\n\xe9,2025-01-01,cpu,5\n", "x.csv is not a readable CSV file: .*utf-8"),
        (
            "x.csv",
            b"host,time,resource,value\na,2025-01-01,cpu,5\nb,2025-01-01,cpu,5,6\n",
            "x.csv .*b,2025-01-01,cpu,5,6",
        ),
        ("x.duckdb", b"this is text and not a database" * 300, "x.duckdb cannot be opened as a DuckDB file"),
        ("x.xlsx", b"PK", "its name must end in one of .parquet"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_named(tmp_path, read, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TelemetryError, match=said):
        read(tmp_path / name)


def test_a_broken_row_far_down_is_shown_with_its_file(tmp_path, csv, read):
    csv(HEADER, "a,2025-01-01,cpu,50", name="1.csv")
    csv(HEADER, *["a,2025-01-01,cpu,50"] * 30_000, "b,2025-01-01,cpu", name="2.csv")
    with pytest.raises(TelemetryError, match=r"line 30,002 of .*2\.csv has 3 fields .*'b,2025-01-01,cpu'"):
        read(tmp_path)


def test_a_damaged_parquet_file_is_no_crash(tmp_path, parquet, read):
    path = parquet({"host": [f"h{n}" for n in range(2000)], "time": [DAY] * 2000, "cpu": list(range(2000))})
    content = bytearray(path.read_bytes())
    content[4:600] = b"\xff" * 596
    path.write_bytes(content)
    with pytest.raises(TelemetryError, match=r"telemetry\.parquet cannot be read"):
        read(path)


def test_files_with_different_columns_are_both_named(tmp_path, csv, read):
    csv(HEADER, "a,2025-01-01,cpu,50", name="1.csv")
    csv("host,time,cpu", "a,2025-01-01,50", name="2.csv")
    with pytest.raises(TelemetryError, match=r"1\.csv has .* but .*2\.csv has"):
        read(tmp_path)


def test_columns_in_another_order_are_matched_by_name(tmp_path, csv, read):
    csv(HEADER, "a,2025-01-01,cpu,50", name="1.csv")
    csv("value,resource,host,time", "60,cpu,b,2025-01-01", name="2.csv")
    assert read(tmp_path).rows == [("a", "cpu", DAY, 50.0), ("b", "cpu", DAY, 60.0)]

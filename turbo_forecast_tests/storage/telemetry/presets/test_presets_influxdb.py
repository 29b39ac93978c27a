"""InfluxDB's tables are one, of whatever columns each is."""

from datetime import date

import pytest

DAY = date(2025, 3, 1)
WINDOW = "2025-03-01T00:00:00Z,2025-03-02T00:00:00Z"


def table(tags: str, *rows: str) -> list[str]:
    """A table of `_time, _value, _field, _measurement` and tags; rows: from the time on. `_measurement` is mem by default."""
    more = "".join(",string" for _ in tags.split(","))
    return [
        f"#group,false,false,true,true,false,false,true,true{more.replace('string', 'true')}",
        f"#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string{more}",
        f"#default,_result,,,,,,,mem{',' * len(tags.split(','))}",
        f",result,table,_start,_stop,_time,_value,_field,_measurement,{tags}",
        *[f",,0,{WINDOW},{row}" for row in rows],
        "",
    ]


MEMORY = table("host", "2025-03-01T00:00:00Z,45.3,used_percent,,a", "2025-03-01T12:00:00Z,46.7,used_percent,,a")
DISK = table(
    "host,path", "2025-03-01T00:00:00Z,50,used_percent,disk,a,/", "2025-03-01T00:00:00Z,60,used_percent,disk,a,/var"
)


def test_tables_of_different_columns_are_read_together(csv, read):
    reading = read(csv(*MEMORY, *DISK), preset="influxdb", resource_columns=["_field", "path"])
    assert reading.rows == [
        ("a", "disk:used_percent:/", DAY, 50.0),
        ("a", "disk:used_percent:/var", DAY, 60.0),
        ("a", "mem:used_percent", DAY, 46.0),
    ]


def test_a_resource_has_the_name_that_is_set(csv, read):
    assert read(csv(*MEMORY), preset="influxdb", resource="memory").rows == [("a", "memory", DAY, 46.0)]


def test_several_fields_are_not_taken_for_one_resource(csv, refusal):
    more = "2025-03-01T18:00:00Z,9,swap_percent,,a"
    lines = table(
        "host", "2025-03-01T00:00:00Z,45.3,used_percent,,a", "2025-03-01T12:00:00Z,46.7,used_percent,,a", more
    )
    assert "_field" in refusal(csv(*lines), preset="influxdb", resource="memory")


def test_a_windows_end_may_be_the_time(csv, read):
    rows = read(csv(*MEMORY[:5]), preset="influxdb", time_column="_stop").rows
    assert rows == [("a", "mem:used_percent", date(2025, 3, 2), 45.3)]


def test_another_tag_may_name_the_host(csv, read, refusal):
    lines = [line.replace(",host", ",server") for line in MEMORY]
    assert read(csv(*lines), preset="influxdb", host_column="server").rows == [("a", "mem:used_percent", DAY, 46.0)]
    assert "set host_column to the tag that names the host" in refusal(csv(*lines), preset="influxdb")


def test_tags_that_tell_rows_apart_are_not_merged(csv, refusal):
    assert "path" in refusal(csv(*DISK), preset="influxdb")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_ends_are_of_either_kind(tmp_path, read, newline):
    (tmp_path / "t.csv").write_bytes(newline.join(MEMORY).encode())
    assert read(tmp_path / "t.csv", preset="influxdb").rows == [("a", "mem:used_percent", DAY, 46.0)]


def test_an_error_that_influxdb_wrote_is_told(csv, refusal):
    failed = ["#datatype,string,string", "#group,true,true", "#default,,", ",error,reference", ",failed to read,897"]
    assert "an error of InfluxDB's, 'failed to read'" in refusal(csv(*MEMORY, *failed), preset="influxdb")


def test_a_file_of_another_kind_is_refused_with_what_it_lacks(csv, refusal):
    assert "no column _time, _value, host" in refusal(csv("a,b", "1,2"), preset="influxdb")

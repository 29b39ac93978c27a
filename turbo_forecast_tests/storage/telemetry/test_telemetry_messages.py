"""Addresses are shown without what is secret in them; DuckDB's errors become one short sentence."""

import duckdb
import pytest

from turbo_forecast.storage.telemetry.messages import brief, enumerated, shortened, shown_location
from turbo_forecast.storage.telemetry.sources import _File, _part


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://h/t.csv?X-Amz-Signature=SECRET&X-Amz-Date=1", "https://h/t.csv"),
        ("https://user:SECRET@h:8080/a/t.parquet", "https://h:8080/a/t.parquet"),
        ("https://user:SEC@RET@h/t.csv#SECRET", "https://h/t.csv"),
        ("s3://key:SECRET@bucket/pre/fix/*.csv?s3_secret_access_key=SECRET", "s3://bucket/pre/fix/*.csv"),
        ("az://a/b.parquet?sv=1&sig=SECRET", "az://a/b.parquet"),
        ("/data/what?/is=this#.csv", "/data/what?/is=this#.csv"),
    ],
)
def test_an_address_is_shown_without_secrets(address, name):
    assert shown_location(address) == name
    assert "SECRET" not in brief(address)


@pytest.mark.parametrize(
    "text",
    [
        "HTTP Error: HTTP GET error on 'https://u:SECRET@h/t.csv?X-Amz-Signature=SECRET' (HTTP 403)",
        "IO Error: cannot open file s3://u:SECRET@b/t.csv?a=SECRET",
        "HTTP Error: GET /bucket/t.csv?X-Amz-Credential=SECRET%2F&sig=SECRET failed",
        "CSV Error on Line: 3\nOriginal Line: x\nExpected Number of Columns: 2 Found: 3\n\n"
        "  file = https://u:SECRET@h/t.csv?s=SECRET\n",
    ],
)
def test_an_error_is_shown_without_secrets(text):
    assert "SECRET" not in shortened(duckdb.IOException(text))


def test_a_remote_files_rows_name_it_without_secrets():
    address = "https://u:SECRET@h/t.csv?sig=SECRET"
    part = _part([_File(address, shown_location(address), "csv", "", {"a": "VARCHAR"}, (), True)])
    assert part.names == ("https://h/t.csv",)
    with duckdb.connect() as con:
        shown = con.execute(f"SELECT {part.source} FROM (SELECT ? AS telemetry_source_file)", [address]).fetchall()
    assert shown == [("https://h/t.csv",)]


def test_a_remote_address_that_cannot_be_read_is_shown_without_secrets(refusal):
    for address in ("https://u:SECRET@127.0.0.1:9/t.xlsx?s=SECRET", "HTTPS://u:SECRET@127.0.0.1:9/t.csv?s=SECRET"):
        assert "SECRET" not in refusal(address)


def test_what_duckdb_says_at_length_is_cut():
    assert len(shortened(duckdb.IOException("IO Error: " + "x" * 10_000))) <= 150
    assert shortened(duckdb.IOException("IO Error: a\0b\tc")).isprintable()


def test_a_list_of_names_says_how_many_more_there_are():
    assert enumerated(["a", "b"]) == "a, b"
    assert enumerated([f"name-{n}" for n in range(100)]).endswith("and 88 more")

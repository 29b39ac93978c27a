"""Files for spreadsheets: what they hold is what was asked, and nothing in them is executed."""

import io
import zipfile
from datetime import date

import polars as pl

from turbo_forecast.answers.exports import csv_bytes, xlsx_bytes

AWKWARD = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-web-",
    "@SUM(A1)",
    "a;=1",
    "plain",
    "Zürich «3»",
    '<script>"',
    "-4.5",
    "",
    "http://x.test/",
]
"""Names that a spreadsheet may execute, and some that it may not."""


def rows() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "host_id": AWKWARD,
            "level": [1.25, None, *[70.0] * (len(AWKWARD) - 2)],
            "likely": [date(2026, 3, 1), None, *[date(2026, 6, 30)] * (len(AWKWARD) - 2)],
        }
    )


def test_a_csv_file_holds_each_row_and_no_formula() -> None:
    read = pl.read_csv(io.BytesIO(csv_bytes(rows())), infer_schema=False, empty_string_is_null=False)
    assert read["host_id"].to_list() == [
        "'=cmd|' /C calc'!A0",
        "'+1+1",
        "'-web-",
        "'@SUM(A1)",
        "a;'=1",
        "plain",
        "Zürich «3»",
        '<script>"',
        "-4.5",
        "",
        "http://x.test/",
    ]
    assert read["likely"][0] == "2026-03-01"
    assert read["level"].to_list()[:3] == ["1.25", "", "70.0"]


def test_a_workbook_holds_names_as_text_whatever_they_begin_with() -> None:
    book = zipfile.ZipFile(io.BytesIO(xlsx_bytes(rows(), "outlook: [2025]")))
    sheet, strings = book.read("xl/worksheets/sheet1.xml").decode(), book.read("xl/sharedStrings.xml").decode()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    for name in ("=cmd|' /C calc'!A0", "+1+1", "@SUM(A1)", "Zürich «3»", "&lt;script&gt;"):
        assert name in strings
    assert 'state="frozen"' in sheet
    assert 'name="outlook   2025 "' in book.read("xl/workbook.xml").decode()


def test_a_file_of_no_rows_has_its_header() -> None:
    assert csv_bytes(rows().clear()) == b"host_id,level,likely\n"
    assert zipfile.ZipFile(io.BytesIO(xlsx_bytes(rows().clear(), "none"))).testzip() is None

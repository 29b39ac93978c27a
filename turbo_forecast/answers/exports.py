"""An answer's rows as a file for a spreadsheet: CSV or XLSX, in which no name that others chose is executed.

Belongs here: the two formats, as bytes. Does not belong here: which rows (`outlook.py`, …), and where the bytes go.
"""

import io

import polars as pl
import polars.selectors as cs
import xlsxwriter  # type: ignore[import-untyped]

from turbo_forecast.storage.files import spreadsheet_safe

SHEET_NAME = 31
"""Characters that a sheet's name may have."""
_NOT_IN_A_SHEET = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))


def csv_bytes(rows: pl.DataFrame) -> bytes:
    """The rows as CSV: UTF-8, dates as YYYY-MM-DD, null as nothing; text that would be a formula has a quote in front."""
    return spreadsheet_safe(rows).write_csv().encode()


def xlsx_bytes(rows: pl.DataFrame, sheet: str) -> bytes:
    """The rows as a workbook of one sheet, whose header stays in sight and whose columns can be filtered.

    sheet: its name. Text is stored as text, whatever it begins with, so it stays as it is.
    """
    file = io.BytesIO()
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
    with xlsxwriter.Workbook(file, {**plain, "default_date_format": "yyyy-mm-dd"}) as book:
        rows.write_excel(
            book,
            worksheet=sheet.translate(_NOT_IN_A_SHEET)[:SHEET_NAME],
            freeze_panes=(1, 0),
            column_formats={cs.date(): "yyyy-mm-dd", cs.float(): "0.00", cs.integer(): "0"},
            autofit=True,
        )
    return file.getvalue()

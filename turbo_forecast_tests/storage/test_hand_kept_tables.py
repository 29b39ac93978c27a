"""Small tables that people keep by hand: what is read of them, and the sentence for what cannot be."""

from pathlib import Path

import polars as pl
import pytest

from turbo_forecast.errors import SettingsError
from turbo_forecast.storage.hand_kept_tables import listing, read_listing

REQUIRED, OPTIONAL = ("host_id", "group"), ("capacity",)


def read(folder: Path, text: str) -> pl.DataFrame:
    file = folder / "groups.csv"
    file.write_bytes(text.encode())
    return read_listing("outlook.groups", str(file), REQUIRED, OPTIONAL).rows.drop("row")


@pytest.mark.parametrize(
    "text",
    [
        "host_id,group,capacity\na,g,2\n",
        "\ufeffhost_id;group;capacity\r\na;g;2\r\n\r\n",
        " host_id |group| capacity\n a| g |2",
        'host_id,group,capacity,"of; what; it; is; for"\na,g,2,x\n',
    ],
)
def test_a_file_is_read_whatever_parts_its_columns(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).rows() == [("a", "g", "2")]


@pytest.mark.parametrize("header", ["host_id,group,group", "host_id;group; group ", "note,group,host_id,note"])
def test_a_column_that_comes_twice_in_a_file_is_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(SettingsError, match="groups.csv: the column '(group|note)' comes twice"):
        read(tmp_path, f"{header}\na,g,h,i\n")


@pytest.mark.parametrize(
    ("hosts", "why"),
    [
        (pl.Series([["a"], ["b"]]), r"holds List\(String\), which is neither text nor numbers"),
        (pl.Series([{"name": "a"}, {"name": "b"}]), "holds Struct"),
        (pl.Series([b"\xff", b"a"]), "holds Binary"),
        (pl.Series([object(), object()]), "holds Object"),
    ],
)
def test_a_column_of_what_is_no_text_is_named(hosts: pl.Series, why: str) -> None:
    with pytest.raises(SettingsError, match=f"groups: the column 'host_id' {why}"):
        listing("groups", pl.DataFrame({"host_id": hosts, "group": "g"}), REQUIRED, OPTIONAL)


def test_bytes_that_are_text_are_read_as_text() -> None:
    frame = pl.DataFrame({"host_id": [b"a", "Z\u00fcrich".encode()], "group": "g"})
    assert listing("groups", frame, REQUIRED, OPTIONAL).rows["host_id"].to_list() == ["a", "Z\u00fcrich"]

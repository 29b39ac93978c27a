"""Months that a source has nothing of are remembered with what they were asked with."""

from pathlib import Path

import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.storage.absent_months import Absent, read_absent, write_absent


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    assert read_absent(tmp_path, "shop") == {}
    months = {
        "2023-02": Absent({"query": "up"}, "UTC", "2026-01-01T06:00:00+00:00"),
        "2023-01": Absent({}, "+02:00", ""),
    }
    write_absent(tmp_path, "shop", months)
    assert read_absent(tmp_path, "shop") == months
    assert read_absent(tmp_path, "other") == {}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"2023-01": 1}', '{"2023-01": {"zone": "UTC"}}'])
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, text: str) -> None:
    write_absent(tmp_path, "shop", {})
    path = tmp_path / "telemetry_landing" / "shop" / "absent.json"
    path.write_text(text)
    with pytest.raises(
        StorageError, match=r"absent\.json cannot be read \(.+\): remove it, and the source is asked again"
    ):
        read_absent(tmp_path, "shop")

"""Short ways to write telemetry and to read it."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from turbo_forecast.errors import TurboForecastError
from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_REJECTS
from turbo_forecast.settings import TelemetrySettings, telemetry_settings
from turbo_forecast.storage.telemetry.reading import read_telemetry, read_telemetry_frames
from turbo_forecast.storage.telemetry.report import TelemetryReport
from turbo_forecast_tests.one_duckdb import empty_database

TODAY = date(2025, 12, 31)


class Reading:
    """What came of one reading of telemetry."""

    def __init__(self, base: pl.DataFrame, rejects: pl.DataFrame, report: TelemetryReport) -> None:
        self.base, self.rejects, self.report = base, rejects, report
        assert report.values_read == report.values_kept + rejects.height, "a value was lost"
        assert report.rejects == dict(rejects["reason"].value_counts().iter_rows())
        assert base.equals(base.sort("host_id", "resource", "ds")), "the base table is not sorted"
        assert not base.select("host_id", "resource", "ds").is_duplicated().any()

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """The base table's rows."""
        return self.base.rows()


def frames(settings: TelemetrySettings, today: date) -> tuple[pl.DataFrame, pl.DataFrame, TelemetryReport]:
    """What `read_telemetry_frames` returns, by the tests' one DuckDB: starting one takes longer than to read a small file."""
    if settings.memory_limit != TelemetrySettings().memory_limit:
        return read_telemetry_frames(settings, today=today)
    with empty_database() as con:
        for table in (BASE_TABLE, BASE_TABLE_REJECTS):
            con.execute(table.ddl())
        report = read_telemetry(con, settings, today=today)
        base, rejects = (con.sql(f"FROM {table.name}").pl() for table in (BASE_TABLE, BASE_TABLE_REJECTS))
        return base, rejects, report


@pytest.fixture
def read() -> Callable[..., Reading]:
    """Read telemetry with settings given as keywords, and prove that no value was lost."""

    def reading(telemetry: Path | str, today: date = TODAY, **options: Any) -> Reading:
        return Reading(*frames(telemetry_settings(telemetry=str(telemetry), **options), today))

    return reading


@pytest.fixture
def csv(tmp_path: Path) -> Callable[..., Path]:
    """Write lines to a CSV file and return its path."""

    def written(*lines: str, name: str = "telemetry.csv") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return written


@pytest.fixture
def parquet(tmp_path: Path) -> Callable[..., Path]:
    """Write columns to a Parquet file and return its path."""

    def written(columns: dict[str, Any], name: str = "telemetry.parquet") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pl.DataFrame(columns).write_parquet(path)
        return path

    return written


@pytest.fixture
def refusal(read: Callable[..., Reading]) -> Callable[..., str]:
    """The one sentence that refuses a telemetry: short, on one line, without characters that nobody can see."""

    def refused(telemetry: Path | str, **options: Any) -> str:
        with pytest.raises(TurboForecastError) as caught:
            read(telemetry, **options)
        sentence = str(caught.value)
        assert len(sentence) < 300, sentence
        assert sentence.isprintable(), repr(sentence)
        return sentence

    return refused

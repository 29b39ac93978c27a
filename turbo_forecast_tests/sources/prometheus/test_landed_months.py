"""Months of a real Prometheus, landed by the command: what was put in, once, and again only when asked."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from reference.servers.prometheus import Prometheus
from turbo_forecast.commands.app import main
from turbo_forecast.landing.verification import faults
from turbo_forecast.storage.landed import landed_months
from turbo_forecast_tests.sources.prometheus.fetched import MARCH
from turbo_forecast_tests.sources.prometheus.test_prometheus import expected

pytestmark = pytest.mark.xdist_group("prometheus")


def land(server: Prometheus, data: Path, *more: str) -> int:
    place = f"prometheus+{server.address}"
    return main(["land", "--telemetry", place, "--data", str(data), "--month", "2025-02..2025-04", *more])


def test_what_lands_is_what_was_put_in_and_the_second_time_there_is_nothing_to_do(
    prometheus: Prometheus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("TELEMETRY", "CONFIG", "DATA"):
        monkeypatch.setenv(f"TURBO_FORECAST_{name}", "")
    assert land(prometheus, tmp_path) == 0
    found = {each.manifest.month: each for each in landed_months(tmp_path)}
    assert list(found) == ["2025-02", "2025-03", "2025-04"]
    rows = pl.read_parquet(found["2025-03"].path)
    both = rows.join(expected(MARCH), on=["host_id", "resource", "timestamp"], how="full", coalesce=True)
    assert both.null_count().sum_horizontal().item() == 0, "an hour is missing, or one too many"
    np.testing.assert_allclose(both["value"], both["expected"], rtol=1e-9)
    assert [fault for each in found.values() for fault in faults(each.path)] == []
    capsys.readouterr()
    assert land(prometheus, tmp_path) == 0
    assert "all 3 months that it has of these are there" in capsys.readouterr().out
    assert land(prometheus, tmp_path, "--again") == 0
    again = {each.manifest.month: each.manifest.digest for each in landed_months(tmp_path)}
    assert again == {month: each.manifest.digest for month, each in found.items()}

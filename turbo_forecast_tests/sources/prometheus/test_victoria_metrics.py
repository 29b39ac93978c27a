"""Against a real VictoriaMetrics: the same samples, by its own idea of a rate."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from reference.servers.prometheus import VictoriaMetrics
from turbo_forecast.errors import SourceError
from turbo_forecast_tests.sources.prometheus.fetched import MARCH, gauges, hours, rows, source
from turbo_forecast_tests.sources.prometheus.fleet_metrics import (
    REBOOT,
    hour_of,
    odd_series,
    used,
    write_exposition,
)

pytestmark = pytest.mark.xdist_group("victoria_metrics")


@pytest.fixture(scope="module")
def march(victoria_metrics: VictoriaMetrics) -> pl.DataFrame:
    return rows(source(victoria_metrics.address, preset="node_exporter"))


def of(found: pl.DataFrame, host: str, resource: str) -> pl.DataFrame:
    return found.filter(pl.col("host_id") == host, pl.col("resource") == resource)


@pytest.mark.parametrize("resource", ["memory", "disk:/", "disk:/var"])
@pytest.mark.parametrize("host", ["web1", "kube1"])
def test_gauges_are_what_was_put_in(march: pl.DataFrame, host: str, resource: str) -> None:
    put_in = used(host, resource)[hour_of(MARCH.start) : hour_of(MARCH.end)]
    np.testing.assert_allclose(of(march, host, resource)["value"], put_in, rtol=1e-9)


def test_a_rate_is_of_the_time_from_the_last_sample_before_the_hour(march: pl.DataFrame) -> None:
    """The last sample before an hour is taken at :50, the last one of it too: 10 minutes are of the hour before.

    The first hour that is asked for has no sample before; in the hour of the reboot, 10 of its own 50 minutes are lost.
    """
    first, last, reboot = hour_of(MARCH.start), hour_of(MARCH.end), hour_of(REBOOT)
    busy = used("web1", "cpu").astype(float)
    put_in = (busy[first - 1 : last - 1] * 10 + busy[first:last] * 50) / 60
    put_in[0] = busy[first]
    put_in[reboot - first] = (busy[reboot - 1] * 10 + busy[reboot] * 40) / 50
    np.testing.assert_allclose(of(march, "web1", "cpu")["value"], put_in, rtol=1e-9)


def test_each_hour_is_there_once(march: pl.DataFrame) -> None:
    """VictoriaMetrics moves start and end of a longer range for its cache, unless it is told not to."""
    assert march.select("host_id", "resource", "timestamp").is_duplicated().sum() == 0
    assert of(march, "web1", "cpu")["timestamp"].to_list() == of(march, "web1", "memory")["timestamp"].to_list()
    assert of(march, "web1", "cpu").height == 31 * 24
    assert of(march, "web1", "cpu")["timestamp"][0].date() == date(2025, 3, 1)


def test_two_series_of_one_host_and_wrong_queries_are_refused(victoria_metrics: VictoriaMetrics) -> None:
    with pytest.raises(SourceError, match="host web1 has two series with values at the same time"):
        rows(source(victoria_metrics.address, queries=gauges("twice")))
    with pytest.raises(SourceError, match="sources.fleet: cpu: the query cannot be answered: .*cannot execute query"):
        rows(source(victoria_metrics.address, queries={"cpu": "sum("}))


def test_it_is_described_although_it_names_no_version(victoria_metrics: VictoriaMetrics) -> None:
    described = source(victoria_metrics.address, preset="node_exporter").describe()
    assert described.system == "Prometheus API"
    assert described.series["cpu"] == 3


def test_a_limit_of_series_is_met_by_fewer_hosts_at_a_time(tmp_path: Path, victoria_metrics: VictoriaMetrics) -> None:
    limited = VictoriaMetrics(tmp_path, ["-search.maxUniqueTimeseries=15"])
    write_exposition(tmp_path / "samples.txt", odd_series())
    with limited.running():
        limited.put(tmp_path / "samples.txt")
        found = rows(source(limited.address, queries=gauges("many")), hours(date(2025, 3, 1), 6))
    assert found.height == 40 * 6
    assert found.equals(rows(source(victoria_metrics.address, queries=gauges("many")), hours(date(2025, 3, 1), 6)))

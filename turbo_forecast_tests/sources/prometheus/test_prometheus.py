"""Against a real Prometheus: its values are those that were put in, whatever happened to hosts, counters and labels meanwhile."""

import json
import logging
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from reference.servers.prometheus import Prometheus
from turbo_forecast.errors import SourceError
from turbo_forecast.sources.protocol import Window
from turbo_forecast_tests.sources.prometheus.fetched import FEBRUARY, MARCH, gauges, hours, rows, source
from turbo_forecast_tests.sources.prometheus.fleet_metrics import (
    FIRST,
    HOSTS,
    NAN_HOURS,
    NEW_POD,
    REBOOT,
    hour_of,
    used,
)

pytestmark = pytest.mark.xdist_group("prometheus")

RESOURCES = ("cpu", "disk:/", "disk:/var", "memory", "network")
PARTLY_SEEN = {
    # samples at :05, :20, then from 0 again at :35, :50: of 45 minutes between the first and the last, 10 were lost
    ("web1", REBOOT.replace(minute=0)): 35 / 45,
    # the later of two series has samples at :35 and :50: Prometheus extrapolates their 15 minutes to the hour's end, 10
    # minutes later, and half an interval to the front, but no further
    ("kube1", NEW_POD.replace(minute=0)): (7.5 + 15 + 10) / 60,
}
"""Hours in which a counter of bytes was seen for a part of the time, and which share of it counts."""


@pytest.fixture(scope="module")
def march(prometheus: Prometheus) -> pl.DataFrame:
    return rows(source(prometheus.address, preset="node_exporter"))


def expected(window: Window) -> pl.DataFrame:
    """What was put in, of every hour of a window in which a host was there."""
    found = []
    for host, (begin, end) in HOSTS.items():
        first, last = max(begin, window.start, FIRST), min(end, window.end)
        times = [first + timedelta(hours=i) for i in range(hour_of(last) - hour_of(first))]
        for resource in RESOURCES:
            values = used(host, resource)[hour_of(first) : hour_of(last)].astype(float)
            if resource == "network":
                values *= [PARTLY_SEEN.get((host, time), 1.0) for time in times]
            found.append(pl.DataFrame({"host_id": host, "resource": resource, "timestamp": times, "expected": values}))
    return pl.concat(found).with_columns(pl.col("timestamp").cast(pl.Datetime("us", "UTC")))


def test_the_preset_gives_what_was_put_in(march: pl.DataFrame) -> None:
    put_in = expected(MARCH)
    both = march.join(put_in, on=["host_id", "resource", "timestamp"], how="full", coalesce=True)
    assert both.null_count().sum_horizontal().item() == 0, "an hour is missing, or one too many"
    assert both.height == march.height
    np.testing.assert_allclose(both["value"], both["expected"], rtol=1e-9)


def test_file_systems_that_cannot_run_full_and_interfaces_without_a_speed_are_left_out(march: pl.DataFrame) -> None:
    assert march["resource"].unique().sort().to_list() == list(RESOURCES)


def test_labels_are_json_with_sorted_names(march: pl.DataFrame) -> None:
    disk = march.filter(pl.col("resource") == "disk:/var", pl.col("host_id") == "db1")["labels"].unique().to_list()
    assert disk == ['{"instance":"db1:9100","mountpoint":"/var"}']


def test_neighbouring_windows_share_no_row_and_lose_none(prometheus: Prometheus, march: pl.DataFrame) -> None:
    asked = source(prometheus.address, preset="node_exporter")
    both = pl.concat([rows(asked, FEBRUARY), march])
    keys = both.select("host_id", "resource", "timestamp")
    assert keys.is_duplicated().sum() == 0
    assert keys.height == expected(Window(FEBRUARY.start, MARCH.end)).height


def test_small_pieces_give_the_same_rows_as_large_ones(prometheus: Prometheus, march: pl.DataFrame) -> None:
    small = source(prometheus.address, preset="node_exporter", max_points=100, side_by_side=3)
    assert rows(small).equals(march)


def test_a_day_is_a_day_of_the_zone_also_where_clocks_change(prometheus: Prometheus) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    asked = source(
        prometheus.address,
        step="1d",
        zone="Europe/Berlin",
        queries={
            "memory": "100 * (1 - max by ($host) (avg_over_time(node_memory_MemAvailable_bytes{$hosts}[$step]) / 64 / 2^30))"
        },
    )
    found = rows(asked, Window.of_days(date(2025, 3, 1), date(2025, 3, 31), "Europe/Berlin")).filter(
        pl.col("host_id") == "web1"
    )
    midnights = [datetime(2025, 3, day, tzinfo=berlin).astimezone(UTC) for day in range(1, 32)]
    ends = [*midnights[1:], datetime(2025, 4, 1, tzinfo=berlin).astimezone(UTC)]
    means = [
        used("web1", "memory")[hour_of(begin) : hour_of(end)].mean() for begin, end in zip(midnights, ends, strict=True)
    ]
    assert found["timestamp"].to_list() == midnights
    assert (ends[29] - midnights[29]) == timedelta(hours=23)
    np.testing.assert_allclose(found["value"], means, rtol=1e-9)


def test_a_window_that_ends_within_a_day_of_the_zone_is_refused(prometheus: Prometheus) -> None:
    with pytest.raises(SourceError, match="within one: set zone to the telemetry's timezone"):
        rows(source(prometheus.address, preset="node_exporter", step="1d", zone="Asia/Tokyo"))


def test_a_series_that_gets_new_labels_goes_on_under_its_host(prometheus: Prometheus) -> None:
    query = "100 * (1 - avg_over_time({available}[$step]) / avg_over_time({total}[$step]))".format(
        available='node_memory_MemAvailable_bytes{pod!=""}', total='node_memory_MemTotal_bytes{pod!=""}'
    )
    found = rows(source(prometheus.address, queries={"memory": query}))
    assert found["host_id"].unique().to_list() == ["kube1"]
    np.testing.assert_allclose(found["value"], used("kube1", "memory")[hour_of(MARCH.start) : hour_of(MARCH.end)])
    pods = [json.loads(labels)["pod"] for labels in found["labels"]]
    handover = hour_of(NEW_POD) - hour_of(MARCH.start)
    assert pods == ["node-exporter-a"] * handover + ["node-exporter-b"] * (len(pods) - handover)


def test_the_handover_is_the_same_wherever_a_piece_ends(prometheus: Prometheus) -> None:
    query = {"memory": 'avg_over_time(node_memory_MemAvailable_bytes{pod!=""}[$step])'}
    whole = rows(source(prometheus.address, queries=query))
    assert all(rows(source(prometheus.address, queries=query, max_points=size)).equals(whole) for size in (5, 7))


def test_two_series_of_one_host_are_refused_with_both_names(prometheus: Prometheus) -> None:
    with pytest.raises(SourceError) as caught:
        rows(source(prometheus.address, queries=gauges("twice")))
    said = str(caught.value)
    assert said.startswith(
        "sources.fleet: twice: host web1 has two series with values at the same time from 2025-03-01 00:00 UTC on"
    )
    assert '{"instance":"web1:9100","replica":"a"} and {"instance":"web1:9100","replica":"b"}' in said
    assert "max by ($host)" in said


def test_two_hosts_that_differ_in_their_port_are_refused_or_kept_apart(prometheus: Prometheus) -> None:
    with pytest.raises(SourceError, match="the hosts web1:9100 and web1:9200 are both named web1 without their ports"):
        rows(source(prometheus.address, queries=gauges("ports")))
    apart = rows(source(prometheus.address, queries=gauges("ports"), strip_port=False))
    assert apart["host_id"].unique().sort().to_list() == ["web1:9100", "web1:9200"]


def test_a_series_without_a_host_is_refused(prometheus: Prometheus) -> None:
    query = {"nameless": "avg_over_time(nameless_percent[$step])"}
    with pytest.raises(
        SourceError, match='nameless: there is a series without a host, for it has no label instance: {"job":"node"}'
    ):
        rows(source(prometheus.address, queries=query))


def test_a_label_of_the_resources_name_that_is_not_there_is_refused(prometheus: Prometheus) -> None:
    query = {"holes:$mountpoint": "avg_over_time(holes_percent[$step])"}
    with pytest.raises(SourceError, match="there is a series without the label mountpoint"):
        rows(source(prometheus.address, queries=query))


def test_two_queries_that_give_one_resource_are_refused(prometheus: Prometheus) -> None:
    queries = {"disk:/": "avg_over_time(holes_percent[$step])"}
    with pytest.raises(SourceError, match=r"the queries of disk:\$mountpoint and disk:/ both give a resource disk:/"):
        rows(source(prometheus.address, preset="node_exporter", queries=queries))


def test_values_that_are_no_numbers_are_no_rows_and_are_counted(
    prometheus: Prometheus, caplog: pytest.LogCaptureFixture
) -> None:
    asked = source(prometheus.address, queries=gauges("holes"))
    with caplog.at_level(logging.WARNING):
        found = rows(asked)
    in_march = [hour for hour in (*NAN_HOURS, NAN_HOURS.stop) if hour >= hour_of(MARCH.start)]
    assert found.height == 31 * 24 - len(in_march)
    level = (np.arange(hour_of(MARCH.end)) % 100)[hour_of(MARCH.start) :]
    np.testing.assert_allclose(found["value"], np.delete(level, np.array(in_march) - hour_of(MARCH.start)))
    assert asked.dropped == len(in_march)
    assert f"sources.fleet: holes: {len(in_march)} values are NaN or infinite, and are no rows" in caplog.messages


def test_a_wrong_query_is_one_sentence_with_the_servers_own_words(prometheus: Prometheus) -> None:
    with pytest.raises(SourceError) as caught:
        rows(source(prometheus.address, queries={"cpu": "sum(rate(x[$step])"}))
    assert str(caught.value).startswith("sources.fleet: cpu: the query cannot be answered: ")
    assert "parse error: unclosed left parenthesis" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_query_that_gives_nothing_gives_no_row(prometheus: Prometheus) -> None:
    assert rows(source(prometheus.address, queries={"cpu": "no_such_metric"})).height == 0


def test_a_preset_is_overridden_and_left_out_by_resource(prometheus: Prometheus) -> None:
    queries = {"cpu": "avg_over_time(holes_percent[$step])", "disk:$mountpoint": "", "network": ""}
    found = rows(source(prometheus.address, preset="node_exporter", queries=queries), hours(date(2025, 3, 1), 2))
    assert found["resource"].unique().sort().to_list() == ["cpu", "memory"]
    hour = hour_of(MARCH.start)
    assert found.filter(pl.col("resource") == "cpu")["value"].to_list() == [hour % 100, (hour + 1) % 100]


def test_a_description_says_since_when_and_what_is_missing(prometheus: Prometheus) -> None:
    queries = {**gauges("holes", "many"), "nothing": "no_such_metric"}
    described = source(prometheus.address, preset="node_exporter", queries=queries).describe()
    assert described.system.startswith("Prometheus API 2.")
    assert described.first == FIRST
    assert described.last == datetime(2025, 4, 2, 23, tzinfo=UTC)
    assert described.series == {**dict.fromkeys(RESOURCES, 3), "holes": 1, "many": 40}  # db1 is gone by then
    assert "nothing has no values: its query finds nothing." in described.notes
    assert "40 of 43 hosts have no cpu: many00.example, many01.example, many02.example, …." in described.notes
    assert any(note.startswith("Its last values are of 2025-04-02") for note in described.notes)
    assert described.sample.num_rows == 2 * 6

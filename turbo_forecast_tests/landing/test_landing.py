"""Landing: what lands is what the source has; what has landed stays; what cannot be is refused and changes nothing."""

import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from turbo_forecast.errors import SourceError
from turbo_forecast.landing import merging
from turbo_forecast.landing.due import LandingRequest
from turbo_forecast.landing.landing import LandingOptions, land, require_landed
from turbo_forecast.landing.verification import faults
from turbo_forecast.sources.protocol import ROWS, Window
from turbo_forecast.sources.registry import source_of
from turbo_forecast.storage.landed import METADATA_KEY
from turbo_forecast_tests.landing.conftest import Shop
from turbo_forecast_tests.landing.fake_source import STOCKS, Stock, table

DECEMBER = range(1, 32)


def test_a_month_lands_as_the_source_has_it_and_a_second_landing_asks_nothing(shop: Shop) -> None:
    shop.fill("2025-11", range(1, 31))
    shop.fill("2025-12", DECEMBER)
    landing = shop.land("2025-11", "2025-12")
    assert not landing.error
    assert [manifest.month for manifest in landing.landed] == ["2025-11", "2025-12"], "the oldest first"
    assert shop.rows("2025-12") == shop.in_stock("2025-12")
    assert shop.rows("2025-11") == shop.in_stock("2025-11")
    manifest = shop.there["2025-12"].manifest
    assert (manifest.rows, manifest.series, manifest.complete, manifest.kept) == (62, 2, True, 0)
    assert (manifest.start, manifest.end) == (datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    before, asked = shop.bytes(), len(shop.stock.asked)
    again = shop.land("2025-11", "2025-12")
    assert (len(shop.stock.asked), again.standing, list(again.landed)) == (asked, 2, [])
    assert shop.bytes() == before


def test_values_that_a_source_has_left_out_are_told_and_kept_in_the_manifest(shop: Shop) -> None:
    shop.fill("2025-12", DECEMBER)
    shop.stock.dropped = 3
    landing = shop.land("2025-12")
    assert landing.dropped == shop.there["2025-12"].manifest.dropped == 3
    assert "3 values without a number left out" in landing.describe()


def test_the_file_is_sorted_compressed_and_holds_its_manifest(shop: Shop) -> None:
    shop.fill("2025-12", DECEMBER, hosts=["z", "a", "m", "ä"])
    shop.land("2025-12")
    path = shop.there["2025-12"].path
    found = pq.read_table(path)
    assert found.schema.equals(ROWS)
    keys = list(zip(*(found.column(name).to_pylist() for name in ("host_id", "resource", "timestamp")), strict=True))
    assert keys == sorted(keys, key=lambda key: (key[0].encode(), key[1].encode(), key[2]))
    metadata = pq.read_metadata(path)
    assert metadata.row_group(0).column(0).compression == "ZSTD"
    assert METADATA_KEY in metadata.metadata
    assert list(faults(path)) == []


def test_the_same_rows_have_the_same_digest_in_whatever_order_and_batches_they_come(shop: Shop) -> None:
    shop.fill("2025-12", DECEMBER)
    shop.land("2025-12")
    digest, rows = shop.there["2025-12"].manifest.digest, dict(shop.stock.values)
    shop.stock.values = dict(reversed(rows.items()))
    shop.stock.batch_rows = 1000
    shop.land("2025-12", again=True)
    assert shop.there["2025-12"].manifest.digest == digest
    first = next(iter(rows))
    shop.stock.values[first] += 1e-9
    shop.land("2025-12", again=True)
    assert shop.there["2025-12"].manifest.digest != digest


def test_a_month_that_is_not_over_is_fetched_again_and_keeps_what_the_source_forgot(shop: Shop) -> None:
    shop.now = datetime(2025, 12, 20, tzinfo=UTC)
    shop.fill("2025-12", range(1, 20))
    assert shop.land("2025-12").incomplete == ["2025-12"]
    landed = shop.rows("2025-12")
    shop.now = datetime(2026, 1, 2, tzinfo=UTC)
    shop.stock.forget(datetime(2025, 12, 15, tzinfo=UTC))
    shop.fill("2025-12", range(19, 32), value=70.0)
    landing = shop.land("2025-12")
    assert shop.rows("2025-12") == landed | shop.stock.values, "of one moment, the new value counts"
    assert shop.there["2025-12"].manifest.complete
    assert landing.kept == shop.there["2025-12"].manifest.kept == 2 * 14
    assert "28 rows of former landings kept" in landing.describe()


@pytest.mark.parametrize(("hours", "complete"), [(2.9, False), (3, True), (-300, False)])
def test_a_month_is_complete_three_hours_after_its_end(shop: Shop, hours: float, complete: bool) -> None:
    shop.now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    shop.fill("2025-12", DECEMBER)
    shop.land("2025-12")
    assert shop.there["2025-12"].manifest.complete is complete


def test_a_month_is_of_the_calendar_of_the_zone(shop: Shop) -> None:
    shop.zone = "Europe/Berlin"
    inside = [datetime(2025, 11, 30, 23, tzinfo=UTC), datetime(2025, 12, 31, 22, 59, tzinfo=UTC)]
    outside = [datetime(2025, 11, 30, 22, 59, tzinfo=UTC), datetime(2025, 12, 31, 23, tzinfo=UTC)]
    shop.stock.values = {("a", "cpu", moment): 1.0 for moment in (*inside, *outside)}
    shop.land("2025-12")
    assert [moment for _, _, moment in shop.rows("2025-12")] == inside
    shop.zone = "UTC"
    landing = shop.land("2025-11", "2025-12")
    assert (
        "month 2025-12 was landed by the calendar of Europe/Berlin, and telemetry.timezone is UTC now" in landing.error
    )
    assert list(shop.there) == ["2025-12"]


def test_an_offset_is_a_zone_too(shop: Shop) -> None:
    shop.zone = "+05:30"
    shop.fill("2025-12", DECEMBER)
    shop.land("2025-12")
    assert shop.there["2025-12"].manifest.start == datetime(2025, 11, 30, 18, 30, tzinfo=UTC)
    assert list(faults(shop.there["2025-12"].path)) == []


def test_a_source_that_forgot_a_month_changes_nothing_even_when_it_is_asked_again(shop: Shop) -> None:
    shop.fill("2025-11", range(1, 31))
    shop.fill("2025-12", DECEMBER)
    shop.land("2025-11", "2025-12")
    before = shop.bytes()
    shop.stock.values.clear()
    landing = shop.land("2025-11", "2025-12", named=True, again=True)
    assert landing.not_there == ["2025-11", "2025-12"]
    assert not landing.error
    assert shop.bytes() == before


def test_a_complete_month_that_is_asked_again_keeps_what_the_source_forgot(shop: Shop) -> None:
    shop.fill("2025-12", DECEMBER)
    shop.land("2025-12")
    landed = shop.rows("2025-12")
    shop.stock.forget(datetime(2025, 12, 30, tzinfo=UTC))
    shop.fill("2025-12", [31], value=90.0)
    shop.land("2025-12", again=True)
    assert shop.rows("2025-12") == landed | shop.stock.values
    assert shop.there["2025-12"].manifest.kept == 2 * 29


def test_rows_of_another_query_replace_a_month_whole_where_they_cover_its_days(shop: Shop) -> None:
    shop.fill("2025-12", DECEMBER, hosts=["a", "gone"])
    shop.land("2025-12")
    shop.query = "other"
    assert shop.land("2025-12").standing == 1, "unasked, a complete month stays as it is"
    shop.stock.values.clear()
    shop.fill("2025-12", DECEMBER, value=20.0)
    shop.land("2025-12", again=True)
    assert shop.rows("2025-12") == shop.stock.values
    assert shop.there["2025-12"].manifest.kept == 0
    assert "62 rows of 2 series, in the place of 62 rows of 2 series by another query" in shop.said[-1], "one is gone"


def test_rows_of_another_query_are_refused_where_days_of_the_month_are_gone(shop: Shop) -> None:
    shop.fill("2025-12", DECEMBER)
    shop.land("2025-12")
    before = shop.bytes()
    shop.query = "other"
    shop.stock.forget(datetime(2025, 12, 3, tzinfo=UTC))
    landing = shop.land("2025-12", again=True)
    assert landing.error == (
        "source shop: month 2025-12 was landed with another query, and of its 31 days the source no longer has 2 days, from "
        "2025-12-01 on: the landed month stays as it is. Set the query back, or remove "
        f"{shop.data}/telemetry_landing/shop/2025-12.parquet to land the month without these days"
    )
    assert shop.bytes() == before


def test_a_first_landing_of_nothing_at_all_is_a_sentence_and_writes_nothing(shop: Shop) -> None:
    landing = shop.land("2025-10", "2025-11", "2025-12")
    assert landing.error.startswith(
        "source shop: the query gives no rows: it was asked for 2025-10 to 2025-12, and there is nothing."
    )
    assert shop.bytes() == {}


def test_months_older_than_what_the_source_has_are_asked_for_once(shop: Shop) -> None:
    shop.fill("2025-12", DECEMBER)
    months = ("2025-10", "2025-11", "2025-12")
    assert shop.land(*months).not_there == ["2025-10", "2025-11"]
    shop.stock.asked.clear()
    landing = shop.land(*months)
    assert (shop.stock.asked, landing.known_absent, landing.standing) == ([], 2, 1)
    shop.fill("2025-11", [30])
    assert [each.month for each in shop.land("2025-11", named=True).landed] == ["2025-11"], "someone asks"
    shop.query = "other"
    assert shop.land(*months).not_there == ["2025-10"], "the query has changed; what is complete stays"


def test_a_later_month_that_is_empty_is_asked_for_again(shop: Shop) -> None:
    shop.fill("2025-10", range(1, 32))
    assert shop.land("2025-10", "2025-11", "2025-12").not_there == ["2025-11", "2025-12"]
    shop.fill("2025-11", range(1, 31))
    landing = shop.land("2025-10", "2025-11", "2025-12")
    assert [each.month for each in landing.landed] == ["2025-11"]
    assert landing.not_there == ["2025-12"]


def test_an_outage_in_the_middle_leaves_what_has_landed_and_the_next_run_goes_on(shop: Shop) -> None:
    for month in ("2025-10", "2025-11", "2025-12"):
        shop.fill(month, range(1, 31))
    shop.stock.fails_at = datetime(2025, 11, 1, tzinfo=UTC)
    landing = shop.land("2025-09", "2025-10", "2025-11", "2025-12")
    assert landing.error == "source shop: month 2025-11 could not be landed: the connection was lost"
    assert list(shop.there) == ["2025-10"]
    with pytest.raises(SourceError, match="month 2025-11 could not be landed"):
        require_landed([landing])
    assert not list(shop.data.rglob(".fetched*")), "nothing half-written is left"
    shop.stock.fails_at = None
    shop.stock.asked.clear()
    assert not shop.land("2025-09", "2025-10", "2025-11", "2025-12").error
    assert [window.start.month for window in shop.stock.asked] == [11, 12], (
        "what is there, and what is known not to be, is not asked for"
    )
    assert {month: shop.rows(month) for month in shop.there} == {month: shop.in_stock(month) for month in shop.there}
    assert len(shop.there) == 3


NOON = datetime(2025, 12, 24, 12, tzinfo=UTC)
GOOD = ("web", "cpu", NOON, 1.0)


def loose(**columns: pa.Array) -> pa.RecordBatch:
    """A batch whose schema says nothing of nulls."""
    batch = table([GOOD]).to_batches()[0]
    given = {name: batch.column(name) for name in batch.schema.names} | columns
    return pa.RecordBatch.from_pydict(given)


@pytest.mark.parametrize(
    ("batches", "said"),
    [
        ([loose(value=pa.array([float("nan")]))], "a value of web/cpu at 2025-12-24 12:00:00 UTC is no finite number"),
        ([loose(value=pa.array([float("inf")]))], "is no finite number"),
        ([loose(value=pa.array([None], pa.float64()))], "a value of web/cpu at 2025-12-24 12:00:00 UTC has no value"),
        ([loose(host_id=pa.array([None], pa.string()))], "a value of (none)/cpu at 2025-12-24 12:00:00 UTC has no host_id"),
        ([loose(resource=pa.array([""]))], "has an empty resource"),
        (
            table([("web", "cpu", datetime(2026, 1, 1, tzinfo=UTC), 1.0)]).to_batches(),
            "a value of web/cpu at 2026-01-01 00:00:00 UTC is outside of the month, which is from 2025-12-01 00:00:00 up to",
        ),
        (table([GOOD, GOOD]).to_batches(), "web/cpu has two values at 2025-12-24 12:00:00 UTC"),
        (2 * table([GOOD]).to_batches(), "web/cpu has two values at 2025-12-24 12:00:00 UTC"),
        ([loose(value=pa.array([1]))], "wrong are value (int64)"),
        ([loose().select(["host_id", "resource", "timestamp", "value"])], "wrong are labels (missing)"),
        ([loose(more=pa.array([1]))], "there is also more"),
        ([table([GOOD])], "it answered with Table instead of record batches"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_refused_naming_source_month_and_series(
    shop: Shop, batches: list[object], said: str
) -> None:
    shop.fill("2025-12", [24], hosts=["web"])
    shop.now = datetime(2025, 12, 26, tzinfo=UTC)
    shop.land("2025-12")
    before = shop.bytes()
    shop.stock.batches = batches
    error = shop.land("2025-12").error
    assert error.startswith("source shop: month 2025-12 could not be landed: ")
    assert said in error
    assert "\n" not in error
    assert shop.bytes() == before


def test_columns_in_another_order_are_the_same_rows(shop: Shop) -> None:
    batch = table([GOOD]).to_batches()[0]
    shop.stock.batches = [batch.select(["value", "labels", "timestamp", "resource", "host_id"])]
    assert not shop.land("2025-12").error
    assert shop.rows("2025-12") == {GOOD[:3]: 1.0}


def test_two_landings_at_once_take_turns_and_the_second_has_nothing_to_do(shop: Shop) -> None:
    shop.fill("2025-12", DECEMBER)
    inside, waited, results = threading.Event(), threading.Event(), []

    def before(window: Window) -> None:
        inside.set()
        assert waited.wait(30)

    def second() -> None:
        other = Shop(shop.data, shop.stock)
        other.said = _Telling(waited)
        results.append(other.land("2025-12"))

    shop.stock.before = before
    first = threading.Thread(target=lambda: results.append(shop.land("2025-12")))
    first.start()
    assert inside.wait(30)
    then = threading.Thread(target=second)
    then.start()
    for thread in (first, then):
        thread.join(60)
    assert len(shop.stock.asked) == 1
    assert sorted((len(each.landed), each.standing) for each in results) == [(0, 1), (1, 0)]
    assert shop.rows("2025-12") == shop.stock.values


class _Telling(list[str]):
    """Lines, the first of which is waited for."""

    def __init__(self, told: threading.Event) -> None:
        super().__init__()
        self._told = told

    def append(self, line: str) -> None:
        assert line == "source shop: waiting for another process that lands it"
        self._told.set()


def test_a_source_that_fails_does_not_keep_others_from_landing(shop: Shop, tmp_path: Path) -> None:
    shop.fill("2025-12", DECEMBER)
    STOCKS["other"] = Stock(dict(shop.stock.values))
    sources = {
        name: source_of(name, {"kind": "fake", "stock": stock})
        for name, stock in (("down", "nowhere"), ("shop", "shop"), ("other", "other"))
    }
    landings = land(shop.data, sources, LandingRequest(["2025-12"]), LandingOptions(now=lambda: shop.now))
    assert [(each.source, len(each.landed)) for each in landings] == [("down", 0), ("shop", 1), ("other", 1)]
    with pytest.raises(
        SourceError, match=r"^source down: month 2025-12 could not be landed: nowhere cannot be reached"
    ):
        require_landed(landings)


def test_an_interruption_ends_the_landing_within_a_batch(shop: Shop) -> None:
    shop.fill("2025-11", range(1, 31))
    shop.fill("2025-12", DECEMBER)

    def interrupted(line: str) -> None:
        raise KeyboardInterrupt

    sources = {"shop": source_of("shop", {"kind": "fake", "stock": "shop"})}
    with pytest.raises(KeyboardInterrupt):
        land(
            shop.data,
            sources,
            LandingRequest(["2025-11", "2025-12"]),
            LandingOptions(now=lambda: shop.now, log=interrupted),
        )
    assert list(shop.there) == ["2025-11"], "what has landed before stays"


def test_a_month_larger_than_the_memory_for_sorting_is_sorted_on_the_disk(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "MEMORY", "100MB")
    start, rows = np.datetime64("2025-12-01", "us"), 31 * 24 * 60
    moments = pa.array(start + np.arange(rows)[::-1] * np.timedelta64(1, "m"), pa.timestamp("us", tz="UTC"))

    def of(host: int) -> pa.RecordBatch:
        names = [f"host-{host:04d}", "cpu", f"{host} {'label' * 60}"]
        host_id, resource, labels = (pa.array([name] * rows) for name in names)
        return pa.RecordBatch.from_arrays(
            [host_id, resource, moments, pa.array(np.full(rows, 1.0)), labels], schema=ROWS
        )

    shop.stock.batches = [of(host) for host in range(15)[::-1]]
    landing = shop.land("2025-12")
    assert not landing.error
    assert (landing.rows, landing.landed[0].series) == (15 * rows, 15), "200 MB of them"
    assert list(faults(shop.there["2025-12"].path)) == []


def test_a_damaged_file_ends_the_landing_before_anything_is_asked(shop: Shop) -> None:
    shop.fill("2025-12", DECEMBER)
    shop.land("2025-12")
    path = shop.there["2025-12"].path
    path.write_bytes(path.read_bytes()[:-20])
    shop.stock.asked.clear()
    assert f"{path} is no landed month, or is damaged" in shop.land("2025-11", "2025-12").error
    assert shop.stock.asked == []


def test_a_source_under_a_new_name_is_refused_before_it_is_asked(shop: Shop) -> None:
    """What the old name has landed would be there twice."""
    shop.fill("2025-11", range(1, 31))
    shop.fill("2025-12", DECEMBER)
    shop.land("2025-11", "2025-12")
    before = shop.bytes()
    shop.stock.asked.clear()

    def landed_as(name: str, query: str, *known: str) -> str:
        sources = {name: source_of(name, {"kind": "fake", "stock": "shop", "query": query})}
        [landing] = land(
            shop.data, sources, LandingRequest(["2025-12"]), LandingOptions(now=lambda: shop.now, source_names=known)
        )
        return landing.error

    assert landed_as("store", "all") == (
        "source store: what it asks has landed as source shop: call it shop in the settings file, or move "
        f"{shop.data}/telemetry_landing/shop away to land all months anew under this name"
    )
    assert (shop.stock.asked, shop.bytes()) == ([], before)
    assert landed_as("other", "another") == "", "another question may have another name"
    assert landed_as("tenant", "all", "shop") == "", "beside one that is still there, it is no new name of it"


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
import pytest
from turbo_forecast_tests.landing.conftest import Shop
from turbo_forecast_tests.landing.fake_source import STOCKS, Stock, register
register(pytest.MonkeyPatch())
shop = Shop(Path(sys.argv[1]), STOCKS.setdefault("shop", Stock()))
for month in ("2025-11", "2025-12"):
    shop.fill(month, range(1, 31))

class Rows(dict):
    def items(self):
        for place, item in enumerate(super().items()):
            if place == 100 and len(shop.there) == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            yield item

shop.stock.values = Rows(shop.stock.values)
shop.land("2025-11", "2025-12")
"""


def test_a_landing_that_was_killed_in_the_middle_of_a_month_goes_on_there(shop: Shop) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(shop.data)], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert list(shop.there) == ["2025-11"]
    assert list(shop.data.rglob(".fetched-*")), "it was killed while it fetched"
    for month in ("2025-11", "2025-12"):
        shop.fill(month, range(1, 31))
    landing = shop.land("2025-11", "2025-12")
    assert ([each.month for each in landing.landed], landing.standing) == (["2025-12"], 1)
    assert {month: shop.rows(month) for month in shop.there} == {month: shop.in_stock(month) for month in shop.there}
    assert not list(shop.data.rglob(".fetched-*"))
    assert [fault for each in shop.there.values() for fault in faults(each.path)] == []

"""Whatever happens to a source, and whenever it is landed: nothing that ever landed is lost, and complete months change only when asked.

A state machine: values appear, change and are forgotten, days pass, the query changes, the source fails in the middle, it is landed by a
run or because someone asks. What must hold is kept beside it in plain dictionaries.
"""

import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from turbo_forecast.landing.verification import faults
from turbo_forecast_tests.landing.conftest import Shop
from turbo_forecast_tests.landing.fake_source import STOCKS, Moment, Stock, register

MONTHS = ("2025-10", "2025-11", "2025-12")
START = datetime(2025, 10, 1, tzinfo=UTC)
HOSTS = st.sampled_from(["a", "b", "ü"])
LATE = timedelta(hours=3)


class Histories(RuleBasedStateMachine):
    """A source and its landing. held: by month, the rows that have landed and must be there; complete: months that are."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        STOCKS["shop"] = Stock(batch_rows=3)
        self.shop = Shop(self.folder, STOCKS["shop"], now=START + timedelta(days=5))
        self.held: dict[str, dict[Moment, float]] = {}
        self.queries: dict[str, str] = {}
        self.complete: set[str] = set()

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @rule(days=st.integers(1, 25), host=HOSTS, value=st.floats(0, 100))
    def days_pass(self, days: int, host: str, value: float) -> None:
        """Each of them has a value."""
        for _ in range(days):
            self.shop.stock.values[host, "cpu", self.shop.now.replace(hour=0)] = value
            self.shop.now = min(self.shop.now + timedelta(days=1), datetime(2026, 1, 20, tzinfo=UTC))

    @rule(host=HOSTS, back=st.integers(0, 40), value=st.floats(0, 100))
    def a_value_is_late_or_mended(self, host: str, back: int, value: float) -> None:
        self.shop.stock.values[host, "cpu", (self.shop.now - timedelta(days=back)).replace(hour=0)] = value

    @rule(days=st.integers(0, 30))
    def it_forgets(self, days: int) -> None:
        self.shop.stock.forget(self.shop.now - timedelta(days=days))

    @rule(query=st.sampled_from(["all", "all", "all", "other"]))
    def the_query_changes(self, query: str) -> None:
        self.shop.query = query

    @rule(month=st.sampled_from([None, None, None, *MONTHS]))
    def it_fails_in(self, month: str | None) -> None:
        self.shop.stock.fails_at = month and datetime.fromisoformat(f"{month}-01T00:00:00+00:00")

    @rule()
    def a_run_lands_it(self) -> None:
        self._land(named=False, again=False)

    @rule(again=st.booleans())
    def someone_lands_it(self, again: bool) -> None:
        self._land(named=True, again=again)

    def _land(self, *, named: bool, again: bool) -> None:
        months = [month for month in MONTHS if self._starts(month) <= self.shop.now]
        due = {month for month in months if again or month not in self.complete}
        landing = self.shop.land(*months, named=named, again=again)
        for manifest in landing.landed:
            month = manifest.month
            assert month in due, "what is complete changes only when someone asks"
            rows = self.shop.in_stock(month)
            assert rows
            if self.queries.get(month) == self.shop.query:
                rows = self.held[month] | rows
            else:
                lost = {moment[2].date() for moment in self.held.get(month, {})} - {moment[2].date() for moment in rows}
                assert not lost, "rows of another query cover all of its days"
            self.held[month], self.queries[month] = rows, self.shop.query
            over = (
                datetime.fromisoformat("2026-01-01T00:00:00+00:00")
                if month == "2025-12"
                else self._starts(MONTHS[MONTHS.index(month) + 1])
            )
            assert manifest.complete == (self.shop.now >= over + LATE)
            self.complete = self.complete | {month} if manifest.complete else self.complete - {month}
        assert not set(landing.not_there) & {month for month in MONTHS if self.shop.in_stock(month)}

    @staticmethod
    def _starts(month: str) -> datetime:
        return datetime.fromisoformat(f"{month}-01T00:00:00+00:00")

    @invariant()
    def all_that_landed_is_there_and_whole(self) -> None:
        there = self.shop.there
        assert set(there) == set(self.held)
        for month, rows in self.held.items():
            assert self.shop.rows(month) == rows
            assert list(faults(there[month].path)) == []


def test_nothing_that_landed_is_ever_lost_and_complete_months_change_only_when_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    register(monkeypatch)
    chosen = settings(max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Histories, settings=chosen)

"""One champion per series that has a forecast: the first in the order of preference."""

from datetime import date

import polars as pl
import pytest

from turbo_forecast.schemas import CHAMPIONS
from turbo_forecast.tournament.champions import choose

CUTOFF = date(2025, 12, 31)


def forecasters(*entries: tuple[str, str]) -> pl.DataFrame:
    parts = [{"cutoff": CUTOFF, "host_id": host, "resource": "cpu", "model": model} for host, model in entries]
    schema = {"cutoff": pl.Date, "host_id": pl.String, "resource": pl.String, "model": pl.String}
    return pl.DataFrame(parts, schema=schema)


ENTRIES = [("a", "naive"), ("a", "prophet"), ("b", "naive"), ("c", "prophet"), ("d", "ets"), ("d", "naive")]


@pytest.mark.parametrize(
    ("preference", "expected"),
    [
        (["prophet", "ets", "naive"], {"a": "prophet", "b": "naive", "c": "prophet", "d": "ets"}),
        (["naive", "prophet", "ets"], {"a": "naive", "b": "naive", "c": "prophet", "d": "naive"}),
    ],
)
def test_the_first_of_the_preferred_who_has_a_forecast_is_champion(
    preference: list[str], expected: dict[str, str]
) -> None:
    for entries in (ENTRIES, ENTRIES[::-1]):
        chosen = choose(forecasters(*entries), preference)
        assert dict(chosen.select("host_id", "model").iter_rows()) == expected
        assert chosen.height == len(expected)
        assert chosen.schema == CHAMPIONS.polars_schema


def test_the_reason_tells_first_choice_from_second() -> None:
    reasons = choose(forecasters(*ENTRIES), ["prophet", "ets", "naive"])["reason"].to_list()
    assert reasons[0] == reasons[2] == "first in the order of entrants"
    assert reasons[1] == reasons[3] == "no entrant before it has a forecast for this series"


def test_nobody_forecast_nobody_chosen() -> None:
    chosen = choose(forecasters(), ["prophet", "naive"])
    assert chosen.is_empty()
    assert chosen.schema == CHAMPIONS.polars_schema


def test_resources_of_a_host_have_champions_of_their_own() -> None:
    rows = forecasters(("a", "prophet"), ("a", "naive"))
    other = forecasters(("a", "naive")).with_columns(resource=pl.lit("memory"))
    chosen = choose(pl.concat([rows, other]), ["prophet", "naive"])
    assert chosen.select("resource", "model").rows() == [("cpu", "prophet"), ("memory", "naive")]

"""Progress: whoever reads a line knows how far the run is and, within a factor of two, how long it will still take."""

import re
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turbo_forecast.fleet.executors.worker_status import Tally
from turbo_forecast.fleet.pace import Pace, WorkSnapshot
from turbo_forecast.fleet.progress import Progress, speed
from turbo_forecast_tests.fleet.timelines import LogLine, Timeline

LINE = re.compile(r"[\d,]+/[\d,]+ series( · [\d.,]+/(s|min))? · [\d,]+ failed · (.+ (left|so far)|done)")


def costs_of(size: int, seconds: float, spread: float, seed: int = 0) -> np.ndarray:
    """Seconds of each series, log-normal with this mean."""
    costs = np.random.default_rng(seed).lognormal(0, spread, size)
    return costs * seconds / costs.mean()


def assert_honest(lines: Sequence[LogLine], dearest: float) -> None:
    """From a tenth of the work on, the time left is right within a factor of two.

    Or within two seconds, or within the time of the dearest series and a half: of those that are in flight, nobody knows
    how far they are.
    """
    running = [said for said in lines if said.share >= 0.1 and not said.line.endswith("done")]
    assert running, "nothing was said"
    for said in running:
        left = said.left
        assert left is not None, said
        assert left / 2 <= said.truth <= 2 * left or abs(left - said.truth) <= max(2.0, 1.5 * dearest), said


@given(
    workers=st.sampled_from([1, 2, 8]),
    size=st.integers(240, 2000),
    minutes=st.floats(0.4, 30),
    spread=st.floats(0, 0.6),
    start=st.floats(0.5, 60),
    stagger=st.floats(0, 0.1),
    warm_up=st.floats(0, 20),
    done=st.floats(0, 0.6),
    chunk=st.sampled_from([0, 1, 64]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_tenth_of_the_work_tells_the_rest_within_a_factor_of_two(
    workers: int, size: int, minutes: float, spread: float, start: float, stagger: float, warm_up: float, done: float,
    chunk: int, seed: int,
) -> None:  # fmt: skip
    """Slow and staggered starts, first series that load something, dear and cheap series, chunks, resumed runs."""
    costs = costs_of(size, minutes * 60 * workers / size, spread, seed)
    starts = start + np.random.default_rng(seed).uniform(0, stagger * minutes * 60, workers)
    timeline = Timeline(costs, list(starts), done=int(done * size), chunk=chunk, warm_up=warm_up)
    assert_honest(list(timeline.said()), max(costs))


def test_the_start_of_workers_is_not_in_the_rate() -> None:
    """240 series, 20 in a second, on two workers that take half a minute to start."""
    lines = list(Timeline(costs_of(240, 0.1, 0.3), [30.0, 32.0]).said())
    assert all(said.at >= 30 for said in lines)
    assert float(re.search(r"([\d.]+)/s", lines[1].line)[1]) == pytest.approx(20, rel=0.5)  # type: ignore[index]
    assert float(re.search(r"([\d.]+)/s", lines[-1].line)[1]) == pytest.approx(20, rel=0.25)  # type: ignore[index]


def test_what_was_finished_by_an_earlier_attempt_is_not_in_the_rate() -> None:
    lines = list(Timeline(costs_of(400, 0.5, 0.3), [3.0, 3.0], done=300).said())
    assert lines[0].line == "resuming: 300/400 series were finished before"
    rates = [float(re.search(r"([\d.]+)/s", said.line)[1]) for said in lines[1:] if said.truth > 5]  # type: ignore[index]
    assert rates == pytest.approx([4.0] * len(rates), rel=0.4)
    assert lines[-1].line.startswith("400/400 series · ")


def test_series_of_unfinished_chunks_count() -> None:
    """Two chunks of 64 series, a second each: the first is finished after a minute."""
    lines = [said.line for said in Timeline([1.0] * 128, [1.0, 1.0], chunk=64).said()]
    early = [int(line.split("/")[0]) for line in lines[:5]]
    assert early == sorted(set(early))
    assert early[-1] < 64


def test_the_last_chunk_is_one_workers_work() -> None:
    """Eight workers, nine chunks: seven workers can only watch the last one."""
    lines = list(Timeline([1.0] * 9 * 20, [1.0] * 8, chunk=20).said())
    assert_honest(lines, 1.0)
    last = next(said for said in lines if said.truth < 19)
    number, unit = last.line.split(" · ")[1].split("/")
    assert float(number) == pytest.approx(60 if unit == "min" else 1, rel=0.2), "the speed of one worker, not of eight"


def test_a_change_of_the_pace_is_followed() -> None:
    """The second half of the series is five times as dear as the first: soon the lines say so."""
    lines = list(Timeline([0.1] * 1000 + [0.5] * 1000, [2.0, 2.0]).said())
    assert_honest([said for said in lines if said.share > 0.62], 2.0)


@pytest.mark.parametrize(("seconds", "most"), [(60, 35), (3600, 130), (36_000, 750)])
def test_lines_become_rarer_the_longer_a_run_takes(seconds: int, most: int) -> None:
    lines = list(Timeline([seconds / 200] * 400, [1.0, 1.0]).said())
    gaps = np.diff([said.at for said in lines])
    assert len(lines) <= most
    assert gaps[:-1].min() >= 2
    assert gaps.max() <= max(75, 0.3 * seconds)


def test_one_long_series_is_no_silence() -> None:
    """The first series take four minutes each."""
    lines = list(Timeline([240.0] * 4, [1.0, 1.0]).said())
    first = [said for said in lines if said.at < 240]
    assert len(first) >= 5
    assert [said.line.rpartition(" · ")[0] for said in first] == ["0/4 series · 0 failed"] * len(first)
    assert first[0].line.endswith(" · 10 s so far")
    assert np.diff([0.0, *(said.at for said in lines)]).max() <= 65


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_every_line_has_one_form_and_the_last_says_done(workers: int) -> None:
    lines = [said.line for said in Timeline(costs_of(300, 0.3, 1.0), [1.0] * workers).said()]
    assert all(LINE.fullmatch(line) for line in lines), lines
    assert lines[-1].endswith(" · done")
    assert sum(line.endswith("done") for line in lines) == 1


def test_a_pool_that_broke_takes_back_what_it_had_not_reported() -> None:
    now, said = 0.0, []
    progress = Progress(100, said.append, clock=lambda: now)
    now = 3.0
    progress.look(lambda: WorkSnapshot([], unreported=30, running=[20.0], waiting=[50], workers=1))
    progress.add(10, failed=1)
    now = 6.0
    progress.look(lambda: WorkSnapshot([], unreported=0, running=[], waiting=[90], workers=1))
    assert [line.split(" · ")[0] for line in said] == ["30/100 series", "10/100 series"]
    assert "1 failed" in said[1]


@pytest.mark.parametrize(
    ("per_second", "said"), [(1234.4, "1,234/s"), (187.0, "187/s"), (4.23, "4.2/s"), (0.2, "12/min"), (0.01, "0.6/min")]
)
def test_no_rate_is_rounded_to_nothing(per_second: float, said: str) -> None:
    assert speed(per_second) == said


def test_a_worker_that_hung_and_was_ended_does_not_turn_the_time_left_around() -> None:
    """Worker 2 hangs at its second series for ten minutes; its pool ends, and the next one goes on with two others."""
    pace = Pace(100)
    quick = Tally(1, series=40, begun=0.5, first=1.0, until=40.5, busy=True)
    for now in (5.0, 600.0):
        pace.look([quick, Tally(2, series=1, begun=0.5, first=1.0, until=now, busy=True)])
    for series in range(2, 60, 3):
        pace.look([Tally(3, series=series, begun=700.0, first=701.0, until=700.5 + series, busy=True)])
        assert pace.seconds_each is not None
        assert pace.seconds_each > 0
    assert pace.seconds_each == pytest.approx(1.0, rel=0.05)

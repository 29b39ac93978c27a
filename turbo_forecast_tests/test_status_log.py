"""Lines for a person who waits: the month before each, and a heartbeat where a block is silent."""

import threading
import time

import pytest

from turbo_forecast.status_log import StatusLog, duration, longer_silence

SOON = 0.05
"""Seconds of silence after which the tests' logs speak."""


class Listener:
    """Takes lines, and waits for one more."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._news = threading.Condition()

    def __call__(self, line: str) -> None:
        with self._news:
            self.lines.append(line)
            self._news.notify_all()

    def wait_for(self, count: int) -> list[str]:
        with self._news:
            assert self._news.wait_for(lambda: len(self.lines) >= count, timeout=30), self.lines
            return list(self.lines)


def test_each_line_begins_with_what_it_is_of() -> None:
    said: list[str] = []
    StatusLog(said.append, about="2025-12")("3 of 4")
    StatusLog(said.append)("3 of 4")
    assert said == ["2025-12 · 3 of 4", "3 of 4"]


def test_a_silent_block_says_what_it_does_again_and_again() -> None:
    heard = Listener()
    log = StatusLog(heard, about="2025-12", silence_seconds=SOON)
    with log.working("merging chunks"):
        assert heard.wait_for(2)[:2] == ["2025-12 · merging chunks, 0 s so far"] * 2


def test_a_block_that_speaks_is_left_alone() -> None:
    said: list[str] = []
    with (log := StatusLog(said.append, silence_seconds=5.0)).working("merging chunks"):
        for count in range(20):
            log(str(count))
            time.sleep(0.005)
    assert said == [str(count) for count in range(20)]


def test_what_a_line_announces_is_what_takes_long_until_the_next_line() -> None:
    heard = Listener()
    log = StatusLog(heard, silence_seconds=SOON)
    with log.working("preparing the entrants"):
        log("compiling some kernels: once after an installation, about half a minute …")
        assert heard.wait_for(2)[1] == "compiling some kernels, 0 s so far"
        log("kernels compiled in 0 s")
        after = heard.wait_for(len(heard.lines) + 1)
        assert after[-1] == "preparing the entrants, 0 s so far"


def test_nothing_is_said_after_the_block() -> None:
    heard = Listener()
    log = StatusLog(heard, silence_seconds=SOON)
    with pytest.raises(KeyError), log.working("merging chunks"):
        heard.wait_for(1)
        raise KeyError
    count = len(heard.lines)
    time.sleep(5 * SOON)
    assert len(heard.lines) == count
    assert not [thread for thread in threading.enumerate() if thread.name == "heartbeat"]


def test_the_silence_of_many_short_blocks_adds_up() -> None:
    heard = Listener()
    log = StatusLog(heard, silence_seconds=0.4)
    for _ in range(8):
        with log.working("one of many"):
            time.sleep(0.15)
    assert heard.lines


def test_an_inner_blocks_end_gives_the_word_back_to_the_outer_one() -> None:
    heard = Listener()
    log = StatusLog(heard, silence_seconds=SOON)
    with log.working("reading telemetry"):
        with log.working("reading telemetry: validating its values"):
            assert heard.wait_for(1)[0].startswith("reading telemetry: validating its values, ")
        count = len(heard.lines)
        assert heard.wait_for(count + 1)[-1].startswith("reading telemetry, ")


def test_a_place_that_takes_no_more_lines_ends_the_heartbeat_and_not_the_work() -> None:
    tried = threading.Event()

    def full(line: str) -> None:
        tried.set()
        raise OSError(28, "No space left on device")

    log = StatusLog(full, silence_seconds=SOON)
    with log.working("merging chunks"):
        assert tried.wait(30)
    with pytest.raises(OSError, match="No space left"):
        log("merged")


def test_lines_of_several_threads_do_not_overlap() -> None:
    inside, most = 0, 0

    def say(line: str) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.002)
        inside -= 1

    log = StatusLog(say, silence_seconds=0.001)
    with log.working("a"):
        threads = [threading.Thread(target=lambda: [log("x") for _ in range(10)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most == 1


def test_the_longer_a_wait_the_rarer_its_lines() -> None:
    assert longer_silence(0, 10) == longer_silence(40, 10) == 10
    assert longer_silence(200, 10) == 50
    assert longer_silence(3600, 10) == 60


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "0 s"), (8.4, "8 s"), (119.4, "119 s"), (119.6, "2 min"), (133, "2 min 10 s"), (594.9, "9 min 50 s"),
        (595.1, "10 min"), (718, "12 min"), (7199, "2 h 0 min"), (9612, "2 h 40 min"),
    ],
)  # fmt: skip
def test_a_duration_is_as_exact_as_a_person_needs(seconds: float, said: str) -> None:
    assert duration(seconds) == said

"""A worker's post: what stands there can be read after its death."""

import ctypes
import time

from turbo_forecast.fleet.executors.post import SIZE, Note, Post


def post() -> tuple[Post, "ctypes.Array[ctypes.c_char]"]:
    memory = ctypes.create_string_buffer(SIZE)
    return Post(memory), memory


def test_a_worker_that_has_not_come_as_far_as_its_post_has_nothing_in_hand() -> None:
    note = Note.read(ctypes.create_string_buffer(SIZE))
    assert (note.in_hand, note.building, note.series) == (None, None, 0)


def test_a_slow_disk_is_not_the_last_series_fault() -> None:
    own, memory = post()
    own.begin_task(5)
    own.taking(7)
    assert Note.read(memory).in_hand == 7
    own.finished()
    own.writing()
    assert Note.read(memory).in_hand is None
    assert Note.read(memory).of_task == 1


def test_the_entrant_that_is_being_built_is_noted() -> None:
    own, memory = post()
    assert Note.read(memory).building is None
    own.building(3)
    assert Note.read(memory).building == 3
    own.begin_step()
    assert Note.read(memory).building is None


def test_the_post_tells_how_many_series_are_finished_and_how_long_it_took() -> None:
    own, memory = post()
    assert Note.read(memory).tally(1).series == 0
    before = time.monotonic()
    own.begin_task(7)
    for series in (7, 8, 9):
        own.taking(series)
        time.sleep(0.02)
        own.finished()
    own.taking(10)
    tally = Note.read(memory).tally(42)
    assert (tally.pid, tally.series, tally.busy, tally.at_first) == (42, 3, True, 1)
    assert before <= tally.begun <= tally.first - 0.02 <= tally.until - 0.06
    own.idle()
    time.sleep(0.05)
    rested = Note.read(memory).tally(42)
    assert not rested.busy
    assert rested.until < time.monotonic() - 0.04, "what comes after the last series is no series' time"


def test_each_task_and_each_step_counts_from_nought() -> None:
    own, memory = post()
    own.begin_task(0)
    own.taking(0)
    own.finished()
    own.begin_task(64)
    note = Note.read(memory)
    assert (note.task, note.of_task, note.series) == (64, 0, 1)
    own.begin_step()
    note = Note.read(memory)
    assert (note.series, note.begun, note.first) == (0, 0.0, 0.0)


def test_a_part_is_finished_at_once() -> None:
    own, memory = post()
    own.begin_task(0)
    assert Note.read(memory).tally(1).busy
    assert Note.read(memory).in_hand is None
    own.finished(128)
    own.idle()
    own.begin_task(128)
    own.finished(100)
    own.idle()
    tally = Note.read(memory).tally(1)
    assert (tally.series, tally.at_first) == (228, 128)

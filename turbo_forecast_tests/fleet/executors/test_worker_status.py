"""A worker's status: what it has written can be read after its death."""

import ctypes
import time

from turbo_forecast.fleet.executors.worker_status import SIZE, StatusWriter, WorkerStatus


def writer() -> tuple[StatusWriter, "ctypes.Array[ctypes.c_char]"]:
    memory = ctypes.create_string_buffer(SIZE)
    return StatusWriter(memory), memory


def test_a_worker_that_has_not_written_a_status_has_nothing_in_flight() -> None:
    status = WorkerStatus.read(ctypes.create_string_buffer(SIZE))
    assert (status.in_flight, status.building, status.series) == (None, None, 0)


def test_a_slow_disk_is_not_the_last_series_fault() -> None:
    own, memory = writer()
    own.begin_task(5)
    own.start_series(7)
    assert WorkerStatus.read(memory).in_flight == 7
    own.finished()
    own.writing()
    assert WorkerStatus.read(memory).in_flight is None
    assert WorkerStatus.read(memory).of_task == 1


def test_the_entrant_that_is_being_built_is_noted() -> None:
    own, memory = writer()
    assert WorkerStatus.read(memory).building is None
    own.building(3)
    assert WorkerStatus.read(memory).building == 3
    own.begin_step()
    assert WorkerStatus.read(memory).building is None


def test_the_post_tells_how_many_series_are_finished_and_how_long_it_took() -> None:
    own, memory = writer()
    assert WorkerStatus.read(memory).tally(1).series == 0
    before = time.monotonic()
    own.begin_task(7)
    for series in (7, 8, 9):
        own.start_series(series)
        time.sleep(0.02)
        own.finished()
    own.start_series(10)
    tally = WorkerStatus.read(memory).tally(42)
    assert (tally.pid, tally.series, tally.busy, tally.at_first) == (42, 3, True, 1)
    assert before <= tally.begun <= tally.first - 0.02 <= tally.until - 0.06
    own.idle()
    time.sleep(0.05)
    rested = WorkerStatus.read(memory).tally(42)
    assert not rested.busy
    assert rested.until < time.monotonic() - 0.04, "what comes after the last series is no series' time"


def test_each_task_and_each_step_counts_from_nought() -> None:
    own, memory = writer()
    own.begin_task(0)
    own.start_series(0)
    own.finished()
    own.begin_task(64)
    status = WorkerStatus.read(memory)
    assert (status.task, status.of_task, status.series) == (64, 0, 1)
    own.begin_step()
    status = WorkerStatus.read(memory)
    assert (status.series, status.begun, status.first) == (0, 0.0, 0.0)


def test_a_part_is_finished_at_once() -> None:
    own, memory = writer()
    own.begin_task(0)
    assert WorkerStatus.read(memory).tally(1).busy
    assert WorkerStatus.read(memory).in_flight is None
    own.finished(128)
    own.idle()
    own.begin_task(128)
    own.finished(100)
    own.idle()
    tally = WorkerStatus.read(memory).tally(1)
    assert (tally.series, tally.at_first) == (228, 128)

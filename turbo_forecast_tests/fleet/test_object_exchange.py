"""A run on two machines that share nothing but objects leaves the bytes of a run on one."""

import ctypes
import pickle
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from turbo_forecast.addresses import parsed
from turbo_forecast.errors import StorageError
from turbo_forecast.fleet import chunks
from turbo_forecast.fleet import store as stores
from turbo_forecast.fleet.checkpoint import run_folder
from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.exchange import Exchange
from turbo_forecast.fleet.executors.worker_status import SIZE, StatusWriter
from turbo_forecast.fleet.object_exchange import LAST, ObjectExchange
from turbo_forecast.fleet.pieces import FORECAST_PIECES, piece
from turbo_forecast.fleet.run_folder import DIGEST, RunFolder
from turbo_forecast.fleet.store import SeriesStore
from turbo_forecast.fleet.tasks import Job, Step, Task
from turbo_forecast.fleet.worker_steps import Equipment
from turbo_forecast.storage.objects.shared_runs import forget_months
from turbo_forecast.storage.objects.store import ObjectStore
from turbo_forecast_tests.fleet.by_hand import ByHand, by_hand
from turbo_forecast_tests.fleet.kinds import KINDS, fleet_of

pytestmark = pytest.mark.usefixtures("small_parts")
OPTIONS = {"folds": 1, "interval_widths": [0.5, 0.8]}


@pytest.fixture
def exchange(tmp_path: Path) -> ObjectExchange:
    return ObjectExchange(parsed(f"file://{tmp_path}/objects", "DATA"), "2025-12")


class Machine:
    """A worker elsewhere: a folder of its own, and the equipment that it has built there."""

    def __init__(self, exchange: Exchange, job: Job, here: Path) -> None:
        self.exchange: Exchange = pickle.loads(pickle.dumps(exchange))
        self.job = self.exchange.localise(job, here)
        self.equipment = Equipment(self.job, StatusWriter(ctypes.create_string_buffer(SIZE)))

    def work(self, task: Task) -> None:
        self.exchange.stage_in(self.job, task)
        self.equipment.prepare(task.step)
        self.equipment.perform(task)
        self.exchange.stage_out(self.job, task)


class Elsewhere(ByHand):
    """A run whose maps are worked on other machines, in turn; size: series of a chunk, across parts."""

    exchange: ObjectExchange

    def machines(self, count: int) -> "Elsewhere":
        self.job = Job(self.store.path, self.folder, self.path / "temp", self.windows, self.settings)
        self.exchange.offer(self.job, Step.FORECAST)
        self.crew = [
            Machine(self.exchange, self.job, self.path.with_name(f"{self.path.name}-machine-{number}"))
            for number in range(count)
        ]
        return self

    def map(self, step: Step, spans: list[Span]) -> Iterator[str]:
        self.exchange.offer(self.job, step)
        for number, span in enumerate(spans):
            task = Task(step, span)
            self.crew[number % len(self.crew)].work(task)
            self.exchange.collect(self.folder, task)
            yield step

    def working(self) -> Iterator[str]:
        done = chunks.finished_spans(self.folder.forecast, "outcomes")
        todo = chunks.cut(chunks.unfinished(len(self.store), done), self.size)
        yield from self.map(Step.FORECAST, todo)
        yield from self.forecast()  # every chunk is finished: what is left of it is the reduction
        finished = chunks.finished_spans(self.folder.combine, LAST[Step.COMBINE])
        yield from self.map(Step.COMBINE, [span for span in self.parts if span not in finished])
        yield from self.combine()
        finished = chunks.finished_spans(self.folder.publish, LAST[Step.PUBLISH])
        yield from self.map(Step.PUBLISH, [span for span in self.parts if span not in finished])
        yield from self.publish()

    @cached_property
    def folder(self) -> RunFolder:
        return run_folder(self.path, self.store, self.windows, self.settings, self.exchange.recover)


def base(series: int = 13) -> pl.DataFrame:
    kinds = sorted(KINDS)
    return fleet_of([kinds[number % len(kinds)] for number in range(series)], seed=5)


def elsewhere(path: Path, exchange: ObjectExchange, size: int = 7, machines: int = 2) -> Elsewhere:
    plain = by_hand(base(), path, size=size, **OPTIONS)
    run = Elsewhere(plain.base, plain.path, plain.settings, plain.size)
    run.exchange = exchange
    return run.machines(machines)


@pytest.fixture(scope="module")
def expected(small_parts: None, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What a run on one machine leaves."""
    return by_hand(base(), tmp_path_factory.mktemp("here"), **OPTIONS).held().digests()


@pytest.mark.parametrize("size", [1, 7, 13])
def test_workers_elsewhere_leave_the_same_bytes(
    size: int, exchange: ObjectExchange, expected: Mapping[str, str], tmp_path: Path
) -> None:
    run = elsewhere(tmp_path / "run", exchange, size)
    assert run.held().digests() == expected


def test_a_worker_has_only_the_series_and_rows_of_its_tasks(
    exchange: ObjectExchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "BATCH_SERIES", 4)
    run = elsewhere(tmp_path / "run", exchange, size=8)
    steps = run.working()
    next(steps)
    first, second = run.crew
    assert {path.name for path in first.job.store.glob("*.arrow")} == {"000000.arrow", "000001.arrow"}
    assert list(second.job.store.glob("*.arrow")) == []
    with pytest.raises(StorageError, match=r"000003\.arrow cannot be read"):
        SeriesStore(first.job.store)[12]
    for step in steps:
        if step == Step.COMBINE:
            break
    brought = {path.name for path in first.job.folder.forecast.glob("*.rows.arrow")}
    assert brought == {"00000000-00000008.rows.arrow", "00000000-00000004.rows.arrow"}, "its own chunk, and the part"


@pytest.mark.parametrize("stop", [Step.FORECAST, Step.COMBINE, Step.PUBLISH])
def test_another_machine_goes_on_where_one_has_died(
    stop: Step, exchange: ObjectExchange, expected: Mapping[str, str], tmp_path: Path
) -> None:
    before = elsewhere(tmp_path / "before", exchange)
    for step in before.working():
        if step == stop:
            break
    run = elsewhere(tmp_path / "after", exchange)
    last = piece(run.folder.path / stop, Span(*((0, 7) if stop is Step.FORECAST else (0, 4))).stem, LAST[stop])
    assert last.exists(), "nothing was recovered"
    made = last.stat().st_mtime_ns
    assert run.held().digests() == expected
    assert last.stat().st_mtime_ns == made, "it was made again"


def test_what_an_attempt_had_no_time_to_share_is_shared_by_the_next(
    exchange: ObjectExchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = by_hand(base(), tmp_path / "run", size=7, **OPTIONS)
    next(run.forecast())
    job = Job(run.store.path, run.folder, tmp_path, run.windows, run.settings)
    tasks = [Task(Step.FORECAST, span) for span in chunks.finished_spans(run.folder.forecast, "outcomes")]
    exchange.share(job, tasks)
    elsewhere(tmp_path / "other", exchange)
    assert list((tmp_path / "other").glob(f"run-*/forecast/{tasks[0].span.stem}.outcomes.arrow"))
    monkeypatch.setattr(ObjectExchange, "stage_out", lambda *arguments: pytest.fail("it is shared already"))
    exchange.share(job, tasks)


def test_what_another_run_of_the_month_has_shared_is_forgotten(exchange: ObjectExchange, tmp_path: Path) -> None:
    store = ObjectStore(exchange.address)
    store.write("runs/2025-12/run-0123/done/forecast/00000000-00000007.json", b"{}")
    store.write("runs/2025-11/run-0123/done/forecast/00000000-00000007.json", b"{}")
    run = elsewhere(tmp_path / "run", exchange)
    assert not list(run.folder.forecast.iterdir())
    assert [key for key in store.listed("runs") if "run-0123" in key] == [
        "runs/2025-11/run-0123/done/forecast/00000000-00000007.json"
    ]
    forget_months(store, ["2025-12"])
    assert all(key.startswith("runs/2025-11/") for key in store.listed("runs"))


@pytest.mark.parametrize("kind", ["outcomes.arrow", "rows.arrow", "errors.arrow"])
def test_a_chunk_of_which_something_has_removed_a_piece_is_forecast_again(
    kind: str, exchange: ObjectExchange, expected: Mapping[str, str], tmp_path: Path
) -> None:
    """A rule of the bucket that removes what is old, say: every attempt at the month would end at it."""
    before = elsewhere(tmp_path / "before", exchange)
    for step in before.working():
        if step == Step.COMBINE:
            break
    store = ObjectStore(exchange.address)
    lost = [key for key in store.listed("runs") if "/forecast/" in key and key.endswith(kind)]
    assert lost
    store.delete(lost[:1])
    assert elsewhere(tmp_path / "after", exchange).held().digests() == expected


def test_shared_work_that_was_removed_in_part_is_not_taken_for_whole(
    exchange: ObjectExchange, expected: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = elsewhere(tmp_path / "before", exchange)
    for step in before.working():
        if step == Step.PUBLISH:
            break
    store, removed = ObjectStore(exchange.address), list[object]()
    delete = ObjectStore._deleted

    def dying(self: ObjectStore, keys: list[str]) -> None:
        for key in sorted(keys):
            if len(removed) == 12:
                raise StorageError("the process has died")
            removed.append(key)
            delete(self, self._path(key))

    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "delete", dying)
        with pytest.raises(StorageError, match="has died"):
            forget_months(store, ["2025-12"])
    assert elsewhere(tmp_path / "after", exchange).held().digests() == expected


def test_a_chunk_is_not_finished_before_all_of_it_is_shared(
    exchange: ObjectExchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = elsewhere(tmp_path / "run", exchange)
    worker, task = run.crew[0], Task(Step.FORECAST, Span(0, 7))
    worker.exchange.stage_in(worker.job, task)
    worker.equipment.prepare(task.step)
    worker.equipment.perform(task)
    write = ObjectStore.write

    def refused(store: ObjectStore, key: str, content: bytes) -> None:
        if "/done/" in key:
            raise StorageError("the store is gone")
        write(store, key, content)

    monkeypatch.setattr(ObjectStore, "write", refused)
    with pytest.raises(StorageError, match="gone"):
        worker.exchange.stage_out(worker.job, task)
    monkeypatch.undo()
    with pytest.raises(StorageError, match="forecast of series 0 to 6 was not shared"):
        exchange.collect(run.folder, task)
    assert elsewhere(tmp_path / "again", exchange).folder.forecast.exists()
    assert not list((tmp_path / "again").glob("run-*/forecast/*.arrow"))


def test_a_piece_that_was_cut_is_joined_to_the_same_bytes(exchange: ObjectExchange, tmp_path: Path) -> None:
    run = elsewhere(tmp_path / "run", exchange)
    next(run.working())
    worker = run.crew[0].job.folder.forecast
    for kind in FORECAST_PIECES:
        paths = [piece(folder, Span(0, 7).stem, kind) for folder in (worker, run.folder.forecast)]
        one, other = (pa.ipc.open_file(path.read_bytes()).read_all() for path in paths)
        assert one.equals(other), kind
        assert paths[0].read_bytes() == paths[1].read_bytes(), kind


def test_parts_made_of_other_decisions_are_made_again(exchange: ObjectExchange, tmp_path: Path) -> None:
    run = elsewhere(tmp_path / "run", exchange)
    for step in run.working():
        if step == Step.COMBINE:
            break
    store = ObjectStore(exchange.address)
    done = [key for key in store.listed("runs") if "/done/combine/" in key]
    assert len(done) == 1
    (run.folder.weights / DIGEST).write_text("of other weights")
    exchange.offer(run.job, Step.COMBINE)
    assert not [key for key in store.listed("runs") if "/done/combine/" in key]
    worker = run.crew[0]
    worker.exchange.stage_in(worker.job, Task(Step.COMBINE, Span(4, 8)))
    assert not list(worker.job.folder.combine.glob("*.arrow"))


def test_an_exchange_holds_no_secret(exchange: ObjectExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret")
    assert b"planted-secret" not in pickle.dumps(exchange)
    assert "planted-secret" not in repr(exchange)


def test_a_worker_that_is_given_no_series_says_so(exchange: ObjectExchange, tmp_path: Path) -> None:
    run = elsewhere(tmp_path / "run", exchange, machines=1)
    forget_months(ObjectStore(exchange.address), ["2025-12"])
    with pytest.raises(StorageError, match=r"file://.*/about\.json is not there"):
        exchange.localise(run.job, tmp_path / "late")

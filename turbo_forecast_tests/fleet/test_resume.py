"""A run that is stopped anywhere and begun again gives the same bytes, and makes nothing anew that is sound."""

import shutil
from collections.abc import Callable, Mapping
from functools import cache
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.run_folder import RunFolder
from turbo_forecast.fleet.series_forecaster import lost_series
from turbo_forecast.types import Status
from turbo_forecast_tests.fleet.by_hand import ByHand, by_hand
from turbo_forecast_tests.fleet.kinds import FLEETS, KINDS, fleet_of
from turbo_forecast_tests.sweeps import tries

CURSED = "turbo_forecast_tests.fleet.entrants:naive"
FIELD = ["weighted", "median", CURSED, "recent_level"]
MAPS = ("forecast", "combine", "publish")


@pytest.fixture(scope="module")
def whole(small_parts: None, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What a run over all kinds of series leaves that was never stopped."""
    return by_hand(fleet_of(list(KINDS)), tmp_path_factory.mktemp("whole"), entrants=FIELD).held().digests()


def run_in(path: Path, size: int = 5) -> ByHand:
    """The same run, in chunks of so many series; takes over what is sound in the folder."""
    return by_hand(fleet_of(list(KINDS)), path, size=size, entrants=FIELD)


@pytest.fixture(scope="module")
def ended_before(small_parts: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """The folder of the same run at its end, in chunks of so many series; made once, and not to be changed."""

    @cache
    def held(size: int) -> Path:
        return run_in(tmp_path_factory.mktemp("ended"), size).held().path

    return held


@pytest.fixture
def ended(ended_before: Callable[[int], Path], tmp_path: Path) -> Callable[[int], ByHand]:
    """The same run at its end, in chunks of so many series: a copy in `tmp_path`, to be spoilt."""

    def copied(size: int) -> ByHand:
        shutil.copytree(ended_before(size), tmp_path, dirs_exist_ok=True)
        return run_in(tmp_path, size)

    return copied


@pytest.mark.sweep(keep=1)
@pytest.mark.usefixtures("small_parts")
@settings(max_examples=tries(8, 100), deadline=None)
@given(base=FLEETS, stops=st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9)), max_size=3))
def test_wherever_a_run_is_stopped_and_however_it_is_cut_it_comes_to_the_same_bytes(
    base: pl.DataFrame, stops: list[tuple[int, int]]
) -> None:
    with TemporaryDirectory() as folder:
        expected = by_hand(base, Path(folder, "whole"), entrants=FIELD).held().digests()
        for steps, size in stops:
            for _ in islice(by_hand(base, Path(folder, "run"), size=size, entrants=FIELD).working(), steps):
                pass
        assert by_hand(base, Path(folder, "run"), entrants=FIELD).held().digests() == expected


@pytest.mark.parametrize("size", [1, 5, 100])
def test_a_run_that_is_begun_again_at_its_end_makes_nothing_anew(
    size: int, whole: Mapping[str, str], tmp_path: Path
) -> None:
    first = run_in(tmp_path, size).held()
    stamps = {path: path.stat().st_mtime_ns for path in first.folder.path.rglob("*.*") if "errors" not in path.name}
    again = run_in(tmp_path, 3)
    assert [step for step in again.working() if step in MAPS] == []
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert first.digests() == again.digests() == whole


def pieces_of(step: str) -> list[str]:
    kinds = {
        "forecast": ("rows", "errors", "runs", "outcomes"),
        "combine": ("rows", "scores", "months", "widths", "scales"),
        "publish": ("months",),
    }
    return [f"{step}/00000004-00000008.{kind}.arrow" for kind in kinds[step]]


PARTS = [
    f"made/{folder}/00000004-00000008.parquet"
    for folder in ("fleet_forecast", "fold_forecast", "tournament/forecast_parquet")
]
SPOILT: dict[str, Callable[[Path], object]] = {
    "is gone": lambda path: path.unlink(),
    "is empty": lambda path: path.write_bytes(b""),
    "is half there": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "is something else": lambda path: path.write_bytes(b"ARROW1" * 20),
}


@pytest.mark.sweep(keep=12)
@pytest.mark.parametrize("how", list(SPOILT))
@pytest.mark.parametrize("name", [*(name for step in MAPS for name in pieces_of(step)), *PARTS])
def test_a_doubtful_file_is_made_anew(
    name: str, how: str, whole: Mapping[str, str], ended: Callable[[int], ByHand], tmp_path: Path
) -> None:
    first = ended(4)
    SPOILT[how](first.folder.path / name)
    again = run_in(tmp_path, 4)
    steps = [step for step in again.working() if step in MAPS]
    if name.startswith("forecast"):
        assert steps == list(MAPS), "and what rests on it, of its part alone"
    else:
        assert steps == ["publish" if name.startswith(("publish", "made/tournament")) else "combine"]
    assert again.digests() == whole


def test_what_others_put_beside_the_files_of_a_run_is_none_of_it(
    whole: Mapping[str, str], ended: Callable[[int], ByHand], tmp_path: Path
) -> None:
    first = ended(4)
    for name in (name for step in MAPS for name in pieces_of(step)):
        sound = first.folder.path / name
        stem, *kind = sound.name.split(".")
        sound.rename(sound.with_name(".".join([f"{stem} (conflicted copy)", *kind])))
    assert run_in(tmp_path, 4).held().digests() == whole


@pytest.mark.parametrize("of", ["weights", "decisions"])
@pytest.mark.parametrize("spoil", [lambda path: path.write_text("another"), lambda path: path.unlink()])
def test_what_was_made_with_other_weights_or_decisions_is_made_anew(
    of: str, spoil: Callable[[Path], object], whole: Mapping[str, str], ended: Callable[[int], ByHand], tmp_path: Path
) -> None:
    first = ended(5)
    spoil(first.folder.path / of / "digest")
    again = run_in(tmp_path)
    made = {step for step in again.working() if step in MAPS}
    assert made == ({"combine"} if of == "weights" else {"publish"})
    assert again.digests() == whole


@pytest.mark.parametrize("how", ["is gone", "is empty", "is half there", "is something else"])
@pytest.mark.parametrize(
    "name", ["weights/shares.npy", "weights/contested.npy", "decisions/champion.npy", "decisions/upper.npy"]
)
def test_what_a_reduction_handed_on_is_checked_before_it_is_trusted(
    name: str, how: str, whole: Mapping[str, str], ended: Callable[[int], ByHand], tmp_path: Path
) -> None:
    first = ended(5)
    for part in first.folder.publish.iterdir():
        part.unlink()  # so that there is something left to do
    SPOILT[how](first.folder.path / name)
    assert run_in(tmp_path).held().digests() == whole


def test_what_half_a_reduction_has_handed_on_is_not_trusted(whole: Mapping[str, str], tmp_path: Path) -> None:
    first = run_in(tmp_path)
    for step in first.working():
        if step == "learn":
            break
    np.save(first.folder.weights / "shares.npy", np.zeros((1, 1)))
    (first.folder.weights / "digest").unlink()
    assert run_in(tmp_path).held().digests() == whole


@pytest.mark.parametrize("how", [*SPOILT, "is full of noughts"])
@pytest.mark.parametrize(("name", "rests"), [("weights/shares.npy", "combine"), ("decisions/lower.npy", "publish")])
def test_what_a_reduction_has_handed_on_and_the_disk_has_lost_is_handed_on_anew(
    name: str, rests: str, how: str, whole: Mapping[str, str], ended: Callable[[int], ByHand], tmp_path: Path
) -> None:
    first = ended(5)
    noughts = {
        "is full of noughts": lambda path: path.write_bytes(path.read_bytes()[:128].ljust(path.stat().st_size, b"\0"))
    }
    {**SPOILT, **noughts}[how](first.folder.path / name)
    for done in (first.folder.path / rests).iterdir():
        done.unlink()
    assert run_in(tmp_path).held().digests() == whole


@pytest.mark.sweep(keep=8)
@pytest.mark.parametrize("with_fallback", [True, False])
@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.usefixtures("small_parts")
def test_a_series_whose_worker_died_in_the_first_attempt_is_whole_in_the_second(
    kind: str, with_fallback: bool, tmp_path: Path
) -> None:
    base = fleet_of(["restless", kind, "young"])
    first = by_hand(base, tmp_path / "run", entrants=FIELD)
    died = lost_series(first.store[1], "the worker process died", Status.WORKER_DIED, FIELD[2:], 0)
    if with_fallback:
        died.rows = [rows for rows in first.results[1].rows if rows.model == "seasonal_naive"]
    first.results = [first.results[0], died, first.results[2]]
    first.held()
    expected = by_hand(base, tmp_path / "whole", entrants=FIELD).held().digests()
    assert first.digests() != expected
    assert by_hand(base, tmp_path / "run", entrants=FIELD).held().digests() == expected


def test_other_settings_take_nothing_over(tmp_path: Path) -> None:
    first = run_in(tmp_path).held()
    other = by_hand(fleet_of(list(KINDS)), tmp_path, entrants=FIELD, interval_width=0.9)
    assert next(other.working()) == "forecast"
    assert not first.folder.path.exists(), "what nobody will take over is not left behind"


@pytest.mark.parametrize(
    "changed", [{"workers": 3}, {"chunk_size": 9}, {"series_timeout_seconds": 5.0}, {"worker_memory_mb": 9000}]
)
def test_how_the_work_is_spread_is_no_other_setting(changed: dict[str, object], tmp_path: Path) -> None:
    first = run_in(tmp_path)
    assert by_hand(fleet_of(list(KINDS)), tmp_path, entrants=FIELD, **changed).folder == first.folder


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: shutil.rmtree(folder.forecast), f"has lost the results of series 1 of {len(KINDS)}"),
        (
            lambda folder: piece_of(folder.forecast, "outcomes").unlink(),
            f"has lost the results of series 5 of {len(KINDS)}",
        ),
        (lambda folder: piece_of(folder.forecast, "rows").write_bytes(b"junk"), "rows.arrow cannot be read: "),
        (
            lambda folder: piece_of(folder.combine, "scales").unlink(),
            f"has lost the results of series 5 of {len(KINDS)}",
        ),
        (lambda folder: piece_of(folder.combine, "scores").unlink(), "scores.arrow cannot be read: "),
        (lambda folder: piece_of(folder.combine, "widths").write_bytes(b"ARROW1"), "widths.arrow cannot be read: "),
    ],
)
@pytest.mark.usefixtures("small_parts")
def test_finished_work_that_something_removes_meanwhile_is_named(
    spoil: Callable[[RunFolder], object], said: str, tmp_path: Path
) -> None:
    run = run_in(tmp_path, 4)
    for _ in run.forecast():
        pass
    working = run.combine()
    steps = list(islice(working, len(run.parts)))
    assert set(steps) == {"combine"}
    spoil(run.folder)
    with pytest.raises(StorageError, match=said) as caught:
        list(working)
    assert len(str(caught.value).splitlines()) == 1


def piece_of(folder: Path, kind: str) -> Path:
    return next(folder.glob(f"00000004-*.{kind}.arrow"))

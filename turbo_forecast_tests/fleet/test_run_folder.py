"""What a reduction hands to the next map: kept while it is the same, and nothing of what rested on another."""

from pathlib import Path

import numpy as np
import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.run_folder import RunFolder, read_broadcast

ARRAYS = {"shares": np.arange(12.0).reshape(3, 2, 2), "contested": np.array([True, False, True])}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A folder in which ARRAYS were handed on, and something was made of them."""
    made = RunFolder(tmp_path / "run")
    made.broadcast(made.weights, ARRAYS, made.combine, made.rows)
    for path in (made.combine, made.rows):
        (path / "made").touch()
    return made


def is_kept(folder: RunFolder) -> bool:
    kept = {path: (path / "made").exists() for path in (folder.combine, folder.rows)}
    assert len(set(kept.values())) == 1
    return kept[folder.rows]


def test_workers_read_what_was_handed_on(folder: RunFolder) -> None:
    found = read_broadcast(folder.weights)
    assert set(found) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_the_same_again_leaves_what_was_made_of_it(folder: RunFolder) -> None:
    folder.broadcast(
        folder.weights, {name: array.copy() for name, array in ARRAYS.items()}, folder.combine, folder.rows
    )
    assert is_kept(folder)


@pytest.mark.parametrize(
    "other",
    [
        ARRAYS | {"shares": ARRAYS["shares"] + 2**-50 * np.eye(2)},
        ARRAYS | {"shares": ARRAYS["shares"].reshape(3, 4)},
        ARRAYS | {"shares": ARRAYS["shares"].astype(np.float32)},
        ARRAYS | {"contested": np.array([True, False, False])},
        {"shares": ARRAYS["shares"]},
        {"shares": ARRAYS["shares"], "other": ARRAYS["contested"]},
    ],
    ids=["another value", "another shape", "another type", "another flag", "one less", "another name"],
)
def test_anything_else_removes_what_was_made_of_it(other: dict[str, np.ndarray], folder: RunFolder) -> None:
    folder.broadcast(folder.weights, other, folder.combine, folder.rows)
    assert not is_kept(folder)
    assert set(read_broadcast(folder.weights)) == set(other)
    assert folder.combine.is_dir(), "for what will be made"


def test_where_nan_is_handed_on_it_is_the_same_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for _ in range(2):
        folder.broadcast(folder.decisions, {"lower": np.array([np.nan, 1.0])}, folder.publish)
        assert not (folder.publish / "made").exists() or _ == 1
        (folder.publish / "made").touch()
    assert (folder.publish / "made").exists()


def test_what_was_handed_on_by_half_is_not_trusted(folder: RunFolder) -> None:
    (folder.weights / "digest").unlink()
    folder.broadcast(folder.weights, ARRAYS, folder.combine, folder.rows)
    assert not is_kept(folder)


def test_what_rests_on_something_else_is_left_alone(folder: RunFolder) -> None:
    folder.broadcast(folder.decisions, {"champion": np.zeros(3)}, folder.publish)
    assert is_kept(folder)
    assert set(read_broadcast(folder.weights)) == set(ARRAYS)


@pytest.mark.parametrize("content", [b"", b"junk", b"\x93NUMPY"])
def test_an_array_that_cannot_be_read_is_one_sentence(content: bytes, folder: RunFolder) -> None:
    (folder.weights / "shares.npy").write_bytes(content)
    with pytest.raises(StorageError, match="weights cannot be read: .*; run the month again") as caught:
        read_broadcast(folder.weights)
    assert len(str(caught.value).splitlines()) == 1

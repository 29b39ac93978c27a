"""What numba unpickles must be our own: folders that others own or can write to are passed over."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from turbo_forecast.turbo_prophet import cache
from turbo_forecast.turbo_prophet.cache_permissions import why_untrusted

STRANGER = 12_345
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")


@pytest.fixture
def kernels(tmp_path: Path) -> Path:
    """`base/kernels` with a file as numba leaves it, all of it ours alone."""
    folder = tmp_path / "home" / "base" / "kernels"
    (folder / "package_1").mkdir(parents=True)
    (folder / "package_1" / "solver.nbi").write_bytes(b"")
    for path in (folder, *list(folder.parents)[:2]):
        path.chmod(0o700)
    (folder / "package_1").chmod(0o775)  # numba's own folder, with a group's usual umask: nobody gets that far
    return folder


def test_a_folder_of_ones_own_is_trusted(kernels: Path) -> None:
    assert why_untrusted(kernels) is None
    assert why_untrusted(kernels.parent / "not there yet" / "kernels") is None


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o702, 0o1777])
def test_a_folder_that_others_can_write_to_is_not(mode: int, kernels: Path) -> None:
    kernels.chmod(mode)
    assert why_untrusted(kernels) == f"others can write to {kernels}"


@pytest.mark.parametrize("up", [1, 2, 3])
def test_nor_one_whose_place_others_can_give_to_another(up: int, kernels: Path) -> None:
    above = kernels.parents[up - 1]
    above.chmod(0o777)
    assert why_untrusted(kernels) == f"others can write to {above}"
    assert why_untrusted(above / "not there yet" / "kernels") == f"others can write to {above}"
    above.chmod(0o1777)  # sticky, as /tmp is: what is ours in it stays ours
    assert why_untrusted(kernels) is None
    above.chmod(0o700)


def test_where_others_can_enter_every_file_must_be_ours_alone_to_write(kernels: Path) -> None:
    kernels.chmod(0o755)
    assert why_untrusted(kernels) == f"others can write to {kernels / 'package_1'}"
    (kernels / "package_1").chmod(0o755)
    assert why_untrusted(kernels) is None
    (kernels / "package_1" / "solver.nbi").chmod(0o666)
    assert why_untrusted(kernels) == f"others can write to {kernels / 'package_1' / 'solver.nbi'}"


@as_root
@pytest.mark.parametrize("which", ["package_1/solver.nbi", "package_1", ".", "..", "../.."])
def test_what_belongs_to_another_user_is_not_trusted(which: str, kernels: Path) -> None:
    path = Path(os.path.normpath(kernels / which))
    os.chown(path, STRANGER, STRANGER)
    assert why_untrusted(kernels) == f"{path} belongs to user {STRANGER}"


@pytest.mark.parametrize("which", [".", "..", "package_1", "package_1/solver.nbi"])
def test_a_link_to_elsewhere_is_not_trusted(which: str, kernels: Path, tmp_path: Path) -> None:
    path = Path(os.path.normpath(kernels / which))
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert why_untrusted(kernels) == f"{path} is a symbolic link"


def test_a_linked_home_is_judged_by_where_it_leads(kernels: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to("home")
    assert why_untrusted(tmp_path / "linked" / "base" / "kernels") is None
    (tmp_path / "home").chmod(0o777)
    assert why_untrusted(tmp_path / "linked" / "base" / "kernels") == f"others can write to {tmp_path / 'home'}"
    (tmp_path / "home").chmod(0o700)


@as_root
def test_a_link_that_another_user_can_turn_is_not_followed(kernels: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to("home")
    os.chown(tmp_path / "linked", STRANGER, STRANGER, follow_symlinks=False)
    assert (
        why_untrusted(tmp_path / "linked" / "base" / "kernels") == f"{tmp_path / 'linked'} belongs to user {STRANGER}"
    )


@pytest.mark.parametrize("spoil", [lambda path: path.chmod(0o777), lambda path: path.rename(path.with_name("other"))])
def test_the_next_folder_is_taken_and_none_is_made_through_anothers_link(
    spoil: Callable[[Path], object], kernels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(kernels.parent)
    if not kernels.parent.exists():
        (tmp_path / "target").mkdir()
        kernels.parent.symlink_to(tmp_path / "target")
    good = tmp_path / "good" / "new" / "kernels"
    monkeypatch.setattr(cache, "_candidates", lambda: [kernels, good])
    assert cache.cache_folder.__wrapped__() == good
    assert (good.stat().st_mode & 0o777, good.parent.stat().st_mode & 0o777) == (0o700, 0o700)
    assert len(cache.refusals()) == 1
    assert not (tmp_path / "target").exists() or not list((tmp_path / "target").iterdir())
    monkeypatch.setattr(cache, "_candidates", lambda: [kernels])
    assert cache.cache_folder.__wrapped__() is None


def test_without_a_folder_kernels_are_compiled_in_memory_and_a_person_is_told_why(
    kernels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels.chmod(0o777)
    monkeypatch.setattr(cache, "_candidates", lambda: [kernels])
    monkeypatch.setattr(cache, "cache_folder", cache.cache_folder.__wrapped__)  # it remembers what it found before
    said: list[str] = []
    cache.ensure_compiled(said.append)
    assert said == [
        f"compiled kernels are not kept where they could be: others can write to {kernels}",
        "there is no folder for compiled kernels: each worker compiles its own, which takes a while",
    ]

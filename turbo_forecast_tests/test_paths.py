"""A path that exists is meant as it is written; a pattern is one only where nothing has that name."""

from pathlib import Path

import pytest

from turbo_forecast.paths import files_matching


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for folder in ("g1", "g[1]", "g*", "plain"):
        for name in ("a.csv", "b.csv"):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("g[1]/*.csv", ["g[1]/a.csv", "g[1]/b.csv"]),
        ("g[1]/a.csv", ["g[1]/a.csv"]),
        ("g*/b.csv", ["g*/b.csv"]),
        ("g?/b.csv", ["g*/b.csv", "g1/b.csv"]),
        ("**/a.csv", ["g*/a.csv", "g1/a.csv", "g[1]/a.csv", "plain/a.csv"]),
        ("g[2]/*.csv", []),
        ("g1", []),
    ],
)
def test_a_folder_that_exists_is_no_pattern(pattern: str, found: list[str], tree: Path) -> None:
    assert files_matching(str(tree / pattern)) == [str(tree / name) for name in found]


def test_a_relative_pattern_gives_relative_paths(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    assert files_matching("g[1]/*.csv") == ["g[1]/a.csv", "g[1]/b.csv"]
    assert files_matching("*1/a.csv") == ["g1/a.csv"]

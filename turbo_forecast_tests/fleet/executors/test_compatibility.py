"""Whether another machine would compute the same numbers."""

from pathlib import Path

import pytest

from turbo_forecast.fleet.executors.compatibility import installed_here, mismatch, unusable_entrants
from turbo_forecast.settings import forecast_settings

WANTED = {"Python": "3.11", "numpy": "2.3.1", "polars": "1.40.0", "the code of my.models": "0123456789ab"}


def test_equal_machines_fit() -> None:
    assert mismatch(WANTED, dict(WANTED)) is None


def test_more_packages_than_the_run_has_do_no_harm() -> None:
    assert mismatch(WANTED, {**WANTED, "prophet": "1.1"}) is None


def test_each_difference_is_told_with_both_versions() -> None:
    said = mismatch(WANTED, {**WANTED, "numpy": "1.26.0", "polars": "0.20"})
    assert said == "has numpy 1.26.0 where the run has 2.3.1, polars 0.20 where the run has 1.40.0"


def test_what_is_missing_is_told() -> None:
    own = {name: each for name, each in WANTED.items() if name != "numpy"}
    assert mismatch(WANTED, own) == "has no numpy (the run has 2.3.1)"


def test_other_code_of_an_entrant_does_not_fit_and_missing_code_is_told_by_its_import() -> None:
    assert "the code of my.models" in str(mismatch(WANTED, {**WANTED, "the code of my.models": "ba9876543210"}))
    assert mismatch(WANTED, {**WANTED, "the code of my.models": ""}) is None


def test_dagster_does_not_decide_what_a_worker_computes() -> None:
    own = installed_here(forecast_settings())
    assert "dagster" not in own
    assert {"Python", "numpy", "numba", "polars", "the code of turbo_forecast"} <= set(own)


def test_code_of_an_entrant_from_elsewhere_is_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    settings = forecast_settings(entrants=["own_models_of_a_test:build"])
    (tmp_path / "own_models_of_a_test.py").write_text("build = 1\n")
    first = installed_here(settings)
    (tmp_path / "own_models_of_a_test.py").write_text("build = 2\n")
    assert mismatch(first, installed_here(settings)) is not None


@pytest.mark.parametrize(
    ("entrant", "said"),
    [
        ("nowhere_to_be_found:build", "cannot import nowhere_to_be_found, which the entrant nowhere_to_be_found:build"),
        ("turbo_forecast_tests.fleet.entrants:naive", None),
        ("seasonal_naive", None),
    ],
)
def test_an_entrant_that_cannot_be_imported_is_named(entrant: str, said: str | None) -> None:
    told = unusable_entrants(forecast_settings(entrants=[entrant]))
    assert (told is None) if said is None else str(told).startswith(said)


def test_outside_models_files_must_be_seen(tmp_path: Path) -> None:
    told = unusable_entrants(forecast_settings(external={"lstm": str(tmp_path / "none.parquet")}))
    assert str(told).startswith("cannot work with the run's settings: external.lstm: there is no file")

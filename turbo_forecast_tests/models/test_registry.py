"""Who may take part: single entrants, combinations, outside models, and what is refused before any work."""

from importlib import import_module

import pytest

from turbo_forecast.errors import SettingsError
from turbo_forecast.models.registry import (
    ENTRANTS,
    NEVER_FAIL,
    build_entrant,
    builder,
    check_entrants,
    module_of,
    prepare_entrants,
)
from turbo_forecast.settings import COMBINATIONS, DEFAULT_ENTRANTS, forecast_settings


def test_the_default_field_can_take_part() -> None:
    settings = forecast_settings()
    check_entrants(settings)
    assert set(DEFAULT_ENTRANTS) <= set(ENTRANTS) | set(COMBINATIONS)
    assert settings.singles == [name for name in DEFAULT_ENTRANTS if name not in COMBINATIONS]


@pytest.mark.parametrize("name", [name for name in ENTRANTS if "nixtla" not in ENTRANTS[name]])
def test_every_line_of_the_registry_builds_something_that_projects(name: str) -> None:
    assert callable(build_entrant(name, forecast_settings()).project)
    assert hasattr(import_module(module_of(name)), ENTRANTS[name].partition(":")[2])


def test_the_fallback_always_takes_part_and_combinations_are_not_single() -> None:
    settings = forecast_settings(entrants=["weighted", "recent_level", "median"])
    assert settings.singles == ["recent_level", "seasonal_naive"]


@pytest.mark.parametrize("name", COMBINATIONS)
def test_a_combination_has_no_builder(name: str) -> None:
    with pytest.raises(SettingsError, match=f"no entrant '{name}'"):
        builder(name)


@pytest.mark.parametrize("name", COMBINATIONS)
def test_a_combination_needs_two_to_combine(name: str) -> None:
    with pytest.raises(SettingsError, match=f"'{name}' combines two others or more; there is only 'seasonal_naive'"):
        check_entrants(forecast_settings(entrants=[name]))
    check_entrants(forecast_settings(entrants=[name, "recent_level"]))


@pytest.mark.parametrize("fallback", ["prophet", *COMBINATIONS])
def test_the_fallback_is_one_that_never_fails(fallback: str) -> None:
    for entrants in (["recent_level"], ["median"], ["median", "recent_level", "prophet"]):
        with pytest.raises(SettingsError, match="fallback: must be one that never fails"):
            check_entrants(forecast_settings(entrants=entrants, fallback=fallback))


@pytest.mark.parametrize("fallback", NEVER_FAIL)
def test_whoever_never_fails_can_be_the_fallback(fallback: str) -> None:
    check_entrants(forecast_settings(entrants=["prophet"], fallback=fallback))


def test_what_entrants_share_is_prepared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("turbo_forecast.turbo_prophet.cache.cache_folder", lambda: None)
    entrants = ["median", "reverting_level", "reverting_season", "recent_level"]
    prepare_entrants(forecast_settings(entrants=entrants), said.append)
    assert len(said) == 1


def test_tuned_prophets_have_prophets_preparation() -> None:
    prophet = import_module(module_of("prophet")).prepare
    assert import_module(module_of("prophet_smooth")).prepare is prophet

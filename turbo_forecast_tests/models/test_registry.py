"""Who may take part: base models, combinations, external models, and what is refused before any work."""

import sys
from importlib import import_module
from pathlib import Path

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
    assert settings.base_models == [name for name in DEFAULT_ENTRANTS if name not in COMBINATIONS]


@pytest.mark.parametrize("name", [name for name in ENTRANTS if "nixtla" not in ENTRANTS[name]])
def test_every_line_of_the_registry_builds_something_that_projects(name: str) -> None:
    assert callable(build_entrant(name, forecast_settings()).forecast)
    assert hasattr(import_module(module_of(name)), ENTRANTS[name].partition(":")[2])


def test_the_fallback_always_takes_part_and_combinations_are_not_single() -> None:
    settings = forecast_settings(entrants=["weighted", "recent_level", "median"])
    assert settings.base_models == ["recent_level", "seasonal_naive"]


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


def test_tuned_prophets_share_the_preparation_of_prophet_and_of_the_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("turbo_forecast.turbo_prophet.cache.cache_folder", lambda: None)
    prepare_entrants(forecast_settings(entrants=["prophet", "prophet_smooth", "prophet_linear"]), said.append)
    assert len(said) == 2
    prepare_entrants(forecast_settings(entrants=["prophet"]), said.append)
    assert len(said) == 3


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("profet", "did you mean prophet"),
        ("Seasonal-Naive", "did you mean seasonal_naive"),
        ("reverting", "did you mean reverting_level"),
        ("zzz", "there are auto_arima, auto_ets"),
        ("", "there is no entrant ''"),
        *(
            (name, "is not a name that can be imported")
            for name in (":x", ".x:y", "a:b:c", "x:", "a..b:c", "a b:c", "a/b:c")
        ),
        ("no_such_package:build", "No module named 'no_such_package'"),
        ("__main__:build", "workers cannot see a script"),
        ("os:system", "it is a function of Python's own library"),
        ("json:dumps", "it is a function of Python's own library"),
        ("sys:path", "it is list, not a function"),
        ("turbo_forecast.models.seasonal_naive:bild", "its module has no bild; did you mean build"),
        ("turbo_forecast.settings:ForecastSettings", "ForecastSettings has no method forecast"),
        ("turbo_forecast.settings:load_settings", "Settings has no method forecast"),
        ("turbo_forecast.settings:COMBINATIONS", "it is tuple, not a function"),
    ],
)
def test_a_name_that_leads_to_no_entrant_is_one_sentence(name: str, said: str) -> None:
    with pytest.raises(SettingsError, match="^entrants: ") as caught:
        check_entrants(forecast_settings(entrants=[name]))
    assert said in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def build(settings:\n", "its module has a syntax error in line 1"),
        ("import sys\nsys.exit(0)\n", "its module ends the program when it is imported"),
        ("raise SystemExit('bye')\n", "its module ends the program"),
        ("raise ValueError('not\\ntoday')\n", "its module raised ValueError: not today"),
        ("1 / 0\n", "its module raised ZeroDivisionError: division by zero"),
        ("import broken_entrant\nbroken_entrant.build\n", "partially initialized module"),
        ("def f(): f()\nf()\n", "its module calls itself without end"),
        ("import no_such_thing\n", "No module named 'no_such_thing'"),
        ("x = 1\n", "its module has no build"),
        ("build = 3\n", "it is int, not a function"),
        ("def build(): ...\n", "it must take one argument, the settings"),
        ("def build(settings, more): ...\n", "it must take one argument"),
        ("class build:\n    def __init__(self, settings): ...\n", "build has no method forecast"),
        ("def build(settings) -> str: ...\n", "str has no method forecast"),
        ("\0", "cannot be imported"),
    ],
)
def test_a_module_that_cannot_be_imported_or_builds_nothing_is_one_sentence(
    source: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_entrant.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "broken_entrant", raising=False)
    with pytest.raises(SettingsError, match="^entrants: 'broken_entrant:build'") as caught:
        check_entrants(forecast_settings(entrants=["prophet", "broken_entrant:build"]))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "source",
    [
        "class Mine:\n    def forecast(self, window): ...\ndef build(settings): return Mine()\n",
        "class build:\n    def __init__(self, settings): ...\n    def forecast(self, window): ...\n",
        "def build(settings: 'NotImported') -> 'NorThis': ...\n",
        "from functools import partial\ndef make(level, settings): ...\nbuild = partial(make, 3)\n",
        "build = lambda settings, level=3: None\n",
    ],
)
def test_whatever_may_build_an_entrant_takes_part(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sound_entrant.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sound_entrant", raising=False)
    check_entrants(forecast_settings(entrants=["prophet", "sound_entrant:build"]))


@pytest.mark.parametrize(
    "name", ["", " ", "a/b", "..", "../x", "a\\b", "a:b", "a;b", "a\tb", " lstm", "lstm ", "x" * 65]
)
def test_an_external_models_name_is_a_plain_one(name: str) -> None:
    with pytest.raises(SettingsError, match="external.*(cannot be a name|control characters)"):
        check_entrants(forecast_settings(external={name: "x.parquet"}))


@pytest.mark.parametrize("name", ["prophet", "median", "champion", "seasonal_naive"])
def test_an_external_models_name_is_nobody_elses(name: str) -> None:
    with pytest.raises(SettingsError, match=f"external: '{name}' is a name that is taken"):
        check_entrants(forecast_settings(entrants=["recent_level"], external={name: "x.parquet"}))

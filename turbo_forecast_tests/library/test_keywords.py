"""Options of `forecast_fleet` are completed, explained and checked where a person writes them, from one source."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from turbo_forecast import forecast_fleet
from turbo_forecast.errors import SettingsError, TelemetryError
from turbo_forecast.library.keywords import taking_forecast_options
from turbo_forecast.settings import ExecutorSettings, ForecastSettings, OutlookSettings
from turbo_forecast.settings.keywords import ExecutorOptions, ForecastOptions, OutlookOptions

ROOT = Path(__file__).resolve().parents[2]
PAIRS = [
    (ForecastSettings, ForecastOptions),
    (OutlookSettings, OutlookOptions),
    (ExecutorSettings, ExecutorOptions),
]
SECTIONS = [
    ("Options", ForecastSettings),
    ("Fields of executor", ExecutorSettings),
    ("Fields of outlook", OutlookSettings),
]
NESTED = {ExecutorSettings: ExecutorSettings | ExecutorOptions}
"""A section within another may be given as an object or by its fields' names."""


@pytest.mark.parametrize(("options", "keywords"), PAIRS)
def test_the_keywords_are_the_options_and_have_their_types(options: Any, keywords: Any) -> None:
    own = {name: hint for name, hint in get_type_hints(options).items() if name in options.model_fields}
    assert list(get_type_hints(keywords)) == list(options.model_fields)
    assert get_type_hints(keywords) == {
        name: NESTED[hint] if isinstance(hint, type) and hint in NESTED else hint for name, hint in own.items()
    }


def test_the_signature_lists_every_option_with_its_default_and_type() -> None:
    parameters = inspect.signature(forecast_fleet).parameters
    assert list(parameters)[:7] == ["base", "cutoff", "groups", "plans", "log", "client", "outlook"]
    assert list(parameters)[7:] == list(ForecastSettings.model_fields)
    assert {each.kind for each in list(parameters.values())[2:]} == {inspect.Parameter.KEYWORD_ONLY}
    assert {name: parameters[name].default for name in ForecastSettings.model_fields} == ForecastSettings().model_dump()
    assert parameters["train_months"].annotation is int


def test_a_default_in_the_signature_is_no_door_to_the_settings_own() -> None:
    inspect.signature(forecast_fleet).parameters["entrants"].default.append("spoilt")
    try:
        assert "spoilt" not in ForecastSettings().entrants
    finally:
        inspect.signature(forecast_fleet).parameters["entrants"].default.pop()


@pytest.mark.parametrize(("title", "options"), SECTIONS)
def test_the_docstring_explains_every_option_in_the_settings_own_words(title: str, options: Any) -> None:
    text = " ".join(str(forecast_fleet.__doc__).split())
    listed = text.partition(f" {title} {'-' * len(title)} ")[2]
    for name, default in options().model_dump().items():
        words = " ".join(str(options.model_fields[name].description).split())
        assert f"default {default!r} {words}." in listed.partition(f"{name} : ")[2], name


def test_a_function_without_a_docstring_gets_the_list_alone() -> None:
    def silent(base: object, **options: object) -> None: ...

    assert str(taking_forecast_options(silent).__doc__).lstrip().startswith("Options\n-------\ntrain_months : int")


def test_the_function_stays_itself() -> None:
    def answer(**options: object) -> dict[str, object]:
        return options

    assert taking_forecast_options(answer) is answer
    assert answer(folds=2) == {"folds": 2}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"trian_months": 3}, "trian_months: is no option; did you mean train_months?"),
        ({"n_jobs": 3}, "n_jobs: is no option; did you mean workers?"),
        ({"train_months": "three"}, "train_months: must be a whole number, not 'three'"),
        ({"outlook": {"threshold": [80]}}, "threshold: is no option; did you mean thresholds?"),
        ({"outlook": [80, 90]}, "outlook must be OutlookSettings, or its fields by name"),
        ({"outlook": {80: 90}}, "outlook must be OutlookSettings, or its fields by name"),
        ({"outlook": "plans.csv"}, "not 'plans.csv'"),
    ],
)
def test_a_wrong_option_is_told_in_a_sentence_before_any_work(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as error:
        forecast_fleet(None, "2025-12", **wrong)
    assert said in str(error.value)


def test_jupyters_completion_offers_the_options() -> None:
    jedi = pytest.importorskip("jedi", reason="jedi, which completes in Jupyter, is not installed")
    offered = jedi.Interpreter("forecast_fleet(base, cutoff, interval_", [{"forecast_fleet": forecast_fleet}])
    assert {each.name for each in offered.complete()} >= {"interval_width=", "interval_widths="}


CALLS = """
from datetime import date
from turbo_forecast import forecast_fleet

result = forecast_fleet(None, date(2025, 12, 31), train_months=12, engine="turbo", outlook={"thresholds": [80.0]})
reveal_type(result)
forecast_fleet(None, "2025-12", trian_months=12)
forecast_fleet(None, "2025-12", engine="fast")
forecast_fleet(None, "2025-12", outlook={"threshold": [80.0]})
"""


@pytest.mark.slow
def test_a_type_checker_knows_the_options_and_refuses_wrong_ones(tmp_path: Path) -> None:
    calls, settings = tmp_path / "calls.py", tmp_path / "mypy.ini"
    calls.write_text(CALLS)
    # who else's types the package uses says nothing of its options: to read them all takes five times as long
    settings.write_text("[mypy]\nfollow_imports = skip\n[mypy-turbo_forecast.*]\nfollow_imports = silent\n")
    command = [sys.executable, "-m", "mypy", "--no-pretty", "--config-file", str(settings), "--cache-dir", os.devnull]
    done = subprocess.run([*command, str(calls)], cwd=ROOT, capture_output=True, text=True, check=False)
    found = re.finditer(r"^.*calls\.py:(\d+): error:.*$", done.stdout, re.MULTILINE)
    errors = {line[1]: line[0] for line in found}
    assert list(errors) == ["7", "8", "9"], done.stdout + done.stderr
    assert "trian_months" in errors["7"]
    assert "Literal['fast']" in errors["8"]
    assert "outlook" in errors["9"]
    assert "turbo_forecast.library.result.FleetResult" in done.stdout


def test_the_package_tells_type_checkers_that_it_has_types() -> None:
    assert (ROOT / "turbo_forecast" / "py.typed").is_file()


def test_the_former_name_of_log_is_taken_with_a_warning() -> None:
    """What follows is refused for its base, before any work."""
    with (
        pytest.warns(DeprecationWarning, match="forecast_fleet: say is called log now"),
        pytest.raises(TelemetryError, match="base must be"),
    ):
        forecast_fleet(3, "2025-12", say=print)  # type: ignore[call-arg]  # what is tried here

"""What is public is what docs/public-api.md says: every name on it is there, and no other is exported."""

import importlib
import re

import pytest

import turbo_forecast
from turbo_forecast.commands import exit_codes
from turbo_forecast_tests import public_names

pytestmark = pytest.mark.xdist_group("definitions")  # which the page's names of assets are read from


def test_the_page_lists_exactly_what_is_exported() -> None:
    page = public_names.PAGE.read_text()
    assert page == public_names.written(page), "python -m turbo_forecast_tests.public_names writes the page anew"


def test_it_is_one_page() -> None:
    assert len(public_names.PAGE.read_text().splitlines()) <= 120


def test_every_exported_name_is_there_and_shown_to_those_who_complete() -> None:
    assert set(turbo_forecast.__all__) == set(turbo_forecast._HOMES)
    assert set(turbo_forecast.__all__) <= set(dir(turbo_forecast))
    for name, home in turbo_forecast._HOMES.items():
        assert getattr(turbo_forecast, name) is getattr(importlib.import_module(home), name)
    with pytest.raises(AttributeError, match="has no attribute 'forecast_flet'"):
        turbo_forecast.forecast_flet  # noqa: B018


def test_modules_for_extensions_define_what_is_listed() -> None:
    for module in public_names.FOR_EXTENSIONS:
        loaded = importlib.import_module(f"turbo_forecast.{module}")
        assert all(hasattr(loaded, name) for name in public_names._defined(module))


def test_the_exit_codes_are_those_of_commands() -> None:
    codes = re.findall(r"^\| `(\d)` \|", public_names.PAGE.read_text(), re.MULTILINE)
    assert [int(code) for code in codes] == [exit_codes.DONE, exit_codes.NO, exit_codes.FAILED]

"""Telemetry in any dialect is read to the truth, or refused in one sentence; there is no third thing.

TURBO_FORECAST_DIALECTS is how many dialects are tried; above the suite's own number they are drawn anew each time.
"""

import contextlib
import io
import os
import re
import tempfile
import unicodedata
import warnings
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from turbo_forecast.errors import TurboForecastError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.reading import read_telemetry_frames
from turbo_forecast.storage.telemetry.report import TelemetryReport
from turbo_forecast_tests.storage.telemetry.dialects import Dialect, dialects
from turbo_forecast_tests.storage.telemetry.fleets import DAY, Days
from turbo_forecast_tests.storage.telemetry.traits import DOUBTS, NULLS
from turbo_forecast_tests.storage.telemetry.writing import Truth, written

TODAY = date(2025, 12, 31)
OF_THE_SUITE = 70
BUDGET = int(os.environ.get("TURBO_FORECAST_DIALECTS", OF_THE_SUITE))


def tries(number: int) -> settings:
    """So many dialects, the same ones each time in the suite."""
    return settings(
        max_examples=max(2, number),
        derandomize=BUDGET <= OF_THE_SUITE,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@tries(BUDGET)
@given(dialects())
def test_telemetry_in_any_plain_dialect_is_read_to_the_truth(dialect):
    judge(dialect)


@pytest.mark.parametrize("doubt", DOUBTS)
@tries(BUDGET // len(DOUBTS))
@given(data=st.data())
def test_telemetry_in_doubt_is_read_to_the_truth_or_refused_in_one_sentence(data, doubt):
    event("refused" if judge(data.draw(dialects(doubt))) else "read")


def judge(dialect: Dialect) -> str:
    """Write a dialect, read it back and prove that one of two things came of it: the truth, or a sentence.

    Returns the sentence; empty where the dialect was read.
    """
    with tempfile.TemporaryDirectory() as folder:
        path, truth = written(dialect, Path(folder) / "export")
        options = known(dialect.options())
        with silence():
            try:
                base, rejects, report = read_telemetry_frames(
                    TelemetrySettings(telemetry=str(path), **options), today=TODAY
                )
            except TurboForecastError as error:
                sentence = str(error).replace(folder, "")
            else:
                sentence, truth = "", without_unprintable_hosts(truth, rejects)
                prove_truth(dialect, truth, base)
                prove_account(truth, rejects, report)
    outcome = "refused" if sentence else "read"
    assert dialect.outcome in ("either", outcome), f"has to be {dialect.outcome}, is {outcome}: {sentence}"
    if sentence:
        prove_sentence(sentence, DOUBTS[dialect.doubt].names)
    return sentence


def known(options):
    return {name: value for name, value in options.items() if name in TelemetrySettings.model_fields}


def without_unprintable_hosts(truth: Truth, rejects: pl.DataFrame) -> Truth:
    """The truth, less the hosts whose names have control characters if these are rejected for it."""
    if "control character in a name" in rejects["reason"]:
        for host in [host for host in truth.values_of if not host.isprintable()]:
            truth = truth.without(host)
    return truth


@contextlib.contextmanager
def silence():
    """Prove that nothing is printed inside and nobody is warned."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    assert not printed.getvalue(), f"printed: {printed.getvalue()}"


def prove_sentence(sentence: str, names: str) -> None:
    """A refusal is short, has no control characters, and names what it is about."""
    assert 20 < len(sentence) < 300, f"{len(sentence)} characters: {sentence}"
    control = [letter for letter in sentence if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")]
    assert not control, f"control characters {control}: {sentence!r}"
    assert re.search(names, sentence), f"nothing of {names}: {sentence}"


def prove_truth(dialect: Dialect, truth: Truth, base: pl.DataFrame) -> None:
    """The base table has the true days and no other; values are exact, or at 1e-9 where arithmetic rounds."""
    found = {(host, resource, day): y for host, resource, day, y in base.iter_rows()}
    assert len(found) == base.height, "a day is there twice"
    assert found.keys() == truth.days.keys(), differing(found, truth.days)
    tolerance = 0.0 if dialect.fleet.grain == DAY and dialect.unit == "percent" else 1e-9
    wrong = {key: (y, truth.days[key]) for key, y in found.items() if not abs(y - truth.days[key]) <= tolerance}
    assert not wrong, f"{len(wrong)} of {len(found)} values differ, (found, true): {dict(list(wrong.items())[:3])}"


def differing(found: Days, true: Days) -> str:
    """The first few days that are on one side only."""
    more, less = sorted(found.keys() - true.keys()), sorted(true.keys() - found.keys())
    return f"{len(more)} days too many, such as {more[:3]}; {len(less)} missing, such as {less[:3]}"


def prove_account(truth: Truth, rejects: pl.DataFrame, report: TelemetryReport) -> None:
    """Every value that is not in the base table is among the rejects; every column left out is named."""
    assert report.values_kept == truth.kept
    assert report.values_read == report.values_kept + rejects.height
    empty = rejects["value"].fill_null("").str.to_lowercase().is_in([null.lower() for null in NULLS])
    counts = dict(rejects.filter(~empty)["reason"].value_counts().iter_rows())
    assert sum(counts.values()) == truth.rejected, f"{truth.rejected} values had to be rejected: {counts}"
    said = f"{report.ignored_columns} {report.describe()}".casefold()
    assert all(name in said for name in truth.left_out), f"not all of {truth.left_out} are in {said}"

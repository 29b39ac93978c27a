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
from datetime import date, time
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from turbo_forecast.errors import TurboForecastError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.reading import read_telemetry_frames
from turbo_forecast.storage.telemetry.report import TelemetryReport
from turbo_forecast_tests.storage.telemetry.dialects import Dialect, consistent, dialects
from turbo_forecast_tests.storage.telemetry.fleets import DAY, Days, Fleet
from turbo_forecast_tests.storage.telemetry.traits import DOUBTS, NULLS, RESOURCES
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


@pytest.mark.slow
@tries(BUDGET)
@given(dialects())
def test_telemetry_in_any_plain_dialect_is_read_to_the_truth(dialect):
    judge(dialect)


@pytest.mark.parametrize("doubt", DOUBTS)
@tries(BUDGET // len(DOUBTS))
@given(data=st.data())
def test_telemetry_in_doubt_is_read_to_the_truth_or_refused_in_one_sentence(data, doubt):
    event("refused" if judge(data.draw(dialects(doubt))) else "read")


FOUND = {
    "a line sep=; before the header is no header": {"junk": "sep=", "delimiter": ";"},
    "blank lines before, among and after the rows are nothing": {"junk": "blank lines", "encoding": "utf-8-sig"},
    "quotes of a header are undone after comments": {"junk": "comments", "kind": "tsv", "names": "own", "label": "os"},
    "a delimiter at the end of every line is no column": {"junk": "trailing delimiter", "delimiter": ";"},
    "lines said to be none are skipped": {"junk": "metadata", "quoting": "all"},
    "UTF-16 is read when it is named": {"encoding": "utf-16", "family": "Unicode"},
    "UTF-16 without a mark is one sentence": {"doubt": "encoding unset", "encoding": "utf-16-le", "family": "Latin"},
    "a label from the second file on is left out": {"late": "label", "kind": "csv+parquet"},
    "a resource from the second file on joins": {"late": "resource", "layout": "wide"},
    "rows of a host called NA are rejects": {"stray": "lost host"},
    "hosts and resources are trimmed": {"spelling": "padded", "label": "region"},
    "one name has one Unicode form": {"spelling": "NFD", "family": "Unicode", "files": "thirds"},
    "file names have one Unicode form": {"layout": "file wide", "spelling": "NFD", "family": "Latin"},
    "a number is one host as integer and as float": {
        "spelling": "float typed",
        "family": "integers",
        "kind": "parquet",
    },
    "a number is one host in scientific notation": {"spelling": "scientific", "family": "integers"},
    "long integers are no floats": {"family": "long integers", "kind": "parquet"},
    "numbers with zeros before them stay text": {"family": "zeros", "files": "thirds"},
    "hosts that begin with # are no comments": {"doubt": "hosts like comments", "family": "hash"},
    "hosts such as 1e5 are no numbers beside words": {"doubt": "hosts like numbers", "family": "exponents"},
    "hosts that differ in case are several": {"family": "case", "layout": "file long"},
    "columns that differ in case are not renamed": {
        "doubt": "hosts differ in case alone",
        "family": "case",
        "layout": "hosts",
    },
    "four devices in another unit are one short sentence": {
        "doubt": "capacity unset",
        "unit": "capacity",
        "device": True,
    },
    "one device has its own capacity": {"unit": "capacity", "device": True, "layout": "wide", "statistic": "own"},
    "devices are named although conflicts are rejected": {
        "doubt": "device unassigned",
        "device": True,
        "duplicates": "conflicting",
    },
    "a label is named although conflicts are rejected": {
        "doubt": "varying label",
        "label": "note",
        "duplicates": "conflicting",
    },
    "files of unfinished work behind a wildcard are not read": {"doubt": "temporary files", "files": "months"},
    "a decimal comma beside a comma is read": {"number": "1,5", "layout": "wide", "quoting": "all"},
    "dots of thousands are read": {"number": "1.234,5", "unit": "capacity"},
    "two-digit years are read by their format": {"clock": "%d-%m-%y"},
    "two-digit years are no years of antiquity": {"doubt": "format unset", "clock": "%y-%m-%d"},
    "summer time's letters are no zone": {"doubt": "abbreviation", "clock": "abbreviation", "zone_is_given": True},
    "days and hours of two columns are times": {"clock": "two columns German", "grain": 3600},
}
"""What a large budget found once in readers of before, as traits of a small dialect."""


@pytest.mark.parametrize("traits", FOUND.values(), ids=FOUND)
def test_what_was_found_once_is_read_or_refused_as_any_dialect(traits):
    fleet = Fleet(0, (), RESOURCES, date(2025, 3, 20), 12, traits.get("grain", DAY), time(), "")
    own = {name: trait for name, trait in traits.items() if name != "grain"}
    dialect = consistent(Dialect(fleet, **own), lambda name, *choices: choices[-1])
    assert all(getattr(dialect, name) == trait for name, trait in own.items()), "a trait does not go with the others"
    judge(dialect)


def judge(dialect: Dialect) -> str:
    """Write a dialect, read it back and prove that one of two things came of it: the truth, or a sentence.

    Returns the sentence; empty where the dialect was read.
    """
    with tempfile.TemporaryDirectory() as folder:
        path, truth = written(dialect, Path(folder) / "export")
        options = dialect.options()
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

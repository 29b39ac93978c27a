"""What is in the wheel and in the source distribution, and what they say of themselves."""

import re
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser

import pytest
from packaging.specifiers import SpecifierSet

from turbo_forecast_tests.packaging.conftest import ROOT, Distributions

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("packaging")]

GENERATED = re.compile(r"PKG-INFO|setup\.cfg|turbo_forecast\.egg-info/.*")
"""What setuptools adds to a source distribution."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHON = "Programming Language :: Python :: "
FOR_DEVELOPERS = {"dev", "bench"}


@pytest.fixture(scope="module")
def in_wheel(distributions: Distributions) -> frozenset[str]:
    with zipfile.ZipFile(distributions.wheel) as archive:
        return frozenset(name for name in archive.namelist() if not name.endswith("/"))


@pytest.fixture(scope="module")
def metadata(distributions: Distributions, in_wheel: frozenset[str]) -> Message:
    (name,) = [name for name in in_wheel if name.endswith(".dist-info/METADATA")]
    with zipfile.ZipFile(distributions.wheel) as archive:
        return Parser().parsestr(archive.read(name).decode())


def test_the_wheel_holds_the_package_with_all_its_files_and_nothing_else(
    distributions: Distributions, in_wheel: frozenset[str]
) -> None:
    """SQL, templates, styles, texts, Dagster's files, py.typed: whatever the checkout has in the package; and no test."""
    package = {name for name in distributions.files if name.startswith("turbo_forecast/")}
    assert {"turbo_forecast/py.typed", "turbo_forecast/defs/dagster_files/dagster.yaml"} < package
    assert {name for name in in_wheel if ".dist-info/" not in name} == package


def test_the_source_distribution_is_the_checkout(distributions: Distributions) -> None:
    with tarfile.open(distributions.source) as archive:
        inside = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    assert {name for name in inside if not GENERATED.fullmatch(name)} == distributions.files


def test_the_licence_goes_with_the_wheel_and_is_named_by_its_spdx_expression(
    metadata: Message, in_wheel: frozenset[str]
) -> None:
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert [name for name in in_wheel if name.endswith(".dist-info/licenses/LICENSE")]
    assert (ROOT / "LICENSE").read_text().startswith("MIT License\n")


def test_every_python_that_is_claimed_may_install_it_and_no_other(metadata: Message) -> None:
    claimed = [
        each.removeprefix(PYTHON) for each in metadata.get_all("Classifier", []) if each.startswith(PYTHON + "3.")
    ]
    allowed = SpecifierSet(metadata["Requires-Python"])
    assert [f"3.{minor}" for minor in range(30) if f"3.{minor}.1" in allowed] == claimed
    tried = re.search(r"^PYTHONS \?= (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert tried is not None
    assert tried[1].split() == claimed, "make package tries those that are claimed"


def test_the_extra_all_is_every_extra_that_users_need() -> None:
    extras = PROJECT["optional-dependencies"]
    (everything,) = extras["all"]
    assert set(everything.partition("[")[2].rstrip("]").split(",")) == set(extras) - FOR_DEVELOPERS - {"all"}

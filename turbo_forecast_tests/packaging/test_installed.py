"""The wheel, installed where there is no checkout, on each Python that is claimed: `make package` runs this.

The dependencies are those of an environment that has them already, which the new one sees: so only the package itself is installed
anew, and nothing is fetched. Every command is started in an empty folder, without a variable of ours.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urljoin
from urllib.request import Request, urlopen

import pytest

from reference.servers.loopback import free_port, wait_for_answer
from turbo_forecast_tests.packaging.conftest import ROOT, Distributions

PYTHONS = os.environ.get("TURBO_FORECAST_PYTHONS")
"""Interpreters of further environments that have the dependencies, as `make package` names them."""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("packaging"),
    pytest.mark.skipif(PYTHONS is None, reason="`make package` tries the installed package"),
]
SITES = "import sys; print([path for path in sys.path if path.endswith('-packages')])"
LOCATIONS = "{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename } } } } }"
HALF_AN_HOUR = 30 * 60
"""The longest that a command may take on a busy machine, in seconds: the first run compiles all kernels."""
LIBRARY = """
from datetime import date
import polars as pl
from turbo_forecast import TurboProphet, forecast_fleet

if __name__ == "__main__":
    days = pl.select(ds=pl.date_range(date(2023, 1, 1), date(2025, 12, 31)))
    base = days.select(host_id=pl.lit("web-001"), resource=pl.lit("cpu"), ds="ds", y=40.0 + 5 * pl.col("ds").dt.weekday())
    result = forecast_fleet(base, cutoff="2025-12", entrants=["prophet", "seasonal_naive"], workers=1)
    future = result.published.filter(pl.col("phase") == "forecast")
    print(future.height, future["ds"].max(), result.outcomes["outcome"].to_list())
    print(type(result.plot("web-001", "cpu")).__name__)
    stock = base.select("ds", "y").to_pandas()
    model = TurboProphet().fit(stock)
    print(len(model.predict(model.make_future_dataframe(periods=7))))
"""
TYPED = """
from turbo_forecast import TurboProphet, forecast_fleet
result = forecast_fleet([], cutoff="2025-12", folds=2)
reveal_type(result.published)
reveal_type(TurboProphet(growth="flat"))
forecast_fleet([], cutoff="2025-12", folds="two")
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment that has the wheel, and an empty folder beside it in which commands are started."""

    python: Path
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        ours = ("TURBO_FORECAST_", "PYTHON", "DAGSTER", "VIRTUAL_ENV")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {**kept, "XDG_CACHE_HOME": str(self.folder.parent / "cache"), "COLUMNS": "200"}

    def command(self, *words: str) -> list[str]:
        return [str(self.python.with_name("turbo-forecast")), *words]

    def run(self, *words: str, expected: int = 0) -> str:
        """What a command line prints, `turbo-forecast` or an interpreter's; it must end with the expected exit code."""
        command = [str(self.python), *words[1:]] if words[0] == "python" else self.command(*words)
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=HALF_AN_HOUR
        )
        assert done.returncode == expected, f"{words}: {done.stdout[-2000:]}{done.stderr[-3000:]}"
        return done.stdout


def interpreters() -> list[str]:
    return [sys.executable, *(PYTHONS or "").split()]


@pytest.fixture(scope="module", params=interpreters(), ids=lambda path: Path(path).parts[-3])
def installed(
    request: pytest.FixtureRequest, distributions: Distributions, tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    top = tmp_path_factory.mktemp("installed")
    subprocess.run([request.param, "-m", "venv", "--without-pip", str(top / "venv")], check=True)
    python = top / "venv" / "bin" / "python"
    sites = subprocess.run([request.param, "-c", SITES], capture_output=True, text=True, check=True).stdout
    (own,) = (top / "venv" / "lib").glob("python*/site-packages")
    (own / "dependencies.pth").write_text("\n".join(json.loads(sites.replace("'", '"'))) + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(distributions.wheel)], check=True)
    (top / "elsewhere").mkdir()
    return Installed(python, top / "elsewhere")


@pytest.fixture(scope="module")
def month(installed: Installed) -> str:
    """The README's quickstart, with few hosts: what it prints."""
    return installed.run("run", "--month", "2025-12", "--demo-hosts", "3")


def test_the_command_is_that_of_the_wheel(installed: Installed, distributions: Distributions) -> None:
    assert "turbo-forecast run --month" in installed.run("--help")
    assert installed.run("--version").split()[1] == distributions.wheel.name.split("-")[1]
    where = Path(installed.run("python", "-c", "import turbo_forecast; print(turbo_forecast.__file__)").strip())
    assert where.is_relative_to(installed.python.parents[1])
    assert not where.is_relative_to(ROOT)


def test_a_month_is_made_in_an_empty_folder(installed: Installed, month: str) -> None:
    assert f"DAGSTER_HOME is not set: runs are recorded in {installed.folder / 'dagster_home'}" in month
    assert "Series: 12 in the base table by 2025-12-31, 12 with an outcome" in month
    assert "checks passed" in month
    assert {path.name for path in installed.folder.iterdir()} == {"data", "dagster_home"}
    assert (
        (installed.folder / "data" / "month_report" / "2025-12.html").read_text().lower().startswith("<!doctype html>")
    )


def test_questions_are_answered(installed: Installed, month: str) -> None:
    hosts = json.loads(installed.run("outlook", "--json"))
    assert hosts
    assert "2025-12" in installed.run("months")


def test_the_librarys_example_runs(installed: Installed) -> None:
    (installed.folder.parent / "example.py").write_text(LIBRARY)
    lines = installed.run("python", str(installed.folder.parent / "example.py")).splitlines()
    assert lines == ["181 2026-06-30 ['forecast']", "LayerChart", str(1096 + 7)]


def test_a_users_type_checker_sees_the_types(installed: Installed) -> None:
    (installed.folder.parent / "typed.py").write_text(TYPED)
    cache = f"--cache-dir={installed.folder.parent / 'mypy'}"
    said = installed.run("python", "-m", "mypy", "--strict", cache, "../typed.py", expected=1)
    assert 'Revealed type is "polars.dataframe.frame.DataFrame"' in said
    assert 'Revealed type is "turbo_forecast.turbo_prophet.drop_in.TurboProphet"' in said
    assert said.count("error:") == 1, said
    assert 'Argument "folds" to "forecast_fleet" has incompatible type "str"; expected "int"' in said


@contextmanager
def serving(installed: Installed, *words: str) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    """A command that goes on until it is interrupted, as by Ctrl+C; and what it prints."""
    log = installed.folder.parent / f"{words[0]}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            installed.command(*words),
            cwd=installed.folder,
            env=installed.environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    try:
        yield process, log
    finally:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=60)
        process.kill()
        process.wait()


def test_the_dashboards_pages_have_their_templates_and_styles(installed: Installed, month: str) -> None:
    port = free_port()
    with serving(installed, "dashboard", "--port", str(port)) as (process, log):

        def answered() -> bool:
            with suppress(URLError, ConnectionError):
                return b"<title>" in urlopen(f"http://127.0.0.1:{port}/", timeout=60).read()
            return False

        wait_for_answer(process, log, answered, HALF_AN_HOUR)
        page = urlopen(f"http://127.0.0.1:{port}/", timeout=60)
        style = page.read().decode().partition('rel="stylesheet" href="')[2].partition('"')[0]
        assert urlopen(urljoin(page.url, style), timeout=60).headers["content-type"].startswith("text/css")


def test_dagsters_ui_loads_the_project(installed: Installed, month: str) -> None:
    port = free_port()
    with serving(installed, "ui", "--port", str(port)) as (process, log):

        def loaded() -> bool:
            body = json.dumps({"query": LOCATIONS}).encode()
            asked = Request(f"http://127.0.0.1:{port}/graphql", body, {"content-type": "application/json"})
            with suppress(URLError, ConnectionError, TimeoutError):
                entries = json.load(urlopen(asked, timeout=60))["data"]["workspaceOrError"]["locationEntries"]
                (entry,) = entries
                state = entry["locationOrLoadError"]
                assert entry["name"] == "turbo_forecast"
                assert state is None or state["__typename"] == "RepositoryLocation"
                return state is not None
            return False

        wait_for_answer(process, log, loaded, HALF_AN_HOUR)

"""A forked command is what a person's command is: it has its own arguments, environment, output, process and end."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest

from turbo_forecast_tests.end_to_end.conftest import House, ended
from turbo_forecast_tests.end_to_end.forked import Forked

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("forked")]


@contextmanager
def saying_so() -> Iterator[None]:
    """What a command is carried out within here, which it says before all else."""
    print("within", os.getpid())
    yield


def test_its_output_and_its_exit_code_are_its_own() -> None:
    done, refused = (ended(Forked(["turbo_forecast", word], os.environ)) for word in ("--version", "nonsense"))
    assert (done.code, done.out, done.err) == (0, f"turbo-forecast {version('turbo-forecast')}\n", "")
    assert (refused.code, refused.out) == (2, "")
    assert refused.error.startswith("error: ")


def test_it_hears_its_own_environment_and_changes_nobody_elses(house: House, tmp_path: Path) -> None:
    given = {**house.environment, "TURBO_FORECAST_DATA": str(tmp_path / "nowhere")}
    assert f"{tmp_path / 'nowhere'} " in ended(Forked(["turbo_forecast", "months"], given)).error
    assert f"{tmp_path / 'nowhere'} " not in ended(Forked(["turbo_forecast", "months"], house.environment)).error


def test_it_is_carried_out_within_what_is_asked_for_in_a_process_of_its_own() -> None:
    process = Forked(["turbo_forecast", "--version"], os.environ, f"{__name__}:saying_so")
    first, *_ = ended(process).out.splitlines()
    assert first == f"within {process.pid}"
    assert process.pid != os.getpid()


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGTERM])
def test_it_can_be_waited_for_and_ended(kind: signal.Signals) -> None:
    serving = Forked(["http.server", "0", "--bind", "127.0.0.1"], os.environ)
    assert serving.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        serving.wait(0)
    serving.send_signal(kind)
    assert serving.wait(60) == -kind
    serving.kill()  # it has ended: nobody else's process is hit
    assert serving.poll() == -kind


def test_one_command_waits_for_no_other() -> None:
    serving = Forked(["http.server", "0", "--bind", "127.0.0.1"], os.environ)
    assert ended(Forked(["turbo_forecast", "--version"], os.environ)).code == 0
    assert serving.poll() is None
    serving.kill()
    serving.wait(60)

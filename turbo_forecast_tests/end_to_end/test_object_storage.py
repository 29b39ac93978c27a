"""A month with DATA and TELEMETRY on a real S3 server: killed, resumed on another machine, and the same bytes as on a disk."""

import json
import re
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from reference.servers.s3 import USER, S3Server
from turbo_forecast_tests.end_to_end.conftest import MANY, SECONDS, SLOW, Finished, House, ended
from turbo_forecast_tests.end_to_end.forked import Forked

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("s3")]


class Machine(House):
    """A house whose DATA and TELEMETRY are addresses; its working copies lie in a folder of its own."""

    patience = "60"

    def __init__(self, folder: Path, server: S3Server, bucket: str) -> None:
        super().__init__(folder)
        self.settings = self.write_settings(SLOW)
        self.server, self.address, self.work = server, f"s3://{bucket}/fleet", folder / "work"

    @property
    def environment(self) -> dict[str, str]:
        told = {"TURBO_FORECAST_WORK": str(self.work), "TURBO_FORECAST_STORE_PATIENCE_SECONDS": self.patience}
        return {**super().environment, **self.server.environment(), **told}

    def arguments(
        self, month: str, telemetry: Path | str | None, *more: str, settings: Path | None = None
    ) -> list[str]:
        self.data = self.address  # type: ignore[assignment]
        return super().arguments(month, telemetry, *more, settings=settings)

    def at_its_copy(self) -> "Machine":
        """The same, to look at the working copy as at any data folder."""
        self.data = next((self.work / "data").iterdir())
        return self

    def ask(self, *arguments: str, **environment: str) -> Finished:
        """A subcommand about the data."""
        command = ["turbo_forecast", *arguments, "--data", self.address]
        return ended(Forked(command, {**self.environment, **environment}))


@dataclass
class Story:
    """What has happened: a run whose server was gone for good, a machine killed in its forecast, another one that went on, and one that did all of it on a disk."""

    bucket: str
    failed: Finished
    killed: Machine
    resumed: Machine
    local: House
    finished_before: int
    ended: Finished


def wait_until(condition: Callable[[], bool], process: Forked) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)  # to ask the store costs more than that of a file


def shared(server: S3Server, bucket: str) -> list[str]:
    """The chunks that are finished in the store."""
    return [key for key in server.files().find(f"{bucket}/fleet/runs") if "/done/forecast/" in key]


@pytest.fixture(scope="module")
def story(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory, many: Path, undisturbed: House) -> Story:
    """Also, the server is stopped and started again while the second machine forecasts."""
    folder, bucket = tmp_path_factory.mktemp("machines"), s3_server.bucket()
    s3_server.files().put_file(str(many), f"{bucket}/exports/many.parquet")
    telemetry = f"s3://{bucket}/exports"

    killed = Machine(folder / "killed", s3_server, bucket)
    killed.patience = "1"
    process = killed.fork("2025-12", telemetry)
    wait_until(lambda: len(shared(s3_server, bucket)) >= 1, process)
    s3_server.stop(signal.SIGKILL)
    failed = ended(process)
    s3_server.start()

    first = len(shared(s3_server, bucket))
    process = killed.fork("2025-12", telemetry)
    wait_until(lambda: len(shared(s3_server, bucket)) >= first + 3, process)
    process.kill()
    process.communicate()
    before = len(shared(s3_server, bucket))

    resumed = Machine(folder / "resumed", s3_server, bucket)
    process = resumed.fork("2025-12", telemetry)
    wait_until(lambda: len(shared(s3_server, bucket)) > before, process)
    s3_server.stop()
    s3_server.start()
    return Story(bucket, failed, killed, resumed, undisturbed, before, ended(process))


def test_a_server_that_stays_away_ends_a_run_in_a_sentence(story: Story) -> None:
    assert story.failed.code == 1
    errors = [line for line in story.failed.err.splitlines() if line.startswith("error: ")]
    told = re.escape(f"s3://{story.bucket}/fleet: ") + "the store (cannot be reached|answers with an error of its own)"
    assert re.search(f"error: fleet_forecast: {told}", errors[0]), story.failed.err
    assert "Traceback" not in story.failed.err


def test_a_killed_run_is_resumed_on_a_machine_that_has_nothing(story: Story) -> None:
    assert story.ended.code == 0, story.ended.err
    lines = story.ended.out.splitlines()
    resumed = [line for line in lines if line.startswith("2025-12 · resuming: ")]
    assert resumed == [f"2025-12 · resuming: {story.finished_before}/{MANY} series were finished before"]
    assert f"Stored in s3://{story.bucket}/fleet" in story.ended.out


def test_what_it_leaves_is_what_a_run_on_a_disk_leaves(story: Story) -> None:
    assert story.resumed.at_its_copy().digests() == story.local.digests()
    tables, expected = story.resumed.tables(), story.local.tables()
    assert tables.keys() == expected.keys()
    assert {name for name in tables if tables[name] != expected[name]} == set()


def test_the_store_holds_it_and_nothing_of_the_run_that_made_it(story: Story, s3_server: S3Server) -> None:
    files = s3_server.files()
    assert shared(s3_server, story.bucket) == []
    manifest = json.loads(files.cat_file(f"{story.bucket}/fleet/fleet_forecast/2025-12.parquet/manifest.json"))
    local = {path.name: path.read_bytes() for path in story.local.parquet("fleet_forecast", "2025-12").iterdir()}
    at = f"{story.bucket}/fleet/fleet_forecast/2025-12.parquet/{manifest['version']}"
    assert {name: files.cat_file(f"{at}/{name}") for name in manifest["files"]} == local
    whole = files.cat_file(f"{story.bucket}/fleet/forecast_parquet/2025-12.parquet")
    assert whole == story.local.parquet("forecast_parquet", "2025-12").read_bytes()


def test_a_third_machine_answers_questions_with_what_is_published_alone(
    story: Story, s3_server: S3Server, tmp_path: Path
) -> None:
    asking = Machine(tmp_path / "asking", s3_server, story.bucket)
    answer = asking.ask("outlook", "--state", "all", "--json")
    assert answer.code == 0, answer.err
    assert len(json.loads(answer.out)["rows"]) == MANY
    assert asking.ask("months").code == 0
    assert not (asking.at_its_copy().data / "warehouse.duckdb").exists()
    missing = asking.ask("show", "nobody")
    assert missing.code == 2
    none = asking.ask("outlook", "--month", "2025-11")
    assert f"this machine's copy of s3://{story.bucket}/fleet" in none.error


def test_wrong_credentials_end_a_command_in_a_sentence(story: Story, s3_server: S3Server, tmp_path: Path) -> None:
    asking = Machine(tmp_path / "asking", s3_server, story.bucket)
    refused = asking.ask("months", AWS_SECRET_ACCESS_KEY="another-planted-secret")
    assert refused.code == 2
    assert refused.error.startswith(f"error: s3://{story.bucket}/fleet: the store does not accept the credentials")
    assert "another-planted-secret" not in refused.out + refused.err


def contents(folders: Sequence[Path]) -> list[tuple[str, bytes]]:
    return [(str(path), path.read_bytes()) for folder in folders for path in folder.rglob("*") if path.is_file()]


def test_the_secret_is_nowhere(story: Story, s3_server: S3Server) -> None:
    """Not on the terminal, in Dagster's storage, in the working copies, or in an object."""
    secret, files = USER[1].encode(), s3_server.files()
    texts = [("terminal", (story.ended.out + story.ended.err).encode())]
    texts += contents([story.killed.folder, story.resumed.folder])
    texts += [(key, files.cat_file(key)) for key in files.find(story.bucket)]
    assert len(texts) > 100
    assert [name for name, content in texts if secret in content] == []

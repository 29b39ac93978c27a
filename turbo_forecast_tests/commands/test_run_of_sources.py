"""`run` of sources: an address in the place of files counts as telemetry, and what cannot work is refused before anything is written."""

from pathlib import Path

import pytest

from turbo_forecast.commands.app import main
from turbo_forecast.definitions import build_resources
from turbo_forecast.defs import launch
from turbo_forecast.errors import SettingsError
from turbo_forecast_tests.landing.fake_source import Stock, stock

__all__ = ["stock"]  # a fixture

pytestmark = pytest.mark.xdist_group("definitions")


@pytest.fixture
def data(untouched_data: Path) -> Path:
    return untouched_data


@pytest.mark.parametrize("place", ["argument", "variable", "settings file"])
def test_sources_are_telemetry_wherever_they_are_named_and_no_files(
    place: str, data: Path, stock: Stock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: list[str] = []

    def no_instance() -> None:
        files.append(build_resources()["telemetry"].settings().telemetry)  # type: ignore[attr-defined]
        raise SettingsError("far enough")

    monkeypatch.setattr(launch, "opened_instance", no_instance)
    given = ["run", "--month", "2025-12", "--data", str(data)]
    if place == "settings file":
        (tmp_path / "settings.yaml").write_text("sources: {metrics: {kind: fake, stock: shop}}\n")
        given += ["--config", str(tmp_path / "settings.yaml")]
    elif place == "argument":
        given += ["--telemetry", "fake://me:secret@shop"]
    else:
        monkeypatch.setenv("TURBO_FORECAST_TELEMETRY", "fake://shop")
    assert main(given) == 2
    assert files == [""]


@pytest.mark.parametrize(
    ("options", "settings", "said"),
    [
        (["--telemetry", "fake://"], "{}", "sources.fake.stock is empty"),
        ([], "{sources: {metrics: {kind: nope}}}", "sources.metrics.kind must be one of fake, not 'nope'"),
        (["--telemetry", "exports"], "{sources: {metrics: {kind: fake}}}", "sources.metrics.stock is empty"),
        (
            [],
            "{}",
            "there is no telemetry: give --telemetry (a file, folder, glob, URI, DuckDB file or the address of a source)",
        ),
    ],
)
def test_a_source_that_cannot_work_is_one_sentence_and_nothing_is_written(
    options: list[str],
    settings: str,
    said: str,
    data: Path,
    stock: Stock,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "settings.yaml").write_text(settings)
    given = ["run", "--month", "2025-12", "--data", str(data), "--config", str(tmp_path / "settings.yaml"), *options]
    assert main(given) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not data.exists()

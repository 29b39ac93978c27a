"""`check-telemetry`: what is said of telemetry, when the answer is no, and that nothing is left anywhere."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from turbo_forecast.commands.app import main
from turbo_forecast.commands.check_telemetry import OPTIONS_HINT
from turbo_forecast.errors import TelemetryError
from turbo_forecast.settings import telemetry_settings
from turbo_forecast.storage.telemetry import sampling
from turbo_forecast.storage.telemetry.reading import read_telemetry_frames

FIRST, DAYS = date(2024, 1, 1), 400  # to 2025-02-03
HEADER = "host_id,resource,ds,value"


def rows(hosts: int = 3, days: int = DAYS) -> list[str]:
    return [
        f"host-{host},{resource},{FIRST + timedelta(days=day)},{(7 * host + day) % 80}"
        for host in range(hosts)
        for resource in ("cpu", "memory")
        for day in range(days)
    ]


@pytest.fixture
def csv(tmp_path: Path) -> Callable[..., Path]:
    """Write lines to a CSV file."""

    def write(*lines: str, name: str = "telemetry.csv") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """The exit code, what is printed, and what is said of errors."""

    def run(telemetry: Path | str, *more: str) -> tuple[int, str, str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("TURBO_FORECAST_CONFIG", raising=False)
            code = main(["check-telemetry", str(telemetry), *more])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_it_says_what_a_run_would_make_of_it(csv: Callable[..., Path], check: Any) -> None:
    bad = ["host-1,cpu,2024-05-01,-4", "host-2,cpu,2025-01-01,250", ",cpu,2024-05-01,4"]
    telemetry = csv(HEADER + ",site", *(f"{row},fra" for row in [*rows(), *bad]))
    code, out, err = check(telemetry)
    assert (code, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0].startswith(f"Telemetry: {telemetry}: long layout (guessed), 2,403 rows read in ")
    assert "host_id the host guessed: a usual name for it" in lines
    assert "site left out the same for all rows of a host and resource" in lines
    assert "Times: wall-clock times, no zone; one value a day" in lines
    assert "Series: 6 (3 hosts; cpu, memory), 2,400 days of them" in lines
    assert "Kept: 2,400 of 2,403 values (99.9 %)" in lines
    assert "Rejected: 3 values (0.1 %)" in lines
    assert f"1 over capacity, such as 250 of host-2/cpu at 2025-01-01 in {shown(telemetry)}" in lines
    assert f"1 no host, such as 4 of –/cpu at 2024-05-01 in {shown(telemetry)}" in lines
    assert "Gaps: 0.0 % of the days from each series' first to its last are missing" in lines
    # the backtest of 2024-06 begins on 2024-03-01, after the 60 days that are needed
    assert (
        "Months that can be run: 2024-01 to 2025-01; from 2024-06 on with a backtest, none with all the history that is asked for"
        in lines
    )
    assert (
        "Series in 2025-01: 6 to be forecast; 0 too short for a backtest (the fallback is published); 0 fallen silent (retired)"
        in lines
    )
    assert lines[-1] == f"Ready for a run: turbo-forecast run --telemetry {telemetry} --month 2025-01"


def shown(path: Path) -> str:
    return str(path) if len(str(path)) <= 60 else f"…{str(path)[-59:]}"


def test_settings_are_those_of_a_run(csv: Callable[..., Path], check: Any, tmp_path: Path) -> None:
    telemetry = csv("name,at,load,disks", *(f"h,{FIRST + timedelta(days=day)},0.5,{day % 3}" for day in range(DAYS)))
    config = tmp_path / "settings.yaml"
    config.write_text(
        "telemetry: {host_column: name, time_column: at, ignore_columns: [disks], units: {load: fraction}}\n"
        "forecast: {train_months: 6, folds: 0}\n"
    )
    code, out, _ = check(telemetry, "--config", str(config))
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == 0
    assert "name the host as set (host_column)" in lines
    assert "load a resource guessed: numbers, and nothing else that it could be" in lines
    assert "disks left out as asked (ignore_columns)" in lines
    assert any("from 2024-10 on with all the history that is asked for" in line for line in lines)


@pytest.mark.parametrize("kind", ["folder", "glob", "csv.gz", "parquet", "table"])
def test_whatever_a_run_reads_can_be_checked(kind: str, csv: Callable[..., Path], check: Any, tmp_path: Path) -> None:
    plain = csv(HEADER, *rows(), name="export/a.csv")
    frame = pl.read_csv(plain, try_parse_dates=True)
    telemetry: Path = plain.parent
    if kind == "glob":
        telemetry = plain.parent / "*.csv"
    elif kind == "csv.gz":
        telemetry = tmp_path / "b.csv.gz"
        telemetry.write_bytes(gzip.compress(plain.read_bytes()))
    elif kind == "parquet":
        telemetry = tmp_path / "b.parquet"
        frame.write_parquet(telemetry)
    elif kind == "table":
        telemetry = tmp_path / "b.duckdb"
        with duckdb.connect(str(telemetry)) as con:
            con.register("frame", frame.to_arrow())
            con.execute("CREATE TABLE readings AS FROM frame")
    code, out, _ = check(telemetry, "--json")
    document = json.loads(out)
    assert code == 0
    assert document["report"]["values_kept"] == 2400
    assert document["months"]["outcomes"] == {"forecast": 6}


def test_json_has_days_as_text_and_numbers_as_numbers(csv: Callable[..., Path], check: Any) -> None:
    code, out, _ = check(csv(HEADER, *rows(), "host-0,cpu,2025-03-01,-1"), "--json")
    document = json.loads(out)
    assert (code, document["usable"], document["problems"], document["sample"]) == (0, True, [], None)
    assert document["report"]["first_day"] == "2024-01-01"
    assert document["rejects"][0]["reason"] == "negative"
    assert document["rejects"][0]["examples"][0]["host_id"] == "host-0"
    assert document["gaps"] == {"missing_share": 0.0, "unobserved_days": [], "longest": None}
    assert document["days_ago"] == (date.today() - date(2025, 2, 3)).days
    assert document["months"]["first_with_backtest"] == "2024-06"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (rows(days=20), "month 2024-01 is not complete: the telemetry ends on 2024-01-20"),
        (rows(days=31), "no series would be forecast in 2024-01: all are too short for a backtest, or retired"),
        ([*rows(1), *(f"x,cpu,{FIRST},-1" for _ in range(900))], "53 % of the values would be rejected"),
    ],
)
def test_where_a_run_could_not_use_it_the_answer_is_no(
    lines: list[str], said: str, csv: Callable[..., Path], check: Any
) -> None:
    code, out, _ = check(csv(HEADER, *lines))
    assert code == 1
    assert out.splitlines()[-1].startswith("Not ready for a run: ")
    assert said in out.splitlines()[-1]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [HEADER],
        [HEADER, "a,cpu,yesterday,5"],
        [HEADER, "a,cpu,2025-01-01,lots"],
        [HEADER, "a,cpu,2025-01-01,-5"],
        [HEADER, "a,cpu,2025-01-01,5", "a,cpu,2025-01-01,6"],
        ["x,y", "1,2"],
        [HEADER, 'a,"cpu,2025-01-01,5'],
        [HEADER, *(f"a,cpu,{FIRST + timedelta(days=day)},{5000 + day}" for day in range(50))],
    ],
)
def test_what_cannot_be_read_ends_with_the_sentence_of_a_run(
    lines: list[str], csv: Callable[..., Path], check: Any
) -> None:
    telemetry = csv(*lines)
    with pytest.raises(TelemetryError) as error:
        read_telemetry_frames(telemetry_settings(telemetry=str(telemetry)), today=date.today())
    code, out, err = check(telemetry)
    assert (code, out) == (2, "")
    assert err in (f"error: {error.value}\n", f"error: {error.value}\n{OPTIONS_HINT}\n")


def test_who_has_no_settings_file_is_told_where_an_option_goes(
    csv: Callable[..., Path], check: Any, tmp_path: Path
) -> None:
    lines = ("server,resource,date,value", *rows())
    telemetry, config = csv(*lines), tmp_path / "forecast.yaml"
    code, _, err = check(telemetry)
    refusal, *hint = err.splitlines()
    assert code == 2
    assert "set host_column to one of: server" in refusal
    assert hint[0].endswith("--config forecast.yaml with")
    config.write_text("\n".join(line.partition("#")[0] for line in hint[1:]))
    assert check(telemetry, "--config", str(config))[0] == 0, "the hint's own lines are a settings file"
    config.write_text("telemetry: {host_column: nobody}")
    assert OPTIONS_HINT not in check(telemetry, "--config", str(config))[2]


def test_a_path_to_nothing_and_settings_that_are_wrong_are_one_sentence(check: Any, tmp_path: Path) -> None:
    assert check(tmp_path / "nothing.csv")[0] == 2
    config = tmp_path / "settings.yaml"
    config.write_text("telemetry: {hosts: name}\n")
    code, out, err = check(tmp_path, "--config", str(config))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "telemetry.hosts" in err


def test_names_are_shown_as_they_are_and_change_nothing_on_the_screen(csv: Callable[..., Path], check: Any) -> None:
    evil = ["[red]x[/red]", "<script>", "=1+1", "a\u202eb", "名前"]
    lines = [f"{host},[bold]cpu,{FIRST + timedelta(days=day)},{day % 9}" for host in evil for day in range(DAYS)]
    code, out, _ = check(
        csv(
            HEADER,
            *lines,
            "a\u202eb,[bold]cpu,2025-06-01,-1",
            *(f"[red]x[/red],[bold]cpu,2025-06-{day},3" for day in (20,)),
        )
    )
    assert code == 0
    assert "[bold]cpu" in out
    assert "[red]x[/red]/[bold]cpu" in out  # in the longest gap
    assert "a\\u202eb/[bold]cpu" in out
    assert "\u202e" not in out


def test_a_sample_is_said_to_be_one_and_everything_is_read_where_asked(
    csv: Callable[..., Path], check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "SMALL", 1000)
    monkeypatch.setattr(sampling, "MOST_VALUES", 1700)
    telemetry = csv(HEADER, *rows(hosts=8))
    code, out, _ = check(telemetry)
    assert code == 0
    assert (
        "A sample was read: 2 of 8 hosts, spread evenly over their names, with all their rows. All counts are of the sample; "
        "--all reads the rest." in out
    )
    assert "Series: 4 (2 hosts; cpu, memory)" in out
    assert json.loads(check(telemetry, "--json")[1])["sample"]["hosts_read"] == 2
    code, out, _ = check(telemetry, "--all")
    assert (code, "A sample" in out, "Series: 16 (8 hosts; cpu, memory)" in out) == (0, False, True)


def test_of_a_sample_without_all_rows_nothing_is_said_of_months(
    csv: Callable[..., Path], check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "SCAN_SECONDS", 0.001)
    monkeypatch.setattr(sampling, "FIRST_ROWS", 100)
    telemetry = csv(HEADER, *rows())
    code, out, _ = check(telemetry)
    assert code == 0
    assert "Gaps and months: not known from a sample without all files and rows; use --all" in out
    document = json.loads(check(telemetry, "--json")[1])
    assert (document["gaps"], document["months"], document["sample"]["first_rows"]) == (None, None, 100)


@pytest.mark.parametrize("more", [[], ["--json"], ["--all"]])
def test_nothing_is_written_anywhere(more: list[str], csv: Callable[..., Path], tmp_path: Path) -> None:
    telemetry = csv(HEADER, *rows(), name="telemetry/a.csv")
    cwd, data, home, temporary = (tmp_path / name for name in ("cwd", "data", "home", "temporary"))
    for folder in (cwd, data, home, temporary):
        folder.mkdir()
    before = sorted(tmp_path.rglob("*"))
    environment = {**os.environ, "HOME": str(home), "TMPDIR": str(temporary), "TURBO_FORECAST_DATA": str(data)}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "turbo_forecast", "check-telemetry", str(telemetry.parent), *more]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(tmp_path.rglob("*")) == before


def test_an_export_of_a_known_tool_is_read_once_its_preset_is_set(csv, check, tmp_path):
    times = [FIRST + timedelta(days=day) for day in range(DAYS)]
    path = csv('"Time","a cpu"', *(f"{time},{20 + time.day} %" for time in times))
    code, _, said = check(path)
    assert code == 2
    assert "telemetry.csv looks like a Grafana export: set preset: grafana" in said
    assert OPTIONS_HINT in said
    (tmp_path / "settings.yaml").write_text("telemetry: {preset: grafana}\n")
    code, told, _ = check(path, "--config", str(tmp_path / "settings.yaml"))
    assert f"Series: 1 (1 host; cpu), {DAYS} days of them" in told

"""Heartbeats of a step: they come from a thread of their own, and Dagster's event log takes them."""

import threading
from pathlib import Path

import dagster as dg
import pytest

from turbo_forecast.defs.reporting import log_to
from turbo_forecast.status_log import StatusLog

LINES = 20


def test_heartbeats_reach_the_event_log_while_the_step_logs_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SQLite on disk, as `dagster dev` has it; another thread than the step's writes at the same time."""
    threads = set()

    @dg.op
    def step(context: dg.OpExecutionContext) -> None:
        enough, beats = threading.Event(), 0
        tell = log_to(context)  # type: ignore[arg-type]

        def say(line: str) -> None:
            nonlocal beats
            threads.add(threading.current_thread().name)
            tell(line)
            beats += 1
            if beats == LINES:
                enough.set()

        with StatusLog(say, about="2025-12", silence_seconds=0.001).working("merging chunks"):
            for number in range(LINES):
                context.log.info(f"the step's own line {number}")
            assert enough.wait(120)

    @dg.job(executor_def=dg.in_process_executor)
    def one_step() -> None:
        step()

    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        result = one_step.execute_in_process(instance=instance)
        stored = [record.event_log_entry.user_message for record in instance.get_records_for_run(result.run_id).records]
    assert threads == {"heartbeat"}
    assert sum("2025-12 · merging chunks, " in message for message in stored) >= LINES
    assert sum("the step's own line " in message for message in stored) == LINES
    assert capsys.readouterr().out.count("2025-12 · merging chunks, ") >= LINES

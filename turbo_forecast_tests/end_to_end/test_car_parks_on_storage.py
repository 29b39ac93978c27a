"""The car parks with DATA and TELEMETRY on a real S3 server: killed in the forecast, resumed by a machine that has nothing."""

import json
import os
from pathlib import Path

import pytest

from reference.servers.s3 import S3Server
from turbo_forecast_tests.conftest import SHARED
from turbo_forecast_tests.end_to_end.conftest import House
from turbo_forecast_tests.end_to_end.test_object_storage import Machine, shared, wait_until

CAR_PARKS = SHARED / "parking_occupancy_daily.parquet"
SETTINGS = {"forecast": {"workers": 2, "chunk_size": 4}}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("s3"),
    pytest.mark.skipif(
        not os.environ.get("TURBO_FORECAST_DRILL"),
        reason="part of `make drill`: the suite does the same with made-up series (test_object_storage.py)",
    ),
    pytest.mark.skipif(not CAR_PARKS.exists(), reason=f"{CAR_PARKS} is not there: it lies beside the checkout"),
]


def test_a_killed_month_of_the_car_parks_goes_on_elsewhere_to_the_same_bytes(
    s3_server: S3Server, tmp_path: Path
) -> None:
    """Every entrant of the default field takes part."""
    bucket = s3_server.bucket()
    s3_server.files().put_file(str(CAR_PARKS), f"{bucket}/exports/parks.parquet")
    telemetry = f"s3://{bucket}/exports"
    killed, resumed = Machine(tmp_path / "killed", s3_server, bucket), Machine(tmp_path / "resumed", s3_server, bucket)
    for machine in (killed, resumed):
        machine.settings = machine.write_settings(SETTINGS)
    process = killed.fork("2025-12", telemetry)
    wait_until(lambda: len(shared(s3_server, bucket)) >= 3, process)
    process.kill()
    process.communicate()
    before = len(shared(s3_server, bucket))

    finished = resumed.succeed("2025-12", telemetry)
    assert "series were finished before" in finished.out
    assert before >= 3

    local = House(tmp_path / "local")
    local.succeed("2025-12", CAR_PARKS, settings=local.write_settings(SETTINGS))
    assert shared(s3_server, bucket) == []
    answer = resumed.ask("outlook", "--state", "all", "--json")
    assert len(json.loads(answer.out)["rows"]) > 50
    assert resumed.at_its_copy().digests() == local.digests()
    tables, expected = resumed.tables(), local.tables()
    assert {name for name in tables if tables[name] != expected.get(name)} == set()

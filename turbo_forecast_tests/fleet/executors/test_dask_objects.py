"""A cluster and an object store together: workers that share nothing but objects on a real S3 server."""

from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="distributed is not installed: pip install 'turbo-forecast[dask]'")

import distributed

from reference.servers.s3 import S3Server
from turbo_forecast.addresses import parsed
from turbo_forecast.fleet.object_exchange import ObjectExchange
from turbo_forecast_tests.fleet.executors.dask_runs import run
from turbo_forecast_tests.fleet.executors.test_dask_host import FIELD, client, far
from turbo_forecast_tests.fleet.working import fleet

__all__ = ["client"]
pytestmark = pytest.mark.xdist_group("dask")


def test_workers_find_the_series_and_leave_the_bytes_in_the_object_store(
    client: distributed.Client, s3: S3Server, tmp_path: Path
) -> None:
    exchange = ObjectExchange(parsed(f"s3://{s3.bucket()}/fleet", "DATA"), "2025-12")
    there, _ = far(tmp_path / "there", exchange, client)
    assert there == run(fleet(11), tmp_path / "here", *FIELD).digest
    assert exchange._store.listed("runs"), "they are the caller's to remove"

"""What docs/storage.md shows of reading from elsewhere works as it stands, on a real S3 server."""

import json
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from reference.servers.s3 import S3Server
from turbo_forecast.addresses import parsed
from turbo_forecast.storage.objects.store import ObjectStore
from turbo_forecast.storage.objects.uploading import upload
from turbo_forecast_tests.documents.pages import ROOT, blocks

pytestmark = pytest.mark.xdist_group("s3")
PAGE = ROOT / "docs" / "storage.md"


def test_the_page_names_the_variables_and_places_there_are() -> None:
    from turbo_forecast.addresses import WORK
    from turbo_forecast.storage.objects.lease import RENEWED_SECONDS, STALE
    from turbo_forecast.storage.objects.store import PATIENCE, PATIENCE_SECONDS

    text = PAGE.read_text()
    assert f"`{WORK}`" in text
    assert f"`{PATIENCE}`" in text
    assert (PATIENCE_SECONDS, RENEWED_SECONDS, STALE.total_seconds()) == (60.0, 30.0, 300.0), "the page says so"


def test_the_pages_python_reads_what_is_stored(s3: S3Server, tmp_path: Path) -> None:
    [block] = blocks(PAGE, "python")
    address, folder = f"s3://{s3.bucket()}/fleet", tmp_path / "data"
    for name in ("fleet_forecast/2025-12.parquet", "published/2025-12/v1", "forecast_parquet"):
        (folder / name).mkdir(parents=True)
    frame = pl.DataFrame({"model": ["prophet", "median", "median"], "yhat": [1.0, 2.0, 3.0]})
    frame.write_parquet(folder / "fleet_forecast/2025-12.parquet/00000000-00000128-aa.parquet")
    frame.write_parquet(folder / "fleet_forecast/2025-12.parquet/00000128-00000256-bb.parquet")
    pl.DataFrame({"threshold": [87.5]}).write_parquet(folder / "published/2025-12/v1/capacity_outlook.parquet")
    told = {"version": "v1", "files": {"capacity_outlook": {"file": "capacity_outlook.parquet"}}}
    (folder / "published/2025-12/manifest.json").write_text(json.dumps(told))
    pl.DataFrame({"master": ["file"]}).write_parquet(folder / "forecast_parquet/2025-12.parquet")
    upload(ObjectStore(parsed(address, "--data")), folder)
    import os

    polars = {"AWS_ENDPOINT_URL": s3.url, "AWS_ALLOW_HTTP": "true"}  # Polars does not know the name for S3 alone
    done = subprocess.run(
        [sys.executable, "-c", block.text.replace("s3://forecasts/fleet", address)],
        env={**os.environ, **polars},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "87.5" in done.stdout
    assert re.search(r"median\s*┆\s*4", done.stdout)
    assert "master" in done.stdout

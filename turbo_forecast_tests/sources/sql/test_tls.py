"""PostgreSQL over TLS: who is the server, by its certificate; who is the user, by password."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from turbo_forecast_tests.fleet.executors.test_dask_tls import Authority
from turbo_forecast_tests.sources.sql.databases import PostgresLab, source
from turbo_forecast_tests.sources.sql.test_systems import DECEMBER, fetched, hourly, put_in, refusal

ROWS = hourly(datetime(2025, 12, 1, tzinfo=UTC), 5)


@pytest.fixture
def authority(postgres_lab: PostgresLab, tmp_path: Path) -> Iterator[Path]:
    """The certificate of the authority by which the server, which speaks TLS now, is 127.0.0.1."""
    made = Authority(tmp_path / "authority")
    data = postgres_lab.server.folder / "data"
    owner = data.stat()
    for path, name in zip(made.pair("server"), ("server.crt", "server.key"), strict=True):
        shutil.copy(path, data / name)
        shutil.chown(data / name, owner.st_uid, owner.st_gid)
        (data / name).chmod(0o600)
    postgres_lab.run("ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()")
    yield made.ca
    postgres_lab.run("ALTER SYSTEM RESET ssl", "SELECT pg_reload_conf()")


def test_a_server_is_known_by_its_certificate_or_refused(
    postgres_lab: PostgresLab, authority: Path, tmp_path: Path
) -> None:
    postgres_lab.fill(ROWS)
    with psycopg.connect(postgres_lab.server.url, sslmode="require"):
        pass  # it has read its settings anew
    verified = {"sslmode": "verify-full", "ca_file": str(authority)}
    ours = "telemetry, pg_stat_ssl WHERE ssl AND pid = pg_backend_pid() AND"  # no row without TLS
    encrypted = postgres_lab.query.replace("telemetry WHERE", ours)
    assert fetched(source(postgres_lab, query=encrypted, **verified)).equals(put_in(ROWS, DECEMBER))
    other = Authority(tmp_path / "other")
    message = refusal(source(postgres_lab, sslmode="verify-full", ca_file=str(other.ca)))
    assert "SSL error" in message
    missing = refusal(source(postgres_lab, sslmode="verify-full", ca_file=str(tmp_path / "none.pem")))
    assert "none.pem" in missing

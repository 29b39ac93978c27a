"""Servers that go away, users that are not let in, secrets that are never told."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from reference.servers import postgres
from turbo_forecast.errors import SourceError
from turbo_forecast.sources.sql.buffering import BufferedRows
from turbo_forecast_tests.sources.sql import databases
from turbo_forecast_tests.sources.sql.databases import Lab, MariaDBLab, PostgresLab, source
from turbo_forecast_tests.sources.sql.test_systems import DECEMBER, fetched, hourly, put_in, refusal

ROWS = hourly(datetime(2025, 12, 1, tzinfo=UTC), 24 * 31, hosts=10)
SLOWLY = {
    "postgresql": "CASE WHEN epoch % 86400 = 0 THEN pg_sleep(0.001)::text = '' ELSE true END",
    "mysql": "sleep(0.0001) = 0",
}
"""A condition that holds of each row, and takes the server a while: it cannot have sent all rows when the first are there."""


@pytest.fixture(params=["postgres_lab", "mariadb_lab"])
def server_lab(request: pytest.FixtureRequest) -> PostgresLab | MariaDBLab:
    found: PostgresLab | MariaDBLab = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def during_the_first_batch(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], list[BufferedRows]]:
    """Lets something happen once, after the first batch of the first answer; returns what each answer with rows was kept in."""
    begun: list[BufferedRows] = []
    really = BufferedRows.add

    def arrange(happens: Callable[[], None]) -> list[BufferedRows]:
        def add(self: BufferedRows, batch: pa.RecordBatch) -> None:
            really(self, batch)
            if self not in begun:
                begun.append(self)
                if len(begun) == 1:
                    happens()

        monkeypatch.setattr(BufferedRows, "add", add)
        return begun

    return arrange


def test_a_server_that_crashes_midway_and_is_back_gives_the_whole_month(
    server_lab: PostgresLab | MariaDBLab, during_the_first_batch: Callable[[Callable[[], None]], list[BufferedRows]]
) -> None:
    server_lab.fill(ROWS)

    def crash() -> None:
        server_lab.server.stop(immediately=True)
        server_lab.server.start()

    begun = during_the_first_batch(crash)
    query = f"{server_lab.query} AND {SLOWLY[server_lab.name]}"
    assert fetched(source(server_lab, query=query, batch_rows=1000, attempts=4)).equals(put_in(ROWS, DECEMBER))
    assert len(begun) == 2


def test_a_server_that_stays_away_gives_nothing_and_one_sentence(
    server_lab: PostgresLab | MariaDBLab, during_the_first_batch: Callable[[Callable[[], None]], list[BufferedRows]]
) -> None:
    server_lab.fill(ROWS)
    during_the_first_batch(lambda: server_lab.server.stop(immediately=True))
    given = []
    query = f"{server_lab.query} AND {SLOWLY[server_lab.name]}"
    try:
        with pytest.raises(SourceError, match="source fleet: .* on 127.0.0.1:.* does not answer: .*") as caught:
            for batch in source(server_lab, query=query, batch_rows=1000, attempts=2).fetch(DECEMBER):
                given.append(batch)
    finally:
        server_lab.server.start()
    assert not given
    assert "\n" not in str(caught.value)


def test_wrong_credentials_are_told_at_once(
    server_lab: PostgresLab | MariaDBLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(databases.PASSWORD_VARIABLE, "not-the-password")
    for ask in (lambda made: list(made.fetch(DECEMBER)), lambda made: made.describe()):
        with pytest.raises(SourceError, match="does not accept this user and password") as caught:
            ask(source(server_lab, attempts=20))
        assert "not-the-password" not in str(caught.value)


def test_an_unknown_host_database_or_variable_is_told(
    server_lab: PostgresLab | MariaDBLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = server_lab.options["address"]
    unknown = address.replace("127.0.0.1", "no-such-host.invalid")
    assert "the host no-such-host.invalid is not known" in refusal(source(server_lab, address=unknown))
    assert "no_such_database" in refusal(source(server_lab, address=address.rpartition("/")[0] + "/no_such_database"))
    monkeypatch.delenv(databases.PASSWORD_VARIABLE)
    with pytest.raises(
        Exception, match=f"password_env: the environment's variable {databases.PASSWORD_VARIABLE} is not set"
    ):
        list(source(server_lab).fetch(DECEMBER))


def test_a_table_that_the_user_may_not_read_is_told(server_lab: PostgresLab | MariaDBLab) -> None:
    server_lab.fill([])
    if isinstance(server_lab, PostgresLab):
        secret = postgres.PASSWORD.replace("'", "''")
        server_lab.run("DROP ROLE IF EXISTS guest", f"CREATE ROLE guest LOGIN PASSWORD '{secret}'")
        message = refusal(source(server_lab, address=server_lab.options["address"].replace("turbo@", "guest@")))
    else:
        message = refusal(source(server_lab, query="SELECT user AS host_id FROM mysql.user WHERE :start < :end"))
    assert "the user may not read what the query asks for" in message


def test_a_mariadb_behind_a_port_of_this_machine_is_asked_by_that_port(mariadb_lab: MariaDBLab) -> None:
    """Not by the socket that the server names: behind a tunnel, that is another server's, or none."""
    columns = "SUBSTRING_INDEX(USER(), '@', -1) AS host_id, 'cpu' AS resource, :start AS timestamp, 1 AS value"
    query = f"SELECT {columns} FROM (SELECT 1 AS one) AS row_ WHERE :start < :end"
    assert fetched(source(mariadb_lab, query=query, time_zone="UTC"))["host_id"].to_list() == ["127.0.0.1"]


def test_tls_that_the_server_does_not_speak_is_told(postgres_lab: PostgresLab) -> None:
    assert "SSL" in refusal(source(postgres_lab, sslmode="require"))
    with pytest.raises(Exception, match="sslmode cannot be used with MySQL or MariaDB"):
        source(postgres_lab, address="mysql://turbo@127.0.0.1/monitoring", sslmode="require")


def test_a_planted_password_is_nowhere(
    lab: Lab,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """In no sentence, log, query, description, on no stream; neither as it is nor as an address writes it."""
    caplog.set_level(logging.DEBUG)
    lab.fill(ROWS[:10])
    made = source(lab)
    right = made.describe()
    said = [
        repr(right),
        repr(made.query),
        repr(made.fetch(DECEMBER)),
        repr(vars(made)),
        repr(list(made.fetch(DECEMBER))),
    ]
    planted = ["p/w:d@%?#& '", "p%2Fw%3Ad%40%25%3F%23%26%20%27"]
    if "password_env" in lab.options:
        planted.append("planted:s3cr%t/")
        monkeypatch.setenv(databases.PASSWORD_VARIABLE, "planted:s3cr%t/")
        said.append(refusal(made))
        query = "SELECT 'planted:s3cr%t/' FROM nix WHERE :start < :end"
        said.append(refusal(source(lab, query=query)))
    printed = capfd.readouterr()
    for text in (*said, printed.out, printed.err, caplog.text):
        assert not [secret for secret in planted if secret in text]

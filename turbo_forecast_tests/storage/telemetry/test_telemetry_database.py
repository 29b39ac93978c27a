"""A DuckDB file is read by itself: nothing its views name outside it, and what cannot be opened is said."""

import subprocess
import sys
from datetime import date

import duckdb
import pytest

TABLE = "CREATE TABLE m AS SELECT 'a' AS host, TIMESTAMP '2025-01-01' AS time, 5.0 AS cpu"


@pytest.fixture
def database(tmp_path):
    """Make a DuckDB file by statements; {folder} in them is where it lies."""

    def made(*statements, name="t.duckdb"):
        with duckdb.connect(str(tmp_path / name)) as con:
            for statement in statements:
                con.execute(statement.replace("{folder}", str(tmp_path)))
        return tmp_path / name

    return made


def test_a_view_of_its_own_table_is_read(database, read):
    path = database(TABLE, "CREATE VIEW v AS SELECT host, time, cpu * 2 AS cpu FROM m")
    reading = read(path, table="v")
    assert reading.rows == [("a", "cpu", date(2025, 1, 1), 10.0)]
    assert reading.report.sources == [f"{path}:v"]


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE VIEW v AS SELECT * FROM read_csv('{folder}/out.csv')"],
        ["CREATE VIEW v AS SELECT * FROM '{folder}/out.csv'"],
        ["CREATE VIEW v AS SELECT *, (SELECT count(*) FROM read_text('{folder}/out.csv')) AS n FROM m"],
        ["CREATE VIEW v AS SELECT m.* FROM m, glob('{folder}/*')"],
        ["CREATE VIEW v AS FROM query('FROM read_csv(''{folder}/out.csv'')')"],
        ["CREATE MACRO f() AS TABLE FROM read_csv('{folder}/out.csv')", "CREATE VIEW v AS FROM f()"],
        [
            "CREATE VIEW w AS FROM '{folder}/out.csv'",
            "CREATE VIEW v AS SELECT * FROM m WHERE host IN (SELECT host FROM w)",
        ],
        ["ATTACH '{folder}/other.duckdb' AS other", "CREATE VIEW v AS FROM other.m"],
        ["CREATE TABLE gone AS FROM m", "CREATE VIEW v AS FROM gone", "DROP TABLE gone"],
    ],
)
def test_a_view_that_reads_outside_its_database_is_refused(database, csv, refusal, statements):
    csv("host,time,cpu", "a,2025-01-01,5", name="out.csv")
    database(TABLE, name="other.duckdb")
    assert "views that read outside their database are refused" in refusal(database(TABLE, *statements), table="v")


def test_a_view_cannot_reach_the_connection_that_reads_it(database, read, refusal):
    path = database("CREATE TABLE base_table AS SELECT 'a' AS host, DATE '2025-01-01' AS time, 5.0 AS cpu")
    with duckdb.connect(str(path)) as con:
        con.execute("ATTACH ':memory:' AS memory")
        con.execute("CREATE TABLE memory.base_table AS FROM base_table")
        con.execute("CREATE VIEW v AS FROM memory.main.base_table")
    assert "views that read outside their database are refused" in refusal(path, table="v")


def test_a_database_of_another_process_is_said(database, refusal):
    path = database(TABLE)
    code = f"import duckdb, sys\nc = duckdb.connect({str(path)!r})\nprint('open', flush=True)\nsys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline()
        assert "another process has it open for writing" in refusal(path)
        holder.stdin.close()


def test_a_database_this_process_writes_is_said(database, refusal):
    path = database(TABLE)
    with duckdb.connect(str(path)):
        assert "this process has it open already" in refusal(path)


def test_an_encrypted_database_is_said(tmp_path, refusal):
    path = tmp_path / "secret.duckdb"
    with duckdb.connect() as con:
        con.execute("SET force_mbedtls_unsafe = 'true'")
        con.execute(f"ATTACH '{path}' AS e (ENCRYPTION_KEY 'key')")
        con.execute("CREATE TABLE e.t AS SELECT 1 AS x")
        con.execute("DETACH e")
    assert refusal(path).endswith("cannot be opened as a DuckDB file: it is encrypted")


def test_a_damaged_database_is_said(database, refusal):
    path = database(TABLE)
    path.write_bytes(path.read_bytes()[:9000])
    assert "damaged or cut off" in refusal(path)


def test_a_database_without_a_table_is_said_and_many_are_listed_briefly(database, refusal):
    assert refusal(database("SELECT 1", name="none.duckdb")).endswith("has no table")
    many = database(*[f"CREATE TABLE {'long' * 20}{number} (a INT)" for number in range(60)])
    assert "set table to one of" in refusal(many)


def test_a_database_beside_other_files_is_refused(database, csv, tmp_path, refusal):
    database(TABLE)
    csv("host,time,cpu", "a,2025-01-01,5", name="t.csv")
    assert "may be one DuckDB file" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("collation", "twin"), [("NOCASE", "A"), ("NOACCENT", "\u00e4"), ("NOCASE.NOACCENT", "\u00c4")]
)
@pytest.mark.parametrize("column", ["host", "device"])
def test_a_collation_makes_no_two_hosts_one(tmp_path, read, column, twin, collation):
    path = tmp_path / "t.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute(
            f"CREATE TABLE t (host VARCHAR COLLATE {collation}, time DATE, device VARCHAR COLLATE {collation}, cpu DOUBLE)"
        )
        for day, name in enumerate(("a", twin), 1):
            names = (name, "d") if column == "host" else ("h", name)
            con.execute("INSERT INTO t VALUES (?, ?, ?, 5)", [names[0], f"2025-01-0{day}", names[1]])
    reading = read(path, resource_columns=["device"])
    assert len({row[:2] for row in reading.rows}) == 2

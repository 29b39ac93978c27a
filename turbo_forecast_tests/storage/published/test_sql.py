"""The file of views shows all that is published, can be open for ever, and is complete whoever publishes at the same time."""

from pathlib import Path

import duckdb
import polars as pl
import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import BASE_TABLE, CHAMPIONS, MODEL_RUNS
from turbo_forecast.storage.published import sql
from turbo_forecast.storage.published.layout import PUBLISHED
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.storage.published.sql import month_views, publish_views
from turbo_forecast_tests.storage.published import made


def asked(data: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(data / "published" / "turbo_forecast.duckdb"), read_only=True) as con:
        return con.execute(query).fetchall()


def test_every_table_of_all_months_is_a_view_with_the_schemas_types(data: Path) -> None:
    for table in (*PUBLISHED, BASE_TABLE):
        kinds = [(name, kind) for name, kind, *_ in asked(data, f"DESCRIBE {table.name}")]
        assert kinds == [(each.name, made_type(each.dtype)) for each in table.columns], table.name
    assert asked(data, "SELECT cutoff, count(*) FROM champions GROUP BY ALL ORDER BY 1 DESC") == [
        (made.CUTOFF, len(made.HOSTS)),
        (made.EARLIER, len(made.HOSTS)),
    ]
    assert asked(data, "SELECT count(*) FROM base_table") == [(40 * len(made.HOSTS),)]


def made_type(dtype: object) -> str:
    return sql.DUCKDB_TYPES[dtype]  # type: ignore[index]


@pytest.mark.sweep(keep=3)
@pytest.mark.parametrize("name", ["with space", "it's", 'quo"te', "[a]*", "ünï 日本", "~tilde", "{brace}", "a%b"])
def test_the_data_folder_may_be_called_anything(name: str, tmp_path: Path) -> None:
    data = tmp_path / name
    made.make(data)
    made.publish(data)
    assert asked(data, "SELECT count(*) FROM champions") == [(len(made.HOSTS),)]
    assert asked(data, "SELECT count(*) FROM base_table WHERE host_id = 'plain'") == [(40,)]


def test_a_folder_that_is_named_from_where_one_stands_gives_views_that_work_from_everywhere(
    data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(data.parent)
    publish_views(Path(data.name))
    monkeypatch.chdir("/")
    assert asked(data, "SELECT count(*) FROM champions WHERE cutoff = '2025-12-31'") == [(len(made.HOSTS),)]


def test_who_has_the_file_open_sees_what_was_published_then_and_who_opens_it_again_what_is_now(data: Path) -> None:
    attach = f"ATTACH '{data}/published/turbo_forecast.duckdb' AS published (READ_ONLY)"
    count = "SELECT count(*) FROM published.champions WHERE cutoff = '2025-12-31'"
    with duckdb.connect() as held:
        held.execute(attach)
        assert held.execute(count).fetchall() == [(6,)]
        made.sql(data, "DELETE FROM champions WHERE cutoff = '2025-12-31' AND host_id = 'plain'")
        made.publish(data)
        assert held.execute(count).fetchall() == [(6,)]
        held.execute("DETACH published")
        held.execute(attach)
        assert held.execute(count).fetchall() == [(5,)]


def test_a_month_that_is_damaged_is_left_out_and_named_and_keeps_no_other_from_being_published(data: Path) -> None:
    november = data / "published" / "2025-11" / "manifest.json"
    november.write_text("{")
    said: list[str] = []
    publish_views(data, said.append)
    assert said == [f"{november} is damaged, or no document of this program: publish the month again"]
    assert asked(data, "SELECT DISTINCT cutoff FROM champions") == [(made.CUTOFF,)]


@pytest.mark.parametrize("harm", ["gone", "without its end"])
def test_a_file_that_is_damaged_is_left_out_of_its_view_alone(harm: str, data: Path) -> None:
    path = Published(data).month("2025-11").path(CHAMPIONS)
    content = path.read_bytes()
    path.unlink() if harm == "gone" else path.write_bytes(content[:-9])
    history = Published(data).history_file()
    history.unlink()
    said: list[str] = []
    publish_views(data, said.append)
    assert [line.split(" cannot be read: ")[0] for line in said] == [str(path), str(history)]
    assert asked(data, "SELECT DISTINCT cutoff FROM champions") == [(made.CUTOFF,)]
    assert len(asked(data, "SELECT DISTINCT cutoff FROM model_runs")) == 2
    assert asked(data, "SELECT count(*) FROM base_table") == [(0,)]


def test_views_over_what_older_versions_published_have_nulls_for_what_they_lack(data: Path) -> None:
    path = Published(data).month("2025-11").path(MODEL_RUNS)
    column = next(column.name for column in MODEL_RUNS.columns if column.nullable)
    pl.read_parquet(path).drop(column).with_columns(pl.col("milliseconds").cast(pl.Float32)).write_parquet(path)
    publish_views(data)
    counted = f"SELECT cutoff, count(*), count({column}), typeof(any_value(milliseconds)) FROM model_runs GROUP BY 1 ORDER BY 1"
    assert asked(data, counted) == [(made.EARLIER, 6, 0, "DOUBLE"), (made.CUTOFF, 6, 3, "DOUBLE")]


def test_where_nothing_is_published_the_views_are_empty(tmp_path: Path) -> None:
    publish_views(tmp_path)
    assert asked(tmp_path, "SELECT (SELECT count(*) FROM champions) + (SELECT count(*) FROM base_table)") == [(0,)]


def test_two_who_publish_at_the_same_time_leave_views_of_both_months(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other publishes a month after this one has looked at the months, and before it puts its file in place."""
    real, others = sql.put_in_place, iter([True])

    def late(made_file: Path, path: Path) -> None:
        if path.name == "turbo_forecast.duckdb" and next(others, False):
            made.sql(data, "DELETE FROM champions WHERE cutoff = '2025-11-30' AND host_id = 'plain'")
            made.publish(data, made.EARLIER, run_id="the-other")
        real(made_file, path)

    monkeypatch.setattr(sql, "put_in_place", late)
    publish_views(data)
    assert asked(data, "SELECT cutoff, count(*) FROM champions GROUP BY 1 ORDER BY 1") == [
        (made.EARLIER, 5),
        (made.CUTOFF, 6),
    ]


def test_views_in_memory_are_of_one_month_and_of_all_that_was_observed(data: Path) -> None:
    published = Published(data)
    with month_views(published, published.month("2025-11"), [CHAMPIONS, BASE_TABLE]) as con:
        assert con.execute("SELECT DISTINCT cutoff FROM champions").fetchall() == [(made.EARLIER,)]
        assert con.execute("SELECT count(*) FROM base_table").fetchall() == [(40 * len(made.HOSTS),)]
        with pytest.raises(duckdb.CatalogException):
            con.execute("FROM model_runs")


def test_a_question_to_views_in_memory_that_meets_a_damaged_file_is_a_sentence(data: Path) -> None:
    published = Published(data)
    month = published.month("2025-11")
    path = month.path(CHAMPIONS)
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\xff" * 90 + content[94:])
    with (
        pytest.raises(StorageError, match=rf"^{path} cannot be read: "),
        month_views(published, month, [CHAMPIONS]) as con,
    ):
        con.execute("SELECT * FROM champions").fetchall()

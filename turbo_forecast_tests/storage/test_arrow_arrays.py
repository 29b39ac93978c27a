"""Conversions by way of Polars: the same arrays and tables as PyArrow's own, which import pandas."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from turbo_forecast.storage.arrow_arrays import arrow_array, empty_table, numpy_array, table_of_rows, text_array

NUMBERS = [
    np.arange(-3, 3, dtype=np.int8),
    np.arange(3, dtype=np.int16),
    np.array([2**31 - 1, -(2**31)], np.int32),
    np.array([2**63 - 1, -(2**63)]),
    np.array([0.1, np.inf, np.nan], np.float32),
    np.array([0.1, -np.inf, np.nan]),
    np.array([True, False, True]),
    np.array(["1969-12-31", "2025-12-31"], "datetime64[D]"),
    np.zeros(0, np.float32),
    np.arange(10)[::-3],
]


@pytest.mark.parametrize("values", NUMBERS, ids=lambda values: f"{values.size} {values.dtype}")
def test_numbers_and_days_are_converted_as_arrow_itself_does_and_back(values: np.ndarray) -> None:
    made, own = arrow_array(values), pa.array(values)
    assert made.type == own.type
    np.testing.assert_array_equal(made.to_numpy(zero_copy_only=False), own.to_numpy(zero_copy_only=False))
    back = numpy_array(made)
    assert back.dtype == values.dtype
    np.testing.assert_array_equal(back, values)
    np.testing.assert_array_equal(numpy_array(pa.chunked_array([made, made])), np.concatenate([values, values]))


def test_a_value_that_is_not_known_is_null_where_that_is_asked() -> None:
    values = np.array([1.0, np.nan, 3.0])
    assert arrow_array(values).null_count == 0
    assert arrow_array(values, nan_to_null=True).to_pylist() == [1.0, None, 3.0]
    assert arrow_array(np.array([1, 2]), nan_to_null=True).to_pylist() == [1, 2]


def test_arrows_own_values_cannot_be_written_to() -> None:
    for size in (0, 3):
        with pytest.raises(ValueError, match="read-only"):
            numpy_array(pa.array(np.arange(size)))[:] = 0


@pytest.mark.parametrize("values", [[], ["a", None, "żółw"], np.repeat(["forecast", "fallback"], [2, 1])])
def test_text_is_arrows_string(values: list[str | None]) -> None:
    made = text_array(values)
    assert made.type == pa.string()
    assert made.to_pylist() == list(values)


def test_rows_have_the_schemas_types_whatever_they_hold() -> None:
    schema = pa.schema(
        [("n", pa.int8()), ("x", pa.float64()), ("text", pa.string()), ("day", pa.date32()), ("none", pa.int64())]
    )
    rows: list[dict[str, object]] = [
        {"n": 1, "x": 2, "text": None, "day": date(2025, 12, 31), "none": None},
        {"none": None, "day": None, "text": "two", "x": float("nan"), "n": -128},
    ]
    made, own = table_of_rows(rows, schema), pa.Table.from_pylist(rows, schema)
    assert made.schema == own.schema
    assert str(made.to_pylist()) == str(own.to_pylist())
    assert table_of_rows([], schema).equals(schema.empty_table())
    assert empty_table(schema).equals(schema.empty_table())


@pytest.mark.parametrize("count", [1, 7, 8, 9, 70])
def test_rows_that_are_stored_in_two_parts_and_joined_are_the_same_bytes(count: int) -> None:
    schema = pa.schema([("n", pa.int32()), ("text", pa.string()), ("is", pa.bool_())])
    rows = [
        {"n": None if i % 3 else i, "text": None if i % 4 else "x", "is": None if i % 5 == 1 else i % 2 == 0}
        for i in range(count)
    ]
    parts = [table_of_rows(some, schema) for some in (rows[: count // 2], rows[count // 2 :])]
    assert stored(pa.concat_tables(parts)) == stored(table_of_rows(rows, schema))


def stored(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return bytes(sink.getvalue())


def test_a_value_of_another_type_is_refused_and_not_lost() -> None:
    with pytest.raises(TypeError):
        table_of_rows([{"n": "many"}], pa.schema([("n", pa.int64())]))

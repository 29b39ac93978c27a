"""Between Arrow's arrays and tables and the values of NumPy and Python, by way of Polars.

PyArrow's own conversions (`pa.array`, with it `empty_table` and `from_pylist`, and `to_numpy`) import pandas to ask whether they
were handed something of pandas': 0.2 s and 34 MB in each worker process, in which nothing else needs it.

Belongs here: these conversions. Does not belong here: what is in the tables, and how files of them are written.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa


def arrow_array(values: np.ndarray, *, nan_to_null: bool = False) -> pa.Array:
    """(n,) values as an array of Arrow's own type for them: text is large_string, days are date32.

    nan_to_null: whether NaN, a value that is not known, becomes null.
    """
    return pl.Series(values, nan_to_null=nan_to_null).to_arrow()


def text_array(values: Sequence[str | None] | np.ndarray) -> pa.Array:
    """An array of text, Arrow's string."""
    return pl.Series(values, dtype=pl.String).to_arrow().cast(pa.string())


def numpy_array(values: pa.Array | pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """(n,) the same values, which cannot be written to: numbers in one piece without nulls are a view of Arrow's own."""
    found = pl.Series(pl.from_arrow(values)).to_numpy()
    found.setflags(write=False)
    return found


def table_of_rows(rows: Iterable[Mapping[str, object]], schema: pa.Schema) -> pa.Table:
    """A table of one row for each mapping of the schema's names to Python's values."""
    listed = list(rows)
    types = pl.DataFrame(pl.from_arrow(empty_table(schema))).schema
    columns = [pl.Series([row[name] for row in listed], dtype=dtype).to_arrow() for name, dtype in types.items()]
    # concatenating clears the bits after a bitmap's last one, which Polars leaves set: equal tables are equal bytes
    return pa.Table.from_arrays(
        [pa.concat_arrays([each.slice(0, 0), each]) for each in columns], names=schema.names
    ).cast(schema)


def empty_table(schema: pa.Schema) -> pa.Table:
    """No rows of these columns."""
    return pa.Table.from_batches([], schema)

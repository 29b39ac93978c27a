"""A stored table's schema: columns with types and descriptions, from which Polars schemas, Arrow schemas and DDL are derived.

Belongs here: the two classes. Does not belong here: any table of the product (`schemas/`).
"""

from dataclasses import dataclass

import polars as pl
import pyarrow as pa

DATETIME = pl.Datetime("us")
DUCKDB_TYPES: dict[pl.DataType | type[pl.DataType], str] = {
    pl.String: "VARCHAR",
    pl.Date: "DATE",
    pl.Float64: "DOUBLE",
    pl.Float32: "FLOAT",
    pl.Int64: "BIGINT",
    pl.Int32: "INTEGER",
    DATETIME: "TIMESTAMP",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One stored column: its name, Polars type, meaning, and whether it may be null."""

    name: str
    dtype: pl.DataType | type[pl.DataType]
    description: str
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One stored table or file: its columns in order, and the columns no two rows share.

    made_from: of a table that is part of a month, the tables its rows follow from; None for what is no part of one. A
    table can only name what stands before it, so nothing is made from itself.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    made_from: tuple["Table", ...] | None = None

    @property
    def names(self) -> list[str]:
        """Column names, in stored order."""
        return [column.name for column in self.columns]

    @property
    def polars_schema(self) -> pl.Schema:
        """The table as a Polars schema, in stored order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The table's columns of a frame, in stored order and type. Raises what Polars raises if one cannot be."""
        return frame.select([pl.col(column.name).cast(column.dtype) for column in self.columns])

    @property
    def arrow_schema(self) -> pa.Schema:
        """The table as an Arrow schema, as Polars exports it."""
        return pl.DataFrame(schema=self.polars_schema).to_arrow().schema

    def ddl(self, name: str | None = None) -> str:
        """A DuckDB `CREATE TABLE IF NOT EXISTS` for the table, under `name` when given."""
        body = ", ".join(
            f'"{column.name}" {DUCKDB_TYPES[column.dtype]}{"" if column.nullable else " NOT NULL"}'
            for column in self.columns
        )
        return f'CREATE TABLE IF NOT EXISTS "{name or self.name}" ({body})'

"""Parquet through dagster-polars: frames that assets return are stored whole or not at all, and loaded as typed inputs.

Belongs here: which frame goes where, and how it is read from there. Does not belong here: Parquet's options and the
rename (`storage/`), the tables in DuckDB, which have a transactional writer of their own.
"""

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
import pyarrow.dataset
from dagster_polars import PolarsParquetIOManager
from dagster_polars.io_managers.type_routers import resolve_type_router

from turbo_forecast.defs.kept_open import closed_on_error
from turbo_forecast.defs.reporting import log_to, plain_errors
from turbo_forecast.errors import StorageError
from turbo_forecast.leftovers import temporary_folder
from turbo_forecast.processes import own_process
from turbo_forecast.storage.datasets import MadeRows, parts, publish_folder, published_name, require_whole, rows
from turbo_forecast.storage.former_layout import rename_former
from turbo_forecast.storage.frames import write_frame

if TYPE_CHECKING:
    from upath import UPath

LOCAL = ("", "file", "local")
READ_BY_POLARS = ("s3", "s3a", "gs", "gcs", "az", "azure", "abfs", "abfss", "adl")
"""Protocols of paths: those of this machine's files, and those that Polars scans by itself, column by column."""


class AtomicParquetIOManager(PolarsParquetIOManager):
    """Parquet through dagster-polars, published whole, with row-group statistics and no rows in the event log.

    A LazyFrame is written as it is computed, some row groups at a time. Elsewhere than on this machine a file is written
    here first, and uploaded in one piece: an object store shows an object when it has all of it.

    `MadeRows`, a folder of part files, is published whole too, under the name that one file would have; whoever loads it
    gets one frame of all parts, as of a file.
    """

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Find the base; a step's inputs are loaded before it opens the warehouse, so files get their names of today here, too."""
        super().setup_for_execution(context)
        if self._base_path.protocol in LOCAL:
            renamed = rename_former(Path(self._base_path.path).absolute()).describe()
            if renamed and context.log:
                log_to(context)(renamed)

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Store what an asset has returned or yielded; what cannot be stored fails its step with one sentence."""
        with plain_errors(), closed_on_error(context):
            super().handle_output(context, obj)

    def load_input(self, context: dg.InputContext) -> Any:
        """Load what an asset has stored; what is not there fails the step with one sentence."""
        with plain_errors():
            try:
                return super().load_input(context)
            except FileNotFoundError as error:
                raise StorageError(f"{error.filename} is not there: {_remedy(context, error.filename)}") from None

    def make_directory(self, path: "UPath") -> None:
        """Make a folder that is not of this machine; what publishes a file here makes its folder, and says what refuses."""
        if path.protocol not in LOCAL:
            super().make_directory(path)

    def dump_to_path(self, context: dg.OutputContext, obj: Any, path: "UPath") -> None:
        """Store a frame, or a folder of part files, by what it is: the annotation of an asset that yields says nothing of it."""
        if isinstance(obj, MadeRows):
            self.publish_parts(context, obj, path)
            return
        if not isinstance(obj, pl.DataFrame | pl.LazyFrame | None) or (obj is None and context.dagster_type.is_any):
            raise StorageError(
                f"{context.step_key} returned {type(obj).__name__}, which is no frame of Polars: return one, or annotate "
                "the asset's function with -> None"
            )
        resolve_type_router(context, context.dagster_type).dump(obj, path, self.write_df_to_path)

    def write_df_to_path(self, context: dg.OutputContext, df: pl.DataFrame | pl.LazyFrame, path: "UPath") -> None:
        """Write the frame whole or not at all, and report its rows and bytes."""
        what = context.asset_key.to_user_string() if context.has_asset_key else context.step_key
        if path.protocol in LOCAL:
            rows = write_frame(df, Path(path.path), what)
        else:
            with temporary_folder("turbo-forecast-") as folder:
                rows = write_frame(df, folder / path.name, what)
                path.fs.put_file(str(folder / path.name), path.path)
        context.add_output_metadata({"dagster/row_count": rows, "bytes": path.stat().st_size})

    def publish_parts(self, context: dg.OutputContext, made: MadeRows, path: "UPath") -> None:
        """Publish a folder of part files whole, and report its rows, bytes and parts."""
        metadata = {"dagster/row_count": made.rows, "bytes": made.bytes, "parts": len(parts(made.folder))}
        if path.protocol in LOCAL:
            publish_folder(made.folder, Path(path.path))
        else:
            _upload(made.folder, path)
        context.add_output_metadata(metadata)

    def sink_df_to_path(self, context: dg.OutputContext, df: pl.LazyFrame, path: "UPath") -> None:
        """The same, of a lazy frame."""
        self.write_df_to_path(context, df, path)

    def load_from_path(self, context: dg.InputContext, path: "UPath") -> Any:
        """The frame that the input's annotation asks for.

        Raises FileNotFoundError, which names the path, and StorageError where the rows cannot be read.
        """
        try:
            return super().load_from_path(context, path)
        except FileNotFoundError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None
        except (pl.exceptions.ComputeError, OSError) as error:  # a file that is damaged within, or a disk that is
            raise StorageError(f"{path} cannot be read: {' '.join(str(error).split())}") from None

    def scan_df_from_path(
        self, path: "UPath", context: dg.InputContext, partition_key: str | None = None
    ) -> pl.LazyFrame:
        """Just this file, or folder of parts, lazily: of a local path, the library's scan takes `[` or `*` in it for a pattern.

        What neither this machine nor Polars reads, fsspec does: there the columns asked for are read at once.
        """
        if path.protocol in READ_BY_POLARS:
            return super().scan_df_from_path(path / "*.parquet" if path.is_dir() else path, context, partition_key)
        if path.protocol not in LOCAL:
            return pl.scan_pyarrow_dataset(pyarrow.dataset.dataset(path.path, filesystem=path.fs, format="parquet"))
        if path.exists():
            require_whole(Path(path.path), _declared(context))
        return rows(path.path)

    def get_metadata(
        self, context: dg.OutputContext, obj: pl.DataFrame | pl.LazyFrame | None
    ) -> dict[str, dg.MetadataValue]:
        """Nothing more: the library's own puts a random sample of rows into the event log."""
        return super().get_metadata(context, obj) if obj is None else {}


def _upload(folder: Path, path: "UPath") -> None:
    """Put a folder elsewhere than on this machine: under another name first, for only its last step is short.

    No other file system can exchange two names: for that step, readers find nothing. One that dies in it leaves the new
    parts under a name that begins with a dot.
    """
    beside = path.with_name(f".{path.name}.{own_process().stem()}.tmp")
    for part in parts(folder):
        path.fs.makedirs(beside.path, exist_ok=True)
        path.fs.put_file(str(part), f"{beside.path}/{published_name(part)}")
    if path.exists():
        path.fs.rm(path.path, recursive=True)
    path.fs.mv(beside.path, path.path, recursive=True)


def _declared(context: dg.InputContext) -> list[str]:
    """The columns of the schema in an asset's definition; none where it has no schema."""
    made = context.upstream_output
    schema = made.definition_metadata.get("dagster/column_schema") if made else None
    return [column.name for column in schema.columns] if isinstance(schema, dg.TableSchema) else []


def _remedy(context: dg.InputContext, missing: str) -> str:
    """What to do about an input's file that is not there; a partition's file is named after it."""
    asset = context.asset_key.to_user_string() if context.has_asset_key else "what makes it"
    partition = f" for {Path(missing).stem}" if context.has_asset_key and context.has_asset_partitions else ""
    return f"materialise {asset}{partition} first"

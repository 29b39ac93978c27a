"""Months that were materialised as partitions `2025-12-01`, before keys became `2025-12`: files, and what Dagster shows.

Belongs here: reporting to an instance that a month which is stored is there, under its name of today. Does not belong here: how
files are renamed (`storage/former_layout.py`).
"""

from collections.abc import Callable
from pathlib import Path

import dagster as dg

from turbo_forecast.schemas import MONTHS, RUN_AUDIT
from turbo_forecast.storage.former_layout import FORMER, rename_former
from turbo_forecast.storage.months import COMPLETE, STEPS, month_states
from turbo_forecast.storage.warehouse import connected

OF_A_MONTH = (*STEPS, RUN_AUDIT.name, MONTHS.name)
"""The assets that have a partition for each month."""


def migrate_partitions(instance: dg.DagsterInstance, data: Path, log: Callable[[str], None]) -> None:
    """Rename the files of former months, and show those that are complete as materialised under their names of today.

    Does nothing in a data folder and an instance that have no such months. log: called with what was done, a sentence
    each. Raises StorageError.
    """
    said = rename_former(data).describe()
    if said:
        log(f"{data}: {said}")
    shown = report_former(instance, data)
    if shown:
        log(
            f"{len(shown):,} month{'' if len(shown) == 1 else 's'} materialised before partitions were called YYYY-MM: "
            f"shown in the UI as {', '.join(sorted(shown))}; their checks can be made again by the job monthly_checks"
        )


def report_former(instance: dg.DagsterInstance, data: Path) -> set[str]:
    """Report the materialisation of each complete month that the instance knows by its former key alone.

    Returns these months. One instance may serve several data folders: the table `months` of this one decides.
    """
    missing: dict[str, set[str]] = {}
    for asset in OF_A_MONTH:
        keys = instance.get_materialized_partitions(dg.AssetKey(asset))
        months = {key[:7] for key in keys if FORMER.fullmatch(key)} - keys
        if months:
            missing[asset] = months
    warehouse = data / "warehouse.duckdb"
    if not missing or not warehouse.is_file():
        return set()
    with connected(warehouse) as con:
        complete = {f"{cutoff:%Y-%m}" for cutoff, state in month_states(con).items() if state == COMPLETE}
    for asset, months in missing.items():
        for month in sorted(months & complete):
            instance.report_runless_asset_event(_again(instance, asset, month))
    return set().union(*missing.values()) & complete


def _again(instance: dg.DagsterInstance, asset: str, month: str) -> dg.AssetMaterialization:
    """The month's materialisation as it was, as far as it does not name places, which have changed."""
    former, key = f"{month}-01", dg.AssetKey(asset)
    chosen = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[former])
    records = instance.fetch_materializations(chosen, limit=1).records
    known = records[0].asset_materialization if records else None
    counted = {name: value for name, value in (known.metadata if known else {}).items() if name == "dagster/row_count"}
    return dg.AssetMaterialization(key, partition=month, metadata={**counted, "migrated from": former})

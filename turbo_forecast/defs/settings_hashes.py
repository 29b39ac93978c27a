"""Which settings decide what is stored of a month: of most tables those it was forecast with, of statements the thresholds too.

Belongs here: the hash that a table's audit keeps of them, and refusing to score statements by other thresholds. Does not
belong here: the settings themselves.
"""

import hashlib
import json
from datetime import date

import duckdb

from turbo_forecast.errors import SettingsError
from turbo_forecast.schemas import CAPACITY_OUTLOOK, OUTLOOK_BACKTEST, RUN_AUDIT
from turbo_forecast.settings import ForecastSettings, OutlookSettings
from turbo_forecast.storage.hand_kept_tables import content
from turbo_forecast.tables import Table

BY_THRESHOLDS = frozenset({CAPACITY_OUTLOOK.name, OUTLOOK_BACKTEST.name})
"""Tables with a row for each threshold, which may be made again with others without a forecast."""
THRESHOLDS = {"thresholds", "resource_thresholds", "host_thresholds"}
FILES = {"groups", "plans"}
"""Options that name a file."""


def settings_hash(table: Table, settings: ForecastSettings, outlook: OutlookSettings) -> str:
    """Twelve hex digits over every setting that decides the table's numbers."""
    if table.name not in BY_THRESHOLDS:
        return settings.config_hash()
    both = [settings.config_hash(), outlook.model_dump(include=THRESHOLDS)]
    return hashlib.sha256(json.dumps(both, sort_keys=True).encode()).hexdigest()[:12]


def outlook_digest(outlook: OutlookSettings) -> str:
    """Sixteen hex digits over all that a month's statements rest on beside its forecast: the options, and what the files of
    groups and of plans hold. Raises SettingsError where one of these cannot be read.
    """
    digest = hashlib.sha256(json.dumps(outlook.model_dump(exclude=FILES), sort_keys=True).encode())
    for option in sorted(FILES):
        path = getattr(outlook, option)
        held = content(f"outlook.{option}", path) if path else b""
        digest.update(f"{option} {len(held)} ".encode() + held)
    return digest.hexdigest()[:16]


def require_same_thresholds(
    con: duckdb.DuckDBPyConnection, table: Table, cutoff: date, settings: ForecastSettings, outlook: OutlookSettings
) -> None:
    """Raises SettingsError where the month's statements are about other thresholds than the settings name now."""
    if table.name not in BY_THRESHOLDS:
        return
    audited = f"SELECT DISTINCT config_hash FROM {RUN_AUDIT.name} WHERE cutoff = ? AND asset = ?"
    made_with = {row[0] for row in con.execute(audited, [cutoff, table.name]).fetchall()}
    if made_with and made_with != {settings_hash(table, settings, outlook)}:
        raise SettingsError(
            f"{table.name} of {cutoff:%Y-%m} was made for other thresholds than the settings name now: run the job "
            "monthly_outlook for the month, which forecasts no series"
        )

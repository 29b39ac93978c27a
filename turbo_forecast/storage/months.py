"""Which months can be relied on: the tables `months` and `month_steps`.

Belongs here: a month's state, what of it has been stored and checked, and the base table it was made of. Does not belong
here: the steps themselves, and who starts them.

A month is incomplete from before the first of its tables is replaced until its last step has found that everything is
stored and has passed its blocking checks. So a run that dies in between leaves a month that says so. Checks of the table
`months` validate the state, and so are no part of what it follows from: a month would be failed because it is failed.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from graphlib import TopologicalSorter

import duckdb

from turbo_forecast import schemas
from turbo_forecast.errors import BaseTableReplacedError, SettingsError, StorageError
from turbo_forecast.schemas import MONTH_STEPS, MONTHS
from turbo_forecast.storage.base_table import (
    digest_up_to,
    require_own_base_table,
    require_sound_base_table,
    stored_by,
    utc_now,
)
from turbo_forecast.storage.telemetry.sql import literal
from turbo_forecast.storage.warehouse import ensure_table, has_table
from turbo_forecast.tables import Table

COMPLETE, INCOMPLETE, FAILED = "complete", "incomplete", "failed"
STORED, PASSED, WARNED = "stored", "passed", "warned"


def steps_of(tables: Iterable[Table]) -> dict[str, tuple[str, ...]]:
    """What a month consists of, each part after those that it is made from, and with their names.

    tables: any; those that are no part of a month are left out. When a part is stored again, all that rests on it is old.
    """
    parts = {
        table.name: tuple(source.name for source in table.made_from if source.made_from is not None)
        for table in tables
        if table.made_from is not None
    }
    return {name: parts[name] for name in TopologicalSorter(parts).static_order()}


STEPS = steps_of(getattr(schemas, name) for name in schemas.__all__)
"""The parts of a month, as the schemas say what each is made from."""

FLEET_STEP = tuple(name for name, sources in STEPS.items() if not sources)
"""What the fleet forecast stores at once."""

_SETTLED = f"""
    (SELECT earlier.cutoff FROM {MONTHS.name} AS earlier, (SELECT * FROM {MONTHS.name} WHERE cutoff = {{cutoff}}) AS own
     LEFT JOIN (SELECT * FROM {MONTH_STEPS.name} WHERE asset = {{asset}} AND result = '{STORED}') AS made
     ON made.cutoff = own.cutoff
     WHERE earlier.cutoff < own.cutoff
       AND ((earlier.state = '{INCOMPLETE}' AND earlier.run_id = own.run_id)
            OR (earlier.state = '{COMPLETE}'
                AND (coalesce(earlier.finished_at <= made.recorded_at, true)
                     OR earlier.cutoff IN (SELECT beside.cutoff FROM {MONTH_STEPS.name} AS beside
                                           WHERE beside.asset = {{asset}} AND beside.result = '{STORED}'
                                             AND beside.run_id = made.run_id)))))
"""


def settled(cutoff: str, asset: str) -> str:
    """SQL for the earlier months whose forecasts an asset of this month could score when it was made, or can now.

    Those are the months that were complete by then, and those that the same run made beside it. A month that another run
    has finished since is not due: two runs take turns step by step. cutoff: SQL for the month's last day; asset: its name.
    """
    return _SETTLED.format(cutoff=cutoff, asset=literal(asset))


@dataclass(frozen=True, slots=True)
class MonthState:
    """A row of MONTHS, as far as steps ask for it."""

    state: str
    run_id: str
    digest: str
    config_hash: str
    finished: bool


def month_state(con: duckdb.DuckDBPyConnection, cutoff: date) -> MonthState | None:
    """The month's row, if there is one."""
    if not has_table(con, MONTHS):
        return None
    found = con.execute(f"SELECT * FROM {MONTHS.name} WHERE cutoff = ?", [cutoff])
    names, rows = [column[0] for column in found.description or ()], found.fetchall()
    if not rows:
        return None
    row = dict(zip(names, rows[0], strict=True))  # a former version's table may lack when the month was finished
    finished = row["state"] == COMPLETE or row.get("finished_at") is not None
    return MonthState(row["state"], row["run_id"], row["base_table_digest"], row["config_hash"], finished)


def month_states(con: duckdb.DuckDBPyConnection) -> dict[date, str]:
    """The state of every month that was ever begun, by its last day."""
    if not has_table(con, MONTHS):
        return {}
    return dict(con.execute(f"SELECT cutoff, state FROM {MONTHS.name} ORDER BY cutoff").fetchall())


@dataclass(frozen=True, slots=True)
class MonthOfRun:
    """A month as one run works on it, or checks it, with the settings of that run.

    The caller of each method holds a transaction: what the method found out is true for all that the transaction reads.
    """

    cutoff: date
    config_hash: str
    run_id: str

    def announce(self, con: duckdb.DuckDBPyConnection) -> str:
        """Say that a run is at work on the month; returns the digest of the base table its series are read from.

        A month that is there stays what it is until the first of its tables is replaced (`begin`). Raises
        BaseTableReplacedError when another run has replaced the base table that this run wrote, and StorageError where a
        blocking check of the base table has failed.
        """
        require_own_base_table(con, self.run_id)
        require_sound_base_table(con)
        digest = digest_up_to(con, self.cutoff)
        if month_state(con, self.cutoff) is None:
            self._write(con, digest)
        return digest

    def begin(self, con: duckdb.DuckDBPyConnection, digest: str) -> None:
        """Call the month incomplete, in a transaction that is committed before the first of its tables is replaced.

        digest: what `announce` returned. Raises BaseTableReplacedError when that base table is not there any more.
        """
        if digest_up_to(con, self.cutoff) != digest:
            raise _replaced(con, self.cutoff)
        self._write(con, digest)
        con.execute(f"DELETE FROM {MONTH_STEPS.name} WHERE cutoff = ?", [self.cutoff])

    def require_same(self, con: duckdb.DuckDBPyConnection) -> None:
        """Raises unless the base table and the settings are those the month was forecast with.

        BaseTableReplacedError, SettingsError, or StorageError where the month has never been begun, or was finished by a
        former version, which stored other parts: what this one would say of it are differences of the two.
        """
        month, found = f"{self.cutoff:%Y-%m}", month_state(con, self.cutoff)
        if found is None:
            raise StorageError(f"month {month} is not in the table months: materialise fleet_forecast for it first")
        unknown = set(STEPS) - _stored(con, self.cutoff) if found.finished else set()
        if unknown:
            raise StorageError(
                f"month {month} was made by another version of this program, which stored no {_listed(unknown)}: it stays "
                f"{found.state} as it is, but this version can neither check nor change parts of it; to do so, run the month again"
            )
        # after the version: one with more options has other hashes of the same
        if found.config_hash != self.config_hash:
            raise SettingsError(
                f"month {month} was forecast with other settings (config hash {found.config_hash}, now {self.config_hash}): "
                "materialise fleet_forecast for it again"
            )
        if found.digest != digest_up_to(con, self.cutoff):
            raise _replaced(con, self.cutoff, complete=found.state == COMPLETE)

    def begin_step(self, con: duckdb.DuckDBPyConnection, asset: str) -> None:
        """Call the month incomplete and what rests on the asset old, in a transaction that is committed before the
        asset's table or file is replaced.

        Raises as `require_same`, and StorageError where something that the asset is made from is not stored, or has a
        blocking check that failed: a run stops there by itself, and a later run of one asset must not go round it.
        """
        self.require_same(con)
        require_sound_base_table(con)
        broken = [
            f"{source}.{check}" for source, check in failed_checks(con, self.cutoff) if source in _made_from(asset)
        ]
        if broken:
            raise StorageError(
                f"month {self.cutoff:%Y-%m}: {asset} rests on what {_listed(broken)} found to be wrong: mend it and run the "
                "job monthly_checks, or run the month again"
            )
        missing = set(STEPS[asset]) - _stored(con, self.cutoff)
        if missing:
            raise StorageError(
                f"month {self.cutoff:%Y-%m}: {asset} is made from {_listed(missing)}, which has not been stored since "
                "the month was begun anew: run the month again"
            )
        old = [asset, *resting_on(asset)]
        con.execute(f"DELETE FROM {MONTH_STEPS.name} WHERE cutoff = ? AND list_contains(?, asset)", [self.cutoff, old])
        self._set_unfinished(con, None)

    def require_stored(self, con: duckdb.DuckDBPyConnection, asset: str) -> None:
        """Raises StorageError where a part, or what the fleet forecast stores and all checks read, has not been stored
        since the month was begun: its rows are not there, or old.
        """
        missing = {asset, *FLEET_STEP} - _stored(con, self.cutoff) if asset in STEPS else set()
        if missing:
            named = asset if asset in missing else _listed(missing)
            raise StorageError(
                f"month {self.cutoff:%Y-%m}: {named} has not been stored since the month was begun: materialise it first, or run "
                "the month again"
            )

    def record_stored(self, con: duckdb.DuckDBPyConnection, assets: Iterable[str]) -> None:
        """Record that these are stored, in the transaction that stores them.

        What a check has said of them since the month was begun, it said of the rows of before.
        """
        for asset in assets:
            con.execute(f"DELETE FROM {MONTH_STEPS.name} WHERE cutoff = ? AND asset = ?", [self.cutoff, asset])
            self._record(con, asset, "", STORED)
            self._set_unfinished(con, asset)

    def record_check(
        self, con: duckdb.DuckDBPyConnection, asset: str, check: str, *, passed: bool, blocking: bool
    ) -> None:
        """Record a check's result; a blocking one of a part that fails makes the month failed.

        A complete month whose check passes again stays complete; one that had been complete is so again once no check
        of its parts fails any more.
        """
        self._record(con, asset, check, PASSED if passed else FAILED if blocking else WARNED)
        if asset not in STEPS:
            return
        found = month_state(con, self.cutoff)
        if (blocking and not passed) or (found is not None and found.state == FAILED):
            self._set_checked(con)

    def complete(self, con: duckdb.DuckDBPyConnection, checks: Collection[tuple[str, str]], finished: datetime) -> None:
        """Call the month complete. checks: the blocking ones, (asset, name).

        Raises as `require_same`, and StorageError that names what is not stored or has not passed.
        """
        self.require_same(con)
        require_sound_base_table(con)
        missing = set(STEPS) - _stored(con, self.cutoff)
        unproven = {f"{asset}.{check}" for asset, check in set(checks) - _passed(con, self.cutoff)}
        if missing or unproven:
            why = f"{_listed(missing)} is not stored" if missing else f"{_listed(unproven)} has not passed"
            raise StorageError(f"month {self.cutoff:%Y-%m} is not complete: {why}: run the month again")
        con.execute(
            f"UPDATE {MONTHS.name} SET state = '{COMPLETE}', reached = ?, run_id = ?, finished_at = ? WHERE cutoff = ?",
            [MONTHS.name, self.run_id, finished, self.cutoff],
        )
        # what checks of the state have said, they said of the one before
        con.execute(f"DELETE FROM {MONTH_STEPS.name} WHERE cutoff = ? AND asset = ?", [self.cutoff, MONTHS.name])

    def _write(self, con: duckdb.DuckDBPyConnection, digest: str) -> None:
        ensure_table(con, MONTHS)
        ensure_table(con, MONTH_STEPS)
        con.execute(f"DELETE FROM {MONTHS.name} WHERE cutoff = ?", [self.cutoff])
        con.execute(
            f"INSERT INTO {MONTHS.name} ({', '.join(MONTHS.names)}) VALUES (?, ?, ?, ?, ?, ?, '', ?, NULL)",
            [self.cutoff, f"{self.cutoff:%Y-%m}", INCOMPLETE, self.run_id, digest, self.config_hash, utc_now()],
        )

    def _record(self, con: duckdb.DuckDBPyConnection, asset: str, check: str, result: str) -> None:
        key = [self.cutoff, asset, check]
        con.execute(f"DELETE FROM {MONTH_STEPS.name} WHERE cutoff = ? AND asset = ? AND check_name = ?", key)
        con.execute(
            f"INSERT INTO {MONTH_STEPS.name} ({', '.join(MONTH_STEPS.names)}) VALUES (?, ?, ?, ?, ?, ?)",
            [*key, result, self.run_id, utc_now()],
        )

    def _set_checked(self, con: duckdb.DuckDBPyConnection) -> None:
        """Failed while a check fails; else what it was before: complete where it had been since its steps were stored."""
        failed = failed_checks(con, self.cutoff)
        state = f"if(finished_at IS NULL, '{INCOMPLETE}', '{COMPLETE}')"
        con.execute(
            f"UPDATE {MONTHS.name} SET state = {literal(FAILED) if failed else state}, run_id = ?, "
            f"reached = coalesce(?, if(finished_at IS NULL, reached, '{MONTHS.name}')) WHERE cutoff = ?",
            [self.run_id, ".".join(failed[0]) if failed else None, self.cutoff],
        )

    def _set_unfinished(self, con: duckdb.DuckDBPyConnection, reached: str | None) -> None:
        """Failed, where a blocking check has failed since what it checks was stored; else incomplete.

        reached: None leaves what was reached before.
        """
        failed = failed_checks(con, self.cutoff)
        state, reached = (FAILED, ".".join(failed[0])) if failed else (INCOMPLETE, reached)
        con.execute(
            f"UPDATE {MONTHS.name} SET state = ?, reached = coalesce(?, reached), run_id = ?, finished_at = NULL "
            "WHERE cutoff = ?",
            [state, reached, self.run_id, self.cutoff],
        )


def settled_months(con: duckdb.DuckDBPyConnection, cutoff: date, asset: str) -> list[date]:
    """Earlier months whose forecasts an asset of this month scores, or has scored: see `settled`."""
    found = con.execute(f"SELECT * FROM {settled('$cutoff', asset)} ORDER BY 1", {"cutoff": cutoff})
    return [row[0] for row in found.fetchall()]


def not_passed(con: duckdb.DuckDBPyConnection, cutoff: date) -> list[str]:
    """`asset.check` of every check that did not pass on what is stored of the month, whether it blocks or not."""
    found = con.execute(
        f"SELECT asset || '.' || check_name FROM {MONTH_STEPS.name} WHERE cutoff = ? AND result IN (?, ?) ORDER BY recorded_at",
        [cutoff, WARNED, FAILED],
    )
    return [row[0] for row in found.fetchall()]


def _replaced(con: duckdb.DuckDBPyConnection, cutoff: date, *, complete: bool = False) -> BaseTableReplacedError:
    month, run = f"{cutoff:%Y-%m}", stored_by(con)
    if complete:
        return BaseTableReplacedError(
            f"the base table was replaced by run {run} since month {month} was made: the month stays complete as it is, but "
            "cannot be checked against other telemetry; to check or change it, run the month again"
        )
    return BaseTableReplacedError(
        f"the base table was replaced by run {run} while this month ({month}) was worked on: run the month again"
    )


def failed_checks(con: duckdb.DuckDBPyConnection, cutoff: date) -> list[tuple[str, str]]:
    """Part and name of each blocking check of the month that has failed, and not passed since; the oldest first."""
    found = con.execute(
        f"SELECT asset, check_name FROM {MONTH_STEPS.name} WHERE cutoff = ? AND result = ? AND list_contains(?, asset) "
        "ORDER BY recorded_at, asset, check_name",
        [cutoff, FAILED, list(STEPS)],
    )
    return [(row[0], row[1]) for row in found.fetchall()]


def latest_stored_month(con: duckdb.DuckDBPyConnection) -> str | None:
    """The latest month (YYYY-MM) that is stored whole, whatever its checks have found; None where there is none."""
    if not has_table(con, MONTHS) or not has_table(con, MONTH_STEPS):
        return None
    found = con.execute(
        f"SELECT max(month) FROM {MONTHS.name} WHERE cutoff IN (SELECT cutoff FROM {MONTH_STEPS.name} "
        "WHERE result = ? AND list_contains(?, asset) GROUP BY cutoff HAVING count(DISTINCT asset) = ?)",
        [STORED, list(STEPS), len(STEPS)],
    ).fetchall()
    return found[0][0] if found else None


def _made_from(asset: str) -> set[str]:
    """All that an asset is made from, directly or not."""
    direct = set(STEPS[asset])
    return direct.union(*(_made_from(source) for source in direct))


def resting_on(asset: str) -> set[str]:
    """All that is made from an asset, directly or not."""
    direct = {name for name, sources in STEPS.items() if asset in sources}
    return direct.union(*(resting_on(name) for name in direct))


def _stored(con: duckdb.DuckDBPyConnection, cutoff: date) -> set[str]:
    found = con.execute(f"SELECT asset FROM {MONTH_STEPS.name} WHERE cutoff = ? AND result = ?", [cutoff, STORED])
    return {row[0] for row in found.fetchall()}


def _passed(con: duckdb.DuckDBPyConnection, cutoff: date) -> set[tuple[str, str]]:
    found = con.execute(
        f"SELECT asset, check_name FROM {MONTH_STEPS.name} WHERE cutoff = ? AND result = ?", [cutoff, PASSED]
    )
    return {(row[0], row[1]) for row in found.fetchall()}


def _listed(names: Iterable[str]) -> str:
    """The first two by name, and how many more there are."""
    ordered = sorted(names)
    more = f" and {len(ordered) - 2} more" if len(ordered) > 2 else ""
    return ", ".join(ordered[:2]) + more

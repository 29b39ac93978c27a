"""Statements that violate the checks of groups."""

DAYS, FORECAST, STATEMENTS = "every_group_has_its_days", "every_group_has_its_rows", "every_group_has_its_statements"
AGREE = "statements_agree_with_themselves"
KEYS = "no_duplicate_keys"
ONE = "host_id = 'b' AND resource = 'cpu'"
DAY = f"{ONE} AND ds = DATE '2025-03-01'"
NIGHT = f"{ONE} AND ds = DATE '2026-03-01'"
OF_GROUP = f"kind = 'group' AND {ONE}"

VIOLATIONS: list[tuple[str, str, str]] = [
    (
        "group_members",
        KEYS,
        "INSERT INTO {stored} SELECT * FROM {stored} WHERE host_id = 'b' AND resource = 'cpu'",
    ),
    *(
        (table, KEYS, f"INSERT INTO {{stored}} SELECT * FROM {{stored}} WHERE {ONE}")
        for table in ("group_history", "group_forecast")
    ),
    *(
        ("group_history", DAYS, statement)
        for statement in (
            f"DELETE FROM {{stored}} WHERE {ONE}",
            f"DELETE FROM {{stored}} WHERE {DAY}",
            f"DELETE FROM {{stored}} WHERE {ONE} AND ds = DATE '2025-12-31'",
            f"UPDATE {{stored}} SET hosts = 3 WHERE {ONE} AND ds = DATE '2025-12-31'",
            f"UPDATE {{stored}} SET observed_hosts = 3 WHERE {DAY}",
            f"UPDATE {{stored}} SET y = NULL WHERE {DAY}",
            f"UPDATE {{stored}} SET observed_capacity = 0.4 WHERE {DAY}",
            f"UPDATE {{stored}} SET host_id = 'ghost', resource = 'cpu', ds = ds + 1 WHERE {DAY}",
            "UPDATE group_members SET present = 0 WHERE group_name = 'b' AND resource = 'cpu' AND host_id = 'a'",
            "DELETE FROM group_members WHERE group_name = 'b' AND resource = 'cpu'",
        )
    ),
    *(
        ("group_forecast", FORECAST, statement)
        for statement in (
            f"DELETE FROM {{stored}} WHERE {ONE}",
            f"DELETE FROM {{stored}} WHERE {NIGHT}",
            f"UPDATE {{stored}} SET yhat_upper = 100.5 WHERE {NIGHT}",
            f"UPDATE {{stored}} SET yhat_lower = yhat + 1 WHERE {NIGHT}",
            f"UPDATE {{stored}} SET yhat = 'nan' WHERE {NIGHT}",
            f"UPDATE {{stored}} SET model = 'median' WHERE {NIGHT}",
            f"UPDATE {{stored}} SET ds = ds + 365 WHERE {NIGHT}",
            f"DELETE FROM group_history WHERE {ONE}",
        )
    ),
    *(
        ("capacity_outlook", STATEMENTS, statement)
        for statement in (
            f"DELETE FROM {{stored}} WHERE {OF_GROUP}",
            f"DELETE FROM {{stored}} WHERE {OF_GROUP} AND threshold = 90",
            f"UPDATE {{stored}} SET threshold = 85 WHERE {OF_GROUP} AND threshold = 90",
            f"UPDATE {{stored}} SET kind = 'series' WHERE {OF_GROUP} AND threshold = 90",
            f"INSERT INTO {{stored}} SELECT * FROM {{stored}} WHERE {OF_GROUP} AND threshold = 90",
            f"DELETE FROM group_forecast WHERE {ONE}",
        )
    ),
    *(
        ("capacity_outlook", AGREE, f"UPDATE {{stored}} SET {wrong} WHERE state = 'unusable' AND threshold = 90")
        for wrong in ("level = 10", "probability_30 = 0.9", "kind = 'series'")
    ),
]
"""Asset, check, and a statement that violates the property on the asset's stored rows."""

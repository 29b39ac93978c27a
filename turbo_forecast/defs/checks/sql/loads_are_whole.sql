-- name: prepared
WITH starts AS (
    SELECT scenario, kind, {series}, list(DISTINCT from_ds ORDER BY from_ds) AS days
    FROM planned_changes WHERE cutoff = {cutoff} AND effect = 'applied' GROUP BY ALL
), stretches AS (
    SELECT scenario, kind, {series}, from_ds, until_ds,
           count(*) FILTER (source = host_id AND source_kind = kind) AS own,
           bool_and(isfinite(weight) AND isfinite(shift) AND (kind = 'group' OR weight >= 0)
                    AND (shift = 0 OR (source = host_id AND source_kind = kind))) AS is_sound
    FROM {stored} GROUP BY ALL
), loads AS (
    SELECT scenario, kind, {series}, list(from_ds ORDER BY from_ds) AS found_days,
           bool_and(own = 1) AS has_own, bool_and(is_sound) AS is_sound,
           bool_and(until_ds = coalesce(following - 1, {horizon_end})) AS is_gapless
    FROM (
        SELECT *, lead(from_ds) OVER (PARTITION BY scenario, kind, {series} ORDER BY from_ds) AS following FROM stretches
    ) GROUP BY ALL
)
SELECT scenario, kind, {series}, days, found_days, has_own, is_sound, is_gapless
FROM starts FULL JOIN loads USING (scenario, kind, {series})
-- name: total
SELECT count(*) FROM prepared
-- name: failing_rows
SELECT * FROM prepared
WHERE NOT coalesce(days = found_days AND has_own AND is_sound AND is_gapless, false) ORDER BY ALL

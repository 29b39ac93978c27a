-- On average over series: those of a few go up and down with the room that their forecasts leave.
-- name: prepared
WITH own AS (
    SELECT {series}, phase, avg(yhat_upper - yhat_lower) AS width,
           date_diff('month', if(phase = 'backtest', {train_end}, {cutoff}), ds)::INTEGER AS horizon_month
    FROM {fleet_rows} SEMI JOIN {chosen} AS chosen USING ({series}, model)
    GROUP BY ALL
), months AS (
    SELECT phase, horizon_month, avg(upper - lower) AS width, avg(own.width) AS own, count(*) AS series
    FROM {stored} JOIN own USING ({series}, phase, horizon_month)
    GROUP BY ALL
)
SELECT phase, horizon_month, width, if(series < {few_series}, {few_spare}, 0) AS spare,
       width / lag(width) OVER steps AS step, own / nullif(lag(own) OVER steps, 0) AS own_step
FROM months
WINDOW steps AS (PARTITION BY phase ORDER BY horizon_month)
-- name: total
SELECT count(step) FROM prepared
-- name: failing_rows
SELECT phase, horizon_month, round(width, 2) AS width, round(step, 3) AS step, round(own_step, 3) AS own_step FROM prepared
WHERE step > (1 + {steepest} + spare) * greatest(own_step, 1) OR step < (1 - {narrower} - spare) * least(own_step, 1)
ORDER BY ALL

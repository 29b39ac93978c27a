-- name: failing_rows
SELECT {series}, model, ds, yhat, yhat_lower, yhat_upper FROM {stored} WHERE NOT {inside_envelope} ORDER BY ALL

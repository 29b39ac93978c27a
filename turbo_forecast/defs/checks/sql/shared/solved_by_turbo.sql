-- series with the first of $models all of whose windows turbo alone solved
SELECT host_id, resource, arg_min(model, list_position($models, model)) AS model
FROM (
    SELECT host_id, resource, model FROM model_runs WHERE cutoff = $cutoff AND list_contains($models, model)
    GROUP BY host_id, resource, model HAVING bool_and(status = 'ok' AND coalesce(solver = $solver, false))
)
GROUP BY host_id, resource ORDER BY host_id, resource

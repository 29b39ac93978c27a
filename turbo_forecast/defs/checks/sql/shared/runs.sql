-- what happened to each fit of the month
(SELECT * FROM model_runs WHERE cutoff = {cutoff})

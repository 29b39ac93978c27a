-- whose rows a series is owed: every entrant's unless one of its fits failed, the fallback's alone where none could be asked
(SELECT {series}, model
 FROM {outcomes} CROSS JOIN (SELECT unnest({models}) AS model)
 ANTI JOIN (SELECT {series}, model FROM {runs} WHERE status != 'ok') USING ({series}, model)
 WHERE outcome = 'forecast' OR (outcome IN ('fallback', 'failed') AND model = {fallback}))

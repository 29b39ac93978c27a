-- whose rows the master file owes a series: its champion's
(SELECT {series}, coalesce(model, '(no champion)') AS model
 FROM {outcomes} LEFT JOIN {chosen} AS chosen USING ({series}) WHERE outcome != 'retired')

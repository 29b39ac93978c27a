-- whether nothing like the day ds was ever observed of the series, as its outcome says
(coalesce(list_contains(string_split(unobserved_weekdays, ', '), dayname(ds)), false)
 OR coalesce(list_contains(string_split(unobserved_months, ', '), monthname(ds)), false)
 OR coalesce(list_bool_or([
     if(stretch[:5] <= stretch[-5:], strftime(ds, '%m-%d') BETWEEN stretch[:5] AND stretch[-5:],
        strftime(ds, '%m-%d') NOT BETWEEN stretch[-5:] AND stretch[:5]
        OR strftime(ds, '%m-%d') IN (stretch[:5], stretch[-5:]))
     FOR stretch IN string_split(unobserved_stretches, ', ')
 ]), false))

(SELECT * FROM series_outcomes WHERE cutoff = {cutoff})

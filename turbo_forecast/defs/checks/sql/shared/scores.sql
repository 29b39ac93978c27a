(SELECT * FROM tournament_scores WHERE cutoff = {cutoff})

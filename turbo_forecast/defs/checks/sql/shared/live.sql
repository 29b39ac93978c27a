-- every series observed up to the cutoff, with the days observed in training and after it
(SELECT {series}, count(*) FILTER (ds BETWEEN {history_start} AND {train_end}) AS train_days,
        count(*) FILTER (ds > {train_end}) AS backtest_days_observed
 FROM base_table WHERE ds <= {cutoff} GROUP BY {series})

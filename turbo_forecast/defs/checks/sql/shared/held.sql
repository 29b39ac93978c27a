-- the windows before the forecast, of each series whose history allows them: enough training, and something to score
(SELECT {series}, window_name, fold, days
 FROM (SELECT {series}, window_name, any_value(fold) AS fold, any_value(days) AS days,
              sum(n) FILTER (month_end <= train_end) AS train_days, sum(n) FILTER (month_end > train_end) AS scored_days
       -- windows are whole months, and so are the counts that are put together
       FROM (SELECT {series}, last_day(ds) AS month_end, count(*) AS n FROM base_table
             WHERE ds BETWEEN {history_start} AND {cutoff} GROUP BY {series}, month_end) AS observed
       JOIN {windows} AS windows ON month_end <= windows.last_day
       GROUP BY {series}, window_name)
 WHERE coalesce(train_days, 0) >= {min_train_days} AND scored_days > 0)

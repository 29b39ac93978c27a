coalesce(0 <= yhat_lower AND yhat_lower <= yhat AND yhat <= yhat_upper AND yhat_upper <= 100, false)

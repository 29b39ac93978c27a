"""What is wrong with a frame of which Prophet would die without saying so.

Belongs here: sentences for `TurboProphet`, as ValueErrors in Prophet's own manner. Does not belong here: what Prophet itself
refuses in words, and anything that it accepts.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd


def require_history(df: object, logistic: bool, names: Iterable[str]) -> None:
    """Raises ValueError, naming the column, if a history cannot be fitted and Prophet would not say why.

    names: the columns that the model uses beside ds, y, cap and floor.
    """
    frame = require_frame(df, "fit", ("ds", "y", "cap", "floor", *names))
    if "ds" not in frame or "y" not in frame:
        return  # Prophet says so
    if np.iscomplexobj(frame["y"]):
        raise ValueError("Column y holds complex numbers; a history has real ones.")
    days = _dates(frame)
    kept = frame["y"].notnull()
    if kept.sum() >= 2 and days[kept].nunique() == 1:
        raise ValueError(f"All rows with a y have the same ds, {days[kept].iloc[0]}; a trend needs two different ones.")
    for name in ("cap", "floor") if logistic else ():
        if name in frame:
            _require_finite(frame.loc[kept, name], name)


def require_future(df: object, names: Iterable[str]) -> None:
    """Raises ValueError if what is to be predicted is no frame of dates and Prophet would not say so."""
    frame = require_frame(df, "predict", ("ds", "cap", "floor", *names))
    if len(frame) and "ds" not in frame and "ds" not in frame.index.names:
        raise ValueError('Dataframe must have a column "ds" with the dates to predict.')
    if "ds" in frame:
        _dates(frame)


def require_frame(df: object, method: str, names: Iterable[str]) -> pd.DataFrame:
    """The frame, if it is pandas' and has each of these columns once at most. Raises ValueError otherwise."""
    if not isinstance(df, pd.DataFrame):
        kind = f"{type(df).__module__.partition('.')[0]}.{type(df).__name__}".removeprefix("builtins.")
        hint = "; call its to_pandas()" if hasattr(df, "to_pandas") else ""
        raise ValueError(f"{method} takes a pandas DataFrame, not {kind}{hint}.")
    twice = set(df.columns[df.columns.duplicated()]) & set(names)
    if twice:
        raise ValueError(f"Dataframe has more than one column {', '.join(sorted(twice))}.")
    return df


def _dates(frame: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
    """The column ds as Prophet will read it."""
    ds = frame["ds"]
    try:
        return pd.to_datetime(ds.astype(str) if ds.dtype == np.int64 else ds)  # whole numbers are 20251231 to Prophet
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"Column ds cannot be read as dates: {error}") from None


def _require_finite(column: "pd.Series[float]", name: str) -> None:
    try:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError):
        raise ValueError(f"Column {name} must hold numbers.") from None
    if column.dtype == object and any(isinstance(value, str) for value in column):
        raise ValueError(f"Column {name} must hold numbers, not text.")
    if np.isnan(values).any():
        raise ValueError(f"Found NaN in column {name}.")
    if np.isinf(values).any():
        raise ValueError(f"Found infinity in column {name}.")

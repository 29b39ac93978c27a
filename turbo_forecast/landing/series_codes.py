"""Series as small numbers while a month is fetched and sorted: names and labels repeat in every row, and need not be sorted with it.

Belongs here: numbers for names, and back. Does not belong here: rows.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from turbo_forecast.storage.landed_rows import TEXTS

Codes = NDArray[np.int32]


class SeriesCodes:
    """A number for each host, resource and labels that occur together, in the order in which they come.

    A month has thousands of them and millions of rows: those of a series weigh 20 bytes instead of some hundred.
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str, str], int] = {}

    def of(self, batch: pa.RecordBatch) -> Codes:
        """The number of each row. Texts are given as such, or as dictionaries."""
        columns = [_coded(batch.column(name)) for name in TEXTS]
        together = np.zeros(batch.num_rows, np.int64)
        for column in columns:
            together = together * max(1, len(column.dictionary)) + column.indices.to_numpy(zero_copy_only=False)
        _, first, inverse = np.unique(together, return_index=True, return_inverse=True)
        chosen = pa.array(first)
        names = zip(*(column.take(chosen).to_pylist() for column in columns), strict=True)
        numbers = [self._numbers.setdefault(name, len(self._numbers)) for name in names]
        return np.array(numbers, np.int32)[inverse] if numbers else np.zeros(0, np.int32)

    def ranks(self) -> Codes:
        """By number, the place of its host and resource among all, in the order of their UTF-8: one place a series, whatever its labels."""
        series = sorted({(host.encode(), resource.encode()) for host, resource, _ in self._numbers})
        place = {name: rank for rank, name in enumerate(series)}
        ranks = (place[host.encode(), resource.encode()] for host, resource, _ in self._numbers)
        return np.fromiter(ranks, np.int32, len(self._numbers))

    def texts(self) -> dict[str, "Texts"]:
        """By column, what turns numbers into its texts."""
        columns = zip(*self._numbers, strict=True) if self._numbers else ((), (), ())
        return {name: Texts.of(list(column)) for name, column in zip(TEXTS, columns, strict=True)}


class Texts:
    """The texts of a column, by the numbers of series."""

    def __init__(self, dictionary: pa.Array, codes: Codes) -> None:
        self._dictionary, self._codes = dictionary, codes

    @classmethod
    def of(cls, texts: list[str]) -> "Texts":
        """texts: by number."""
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        return cls(pa.array(list(places), pa.string()), np.array([places[text] for text in texts], np.int32))

    def at(self, numbers: Codes) -> pa.DictionaryArray:
        """The texts of rows with these numbers."""
        return pa.DictionaryArray.from_arrays(pa.array(self._codes[numbers]), self._dictionary)


def _coded(column: pa.Array) -> pa.DictionaryArray:
    return column if pa.types.is_dictionary(column.type) else column.dictionary_encode()

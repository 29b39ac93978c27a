"""Texts as integer codes while a month is fetched and sorted: names and labels repeat in every row, and need not be sorted with it.

Belongs here: numbers for texts, and back. Does not belong here: rows.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Codes = NDArray[np.int32]


class TextCodes:
    """A number for each text of a column, in the order in which they come.

    A month has thousands of them and millions of rows: one weighs 4 bytes in a row then, instead of some hundred.
    """

    def __init__(self) -> None:
        self._texts = pa.array([], pa.string())

    @property
    def texts(self) -> pa.Array:
        """The texts by their numbers."""
        return self._texts

    def of(self, column: pa.Array) -> Codes:
        """The number of each text; the column may be a dictionary."""
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        dictionary = coded.dictionary
        numbers = pc.index_in(dictionary, self._texts)
        if numbers.null_count:
            self._texts = pa.concat_arrays([self._texts, pc.unique(dictionary.filter(numbers.is_null()))])
            numbers = pc.index_in(dictionary, self._texts)
        found: Codes = numbers.to_numpy(zero_copy_only=False)[coded.indices.to_numpy(zero_copy_only=False)]
        return found.astype(np.int32, copy=False)

    def in_order(self) -> tuple[Codes, pa.Array]:
        """By number, the rank of its text in the order of their UTF-8; and the texts in that order."""
        order = pc.sort_indices(self._texts)
        ranks = np.empty(len(order), np.int32)
        ranks[order.to_numpy()] = np.arange(len(order), dtype=np.int32)
        return ranks, self._texts.take(order)

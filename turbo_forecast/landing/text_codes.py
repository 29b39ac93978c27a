"""Texts as small numbers while a month is fetched and sorted: names and labels repeat in every row, and need not be sorted with it.

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
        self._known = pa.array([], pa.string())

    @property
    def texts(self) -> pa.Array:
        """The texts by their numbers."""
        return self._known

    def of(self, column: pa.Array) -> Codes:
        """The number of each text; the column may be a dictionary."""
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        here = coded.dictionary
        numbers = pc.index_in(here, self._known)
        if numbers.null_count:
            self._known = pa.concat_arrays([self._known, pc.unique(here.filter(numbers.is_null()))])
            numbers = pc.index_in(here, self._known)
        found: Codes = numbers.to_numpy(zero_copy_only=False)[coded.indices.to_numpy(zero_copy_only=False)]
        return found.astype(np.int32, copy=False)

    def in_order(self) -> tuple[Codes, pa.Array]:
        """By number, the place of its text in the order of their UTF-8; and the texts in that order."""
        order = pc.sort_indices(self._known)
        places = np.empty(len(order), np.int32)
        places[order.to_numpy()] = np.arange(len(order), dtype=np.int32)
        return places, self._known.take(order)

"""The digest of a landed month's rows is that of the rows, however they are cut and coded."""

import hashlib
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from turbo_forecast.sources.protocol import ROWS
from turbo_forecast.storage.landed_rows import SortedRows

HOSTS = ["a", "a", "a", "bb", "bb", "c"]
RESOURCES = ["cpu", "cpu", "mem", "mem", "mem", "mem"]
TIMES = [datetime(2025, 12, day, tzinfo=UTC) for day in (1, 2, 2, 2, 3, 3)]
VALUES = [1.0, 2.0, 3.0, 4.0, 5.0, -0.5]
LABELS = ["{}", '{"ä": 1}', '{"ä": 1}', '{"ä": 1}', "{}", "{}"]
BATCH = pa.RecordBatch.from_pydict(
    dict(zip(ROWS.names, (HOSTS, RESOURCES, TIMES, VALUES, LABELS), strict=True)), schema=ROWS
)


def known(*batches: pa.RecordBatch) -> SortedRows:
    found = SortedRows()
    for batch in batches:
        found.take(batch)
    return found


def coded(batch: pa.RecordBatch) -> pa.RecordBatch:
    texts = {name: batch.column(name).dictionary_encode() for name in ("host_id", "resource", "labels")}
    return pa.RecordBatch.from_pydict({name: texts.get(name, batch.column(name)) for name in batch.schema.names})


def test_however_the_rows_are_cut_and_coded_the_same_is_known_of_them() -> None:
    whole = known(BATCH)
    assert (whole.rows, whole.series, whole.twice) == (6, 4, 0)
    for cut in range(7):
        parts = known(BATCH.slice(0, cut), BATCH.slice(cut))
        assert (parts.rows, parts.series, parts.twice, parts.digest) == (6, 4, 0, whole.digest), cut
    single = known(*(coded(BATCH.slice(at, 1)) for at in range(6)))
    assert (single.series, single.digest) == (4, whole.digest)
    assert known(coded(BATCH)).digest == whole.digest


def test_rows_of_the_same_moment_are_counted_across_batches_too() -> None:
    again = BATCH.slice(5)
    assert known(BATCH, again, again).twice == 2
    assert known(pa.Table.from_batches([BATCH, again]).combine_chunks().to_batches()[0]).twice == 1


def test_every_column_counts_and_texts_do_not_run_into_each_other() -> None:
    digests = {known(BATCH).digest}
    for name, value in (("host_id", "aa"), ("resource", "c"), ("labels", ""), ("value", 1.5)):
        changed = [value, *BATCH.column(name).to_pylist()[1:]]
        columns = {each: BATCH.column(each) for each in ROWS.names} | {name: pa.array(changed)}
        digests.add(known(pa.RecordBatch.from_pydict(columns, schema=ROWS)).digest)
    assert len(digests) == 5
    assert known().digest == ""


def test_the_digest_is_the_one_that_is_documented() -> None:
    def of(content: bytes) -> bytes:
        return hashlib.blake2b(content, digest_size=16).digest()

    moments = np.array([int(at.timestamp()) * 10**6 for at in TIMES], "<i8").tobytes()
    columns = {"timestamp": of(moments), "value": of(np.array(VALUES, "<f8").tobytes())}
    runs = {
        "host_id": (["a", "bb", "c"], [0, 3, 5]),
        "resource": (["cpu", "mem"], [0, 2]),
        "labels": (["{}", '{"ä": 1}', "{}"], [0, 1, 4]),
    }
    for name, (texts, rows) in runs.items():
        columns[name] = of("".join(texts).encode())
        columns[f"{name} lengths"] = of(np.array([len(text.encode()) for text in texts], "<i8").tobytes())
        columns[f"{name} rows"] = of(np.array(rows, "<i8").tobytes())
    whole = b"".join(name.encode() + columns[name] for name in sorted(columns))
    assert known(BATCH).digest == of(whole).hex()

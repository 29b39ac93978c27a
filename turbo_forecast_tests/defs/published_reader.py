"""A process of its own that reads what is published, for tests of runs beside readers: `python -m … DATA loop|hold`.

loop: reads every table of the latest month again and again, each time of one version, until its input ends; then prints
what it has seen as JSON. It rests as long as it has read: what it reads beside works on the same processors.
hold: opens the views and every published file, prints a line, and keeps them open until its input ends.
"""

import json
import sys
import threading
import time
from pathlib import Path

import duckdb

from turbo_forecast.storage.published.layout import PUBLISHED
from turbo_forecast.storage.published.reading import Published


def loop(data: Path, ended: threading.Event) -> None:
    errors: list[str] = []
    runs: set[str] = set()
    rounds = 0
    while not ended.is_set() or not rounds:
        begun = time.monotonic()
        try:
            runs |= one_round(data)
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")
        rounds += 1
        if rounds == 1:
            print("reading", flush=True)
        ended.wait(time.monotonic() - begun)
    print(json.dumps({"rounds": rounds, "errors": errors, "runs": sorted(runs)}), flush=True)


def one_round(data: Path) -> set[str]:
    """Read every table of the latest month, and ask the views; returns the run that it was of. Raises what a reader meets."""
    published = Published(data)
    month = published.month()
    frames = {table.name: month.read(table).collect() for table in PUBLISHED}
    assert {name: len(frame) for name, frame in frames.items()} == {
        name: file.rows for name, file in month.manifest.files.items()
    }
    assert frames["months"]["run_id"].to_list() == [month.manifest.run_id], (
        "the month and its publication are of one run"
    )
    made = frames["run_audit"].filter(asset="champions")["run_id"].unique().to_list()
    assert made == [month.manifest.run_id]
    assert len(published.observed("a", "cpu"))
    assert published.standings()
    with duckdb.connect(str(published.folder / "turbo_forecast.duckdb"), read_only=True) as con:
        ((runs,),) = con.execute(f"SELECT list(DISTINCT run_id) FROM months WHERE cutoff = '{month.cutoff}'").fetchall()
    assert len(runs) == 1
    return {month.manifest.run_id, *runs}


def hold(data: Path, ended: threading.Event) -> None:
    folder = data / "published"
    with duckdb.connect(str(folder / "turbo_forecast.duckdb"), read_only=True) as con:
        con.execute("SELECT count(*) FROM champions").fetchall()
        files = [path.open("rb") for path in folder.rglob("*") if path.is_file()]
        print(f"holding {len(files)}", flush=True)
        ended.wait()
        assert con.execute("SELECT count(*) FROM champions").fetchall()
        assert all(file.read(1) for file in files)
    print("still readable", flush=True)


if __name__ == "__main__":
    input_has_ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), input_has_ended.set()), daemon=True).start()
    {"loop": loop, "hold": hold}[sys.argv[2]](Path(sys.argv[1]), input_has_ended)

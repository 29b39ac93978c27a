"""Results on object storage, for the subcommands that ask: the folder to read, and the sentence that names the store.

Belongs here: that, and keeping what a dashboard reads up to date. Does not belong here: what is brought (`storage/objects/`).
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from turbo_forecast.addresses import is_address, parsed
from turbo_forecast.errors import StorageError
from turbo_forecast.text import printable

REFRESHED_SECONDS = 300.0
"""How often a dashboard looks for what was published since."""
_COPIES: dict[Path, str] = {}


def folder_of(data: str) -> Path:
    """The folder that holds what is published: the one named, or of an address, this machine's copy, brought up to date.

    What is replaced for that is said on standard error. Raises SettingsError for an address that cannot be used, StorageError where its store cannot be read.
    """
    if not is_address(data):
        return Path(data)
    from turbo_forecast.storage.objects.working_copy import copy_for_reading  # DuckDB comes with it

    address = parsed(data, "--data")
    _COPIES[address.working_folder] = str(address)
    return copy_for_reading(address, lambda line: print(printable(line), file=sys.stderr, flush=True))


def remember(folder: Path, store: str) -> None:
    """Let sentences that name the folder name the store, too."""
    if store:
        _COPIES[folder] = store


def with_store(sentence: str) -> str:
    """The sentence, which also says whose copy a folder is that it names."""
    copies = [
        f"{folder} is this machine's copy of {store}" for folder, store in _COPIES.items() if str(folder) in sentence
    ]
    return f"{sentence} ({'; '.join(copies)})" if copies else sentence


@contextmanager
def kept_up_to_date(data: str) -> Iterator[Path]:
    """The folder, into which what is published later is brought until the block ends.

    A store that cannot be reached then is said on standard error, once until it can: what was brought before is served on.
    """
    folder, over = folder_of(data), threading.Event()
    if is_address(data):
        threading.Thread(target=_refresh, args=(data, over), daemon=True, name="store").start()
    try:
        yield folder
    finally:
        over.set()


def _refresh(data: str, over: threading.Event) -> None:
    said = ""
    while not over.wait(REFRESHED_SECONDS):
        try:
            folder_of(data)
            said = ""
        except StorageError as error:
            if str(error) != said:
                said = str(error)
                print(f"what is shown may be old: {printable(said)}", file=sys.stderr, flush=True)

"""Which presets there are, which of them a file looks like, and the files of one rewritten for the reader.

Belongs here: a line a preset. Does not belong here: what any tool writes (its own module).
"""

import csv
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from turbo_forecast.errors import TelemetryError, TurboForecastError
from turbo_forecast.number_words import counted
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.messages import brief, enumerated
from turbo_forecast.storage.telemetry.presets import azure, cloudwatch, grafana, influxdb, sadf
from turbo_forecast.storage.telemetry.presets.export import Preset, export_at

PRESETS: Mapping[str, Preset] = {
    "grafana": grafana,
    "cloudwatch": cloudwatch,
    "azure": azure,
    "influxdb": influxdb,
    "sadf": sadf,
}


def recognised(path: str, settings: TelemetrySettings) -> str:
    """The preset that a local CSV file looks made for; empty where it looks like none, or its first lines cannot be read."""
    try:
        export = export_at(path, brief(path), encoding=settings.encoding, skip_rows=settings.skip_rows)
        head = export.head()
    except (TurboForecastError, OSError):  # whoever reads it says what is wrong
        return ""
    return next((name for name, preset in PRESETS.items() if preset.looks_like(head)), "")


class PresetFiles:
    """The files of a preset, each rewritten as a plain CSV table, and the reader's settings for all of them."""

    def __init__(self, settings: TelemetrySettings) -> None:
        self._asked = settings
        self._options: dict[str, Any] | None = None
        self._first = ""
        self._left_out: Counter[str] = Counter()
        self._said: dict[str, list[str]] = {}

    @property
    def settings(self) -> TelemetrySettings:
        """What was asked for, with the preset's options for the tables that were written."""
        return self._asked.model_copy(update={**(self._options or {}), "preset": "", "series_name": ""})

    @property
    def notes(self) -> list[str]:
        """What was left out of the files that were written, and what is to be known of them: a clause for all files alike."""
        counts = [
            f"left out {counted(number, noun)} of {enumerated(self._said[noun])}"
            for noun, number in self._left_out.items()
        ]
        said = [f"{note}: {enumerated(files)}" for note, files in self._said.items() if note not in self._left_out]
        return counts + said

    def rewritten(self, path: str, where: str, folder: Path) -> str:
        """The path of a local file's table in `folder`. Raises SettingsError and TelemetryError as `Preset.rewritten` does."""
        asked = self._asked
        export = export_at(path, where, encoding=asked.encoding, skip_rows=asked.skip_rows)
        table = PRESETS[asked.preset].rewritten(export, asked)
        if self._options is not None and table.options != self._options:
            raise TelemetryError(
                f"{where} is another kind of table than {self._first}: give files of one kind, by a glob, say"
            )
        self._options, self._first = table.options, self._first or where
        copy = folder / "rows.csv"
        with copy.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(table.columns)
            writer.writerows(table.rows)
        self._left_out += table.left_out
        for each in (*table.left_out, *table.notes):
            self._said.setdefault(each, []).append(where)
        return str(copy)

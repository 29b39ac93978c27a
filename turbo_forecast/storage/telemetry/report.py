"""The report of reading telemetry: what was found, and what was done.

Belongs here: the report's fields, and the report in sentences. Does not belong here: how any of it is measured.
"""

from dataclasses import dataclass, field
from datetime import date

from pydantic import TypeAdapter

from turbo_forecast.number_words import counted
from turbo_forecast.storage.telemetry.wording import names, shown


@dataclass(frozen=True, slots=True)
class TelemetryReport:
    """One reading of telemetry. values_read = values_kept + all rejects: nothing is lost."""

    sources: list[str]
    """Files, or the database table, in the order they were read; then the landed months."""
    layout: str
    """long or wide."""
    columns: dict[str, str | list[str]]
    """The columns chosen, by the setting that would choose them."""
    guesses: dict[str, str | list[str]]
    """Those that nobody asked for."""
    left_out: dict[str, str]
    """Columns that were not used, with the reason."""
    names_changed: int
    """Names of hosts and resources that are not as found: trimmed, composed, or whole numbers written as decimals."""
    look_alikes: list[str]
    """Groups of hosts whose names differ in case, width or leading zeros only: one host, perhaps."""
    timezone: str
    """The zone whose calendar days count; empty when times are wall-clock times."""
    rows_read: int
    values_read: int
    """Equal to rows_read in the long layout; in the wide one, rows times the value columns that their file has."""
    values_kept: int
    """Values that went into a day's statistic."""
    rejects: dict[str, int]
    """Values that did not, by reason."""
    clipped: int
    """Values kept that were a little above 100 percent and count as 100."""
    rows_kept: int
    """Rows of the base table: series times days observed."""
    series: int
    hosts: int
    resources: list[str]
    first_day: date
    last_day: date
    notes: list[str] = field(default_factory=list)
    """What was left out, or is not in every file, and why: a clause each."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall seconds by stage."""
    computed: bool = False
    """Whether a database computed the rows as they were read, from a view, say: another time it may make others."""
    landed_months: int = 0
    """How many of the sources are landed months."""
    days_in_both: int = 0
    """Days of series that files and landed months both have: the landed one counts, and the files' values, though kept, are in no
    row of the base table."""

    @property
    def as_json(self) -> str:
        """All of it as JSON text."""
        return _JSON.dump_json(self).decode()

    @classmethod
    def of_json(cls, text: str) -> "TelemetryReport":
        """The report of which `text` is the JSON. Raises ValueError where it is none."""
        return _JSON.validate_json(text)

    @property
    def ignored_columns(self) -> list[str]:
        """Columns that were not used."""
        return list(self.left_out)

    def describe(self) -> str:
        """The report as a paragraph a person can check."""
        zone = f", days of {self.timezone}" if self.timezone else ""
        guessed = "; ".join(f"{option} = {_listed(guess)}" for option, guess in self.guesses.items())
        rejected = ", ".join(f"{count:,} {reason}" for reason, count in self.rejects.items())
        noted = f" Noted: {'; '.join(self.notes)}." if self.notes else ""
        return (
            f"Read {counted(self.rows_read, 'row')} ({counted(self.values_read, 'value')}, {self.layout} layout{zone}) from {self._places()} in "
            f"{sum(self.seconds.values()):.1f} s. Guessed: {guessed or 'nothing'}. "
            f"Kept {counted(self.values_kept, 'value')} ({self.clipped:,} of them clipped to 100) as "
            f"{counted(self.rows_kept, 'daily row')} of {self.series:,} series ({counted(self.hosts, 'host')}; {names(self.resources, 12)}), {self.first_day} to "
            f"{self.last_day}. Rejected: {rejected or 'nothing'}.{noted}{self._of_both()}{self._of_columns_and_names()}"
        )

    def _places(self) -> str:
        """Where it was read from."""
        if len(self.sources) == 1:
            return self.sources[0]
        files = len(self.sources) - self.landed_months
        landed = counted(self.landed_months, "landed month")
        if not files:
            return landed
        return f"{counted(files, 'file')} and {landed}" if self.landed_months else f"{files:,} files"

    def _of_both(self) -> str:
        """What was decided where files and landed months have the same, as a sentence."""
        if not self.days_in_both:
            return ""
        return f" Files and landed months both have {counted(self.days_in_both, 'day')} of series: there the landed value counts."

    def _of_columns_and_names(self) -> str:
        """What was done without being asked, as further sentences."""
        left_out = "; ".join(f"{shown(column)}: {reason}" for column, reason in self.left_out.items())
        sentences = [f"Left out: {left_out}."] if left_out else []
        if self.names_changed:
            sentences.append(
                f"Changed {counted(self.names_changed, 'name')} (white space, Unicode form, number format)."
            )
        if self.look_alikes:
            sentences.append(f"Warning: hosts that differ in case, width or zeros only: {names(self.look_alikes, 3)}.")
        return "".join(f" {sentence}" for sentence in sentences)


def _listed(guess: str | list[str]) -> str:
    return shown(guess) if isinstance(guess, str) else names(guess, 12)


_JSON = TypeAdapter(TelemetryReport)

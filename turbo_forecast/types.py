"""Enumerations: the values of stored columns that code decides on.

Belongs here: closed sets of names. Does not belong here: what follows from one.
"""

from enum import StrEnum


class Phase(StrEnum):
    """Which window a projected row lies in, as the column `phase` says it."""

    BACKTEST = "backtest"
    FORECAST = "forecast"


class Outcome(StrEnum):
    """What happened to a series."""

    FORECAST = "forecast"
    FALLBACK = "fallback"
    RETIRED = "retired"
    FAILED = "failed"


class Status(StrEnum):
    """How one entrant's answer for one window ended."""

    OK = "ok"
    RAISED = "raised"
    TIMED_OUT = "timed_out"
    WORKER_DIED = "worker_died"
    MEMORY_EXCEEDED = "memory_exceeded"


class Solver(StrEnum):
    """What solved the model behind an answer."""

    TURBO = "turbo"
    STAN = "stan"
    CLOSED_FORM = "closed_form"
    CONSTANT = "constant"
    OUTSIDE = "outside"
    STATSFORECAST = "statsforecast"
    OTHER = "other"


class Change(StrEnum):
    """What a planned change does to a load, as the file of plans and the column `what` say it."""

    CHANGE = "change"
    FACTOR = "factor"
    MOVE_TO = "move_to"
    MOVE_FROM = "move_from"
    RETIRE = "retire"
    ADD_HOSTS = "add_hosts"
    SHARE = "share"


class State(StrEnum):
    """What is said of a threshold, most urgent first; the last is of groups alone, and follows from no probability."""

    OVER = "over"
    """At or above it at the cutoff already."""
    EXPECTED = "expected"
    """Reached within the forecast with a probability of a half."""
    POSSIBLE = "possible"
    """With one of a tenth."""
    UNLIKELY = "unlikely"
    UNUSABLE = "unusable"
    """A group whose reserve takes all of its capacity: nothing it does fits into what is left."""

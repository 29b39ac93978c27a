"""Staging of a run's files: to workers of other machines, and of what these leave back to the run.

Belongs here: what must be where before and after a task, for whoever carries tasks. Does not belong here: the files'
formats (`pieces.py`, `store.py`), what carries tasks (`executors/`), and how an object store is spoken to
(`storage/objects/`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.run_folder import RunFolder
from turbo_forecast.fleet.tasks import Job, Step, Task


class Exchange(Protocol):
    """Where a run's files are shared. It is sent to workers, so it is small and can be pickled; it holds no secret.

    Everything raises StorageError with one sentence that names the place, after its own retries.
    """

    # what the run calls, where it was started

    def recover(self, folder: RunFolder) -> None:
        """Bring here what an earlier attempt has finished and this machine does not have: chunks and parts, each whole."""
        ...

    def share(self, job: Job, tasks: Sequence[Task]) -> None:
        """Share what is finished here of these tasks, as far as it is not shared yet: an attempt may have ended before it was."""
        ...

    def offer(self, job: Job, step: Step) -> None:
        """See that workers find what the step reads: the series, what a reduction has decided."""
        ...

    def collect(self, folder: RunFolder, task: Task) -> None:
        """Bring here what a worker elsewhere has left of a task: after this the folder is as if it had been worked here."""
        ...

    # what a worker calls, where it runs

    def localise(self, job: Job, here: Path) -> Job:
        """Localise the job: the same with paths of this machine. here: a folder of the worker's own. Nothing is fetched yet but what names need."""
        ...

    def stage_in(self, job: Job, task: Task) -> None:
        """Stage in what a task reads: the series of its span, and what earlier steps have left of them.

        It comes before the task's step is prepared (`Equipment.prepare`), which maps what was decided into memory.
        """
        ...

    def stage_out(self, job: Job, task: Task) -> None:
        """Stage out what was made of a task, the file that says it is finished last. The run calls it, too, for its own tasks."""
        ...


class SharedFolder:
    """All workers see the run's folder under the same path (one machine, NFS): nothing has to be brought anywhere."""

    def recover(self, folder: RunFolder) -> None:
        """It is all here."""

    def share(self, job: Job, tasks: Sequence[Task]) -> None:
        """It is all here."""

    def offer(self, job: Job, step: Step) -> None:
        """It is all here."""

    def collect(self, folder: RunFolder, task: Task) -> None:
        """It is all here."""

    def localise(self, job: Job, here: Path) -> Job:
        """The same paths. Raises StorageError where this machine does not see them."""
        if not job.store.exists() or not job.folder.path.is_dir():
            raise StorageError(f"{job.folder.path} is not seen here: it must be on a disk that all workers share")
        return job

    def stage_in(self, job: Job, task: Task) -> None:
        """It is all here."""

    def stage_out(self, job: Job, task: Task) -> None:
        """It is all here."""

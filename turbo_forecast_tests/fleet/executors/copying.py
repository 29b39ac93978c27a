"""An exchange for tests: machines that share no disk but a place for whole files, as an object store is one."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from turbo_forecast.fleet.run_folder import RunFolder
from turbo_forecast.fleet.tasks import Job, Step, Task

RUN, STORE = "run", "series.arrow"


@dataclass(frozen=True)
class Copying:
    """Everything goes by way of `place`; what has been asked of it is noted there."""

    place: Path

    def recover(self, folder: RunFolder) -> None:
        self._copy(self.place / RUN, folder.path)

    def share(self, job: Job, tasks: Sequence[Task]) -> None:
        for task in tasks:
            self.stage_out(job, task)

    def offer(self, job: Job, step: Step) -> None:
        self._note("offer", step)
        self._copy_file(job.store, self.place / STORE)
        for made in (job.folder.weights, job.folder.decisions):
            self._copy(made, self.place / RUN / made.name)

    def collect(self, folder: RunFolder, task: Task) -> None:
        self._note("collect", f"{task.step} {task.span.stem}")
        self._copy(self.place / RUN, folder.path)

    def localise(self, job: Job, here: Path) -> Job:
        own = RunFolder(here / RUN)
        for path in (own.forecast, own.combine, own.publish, own.results):
            path.mkdir(parents=True, exist_ok=True)
        self._copy_file(self.place / STORE, here / STORE)
        return replace(job, store=here / STORE, folder=own)

    def stage_in(self, job: Job, task: Task) -> None:
        self._note("stage_in", f"{task.step} {task.span.stem}")
        self._copy(self.place / RUN, job.folder.path)

    def stage_out(self, job: Job, task: Task) -> None:
        self._copy(job.folder.path, self.place / RUN)
        self._note("stage_out", f"{task.step} {task.span.stem}")

    def noted(self, what: str) -> list[str]:
        """What has been asked in this way, in order of names."""
        return sorted(path.name.partition(" ")[2].rpartition(" ")[0] for path in self.place.glob(f"{what} *"))

    def _note(self, what: str, of: str) -> None:
        self.place.mkdir(exist_ok=True)
        (self.place / f"{what} {of} {uuid4().hex[:8]}").touch()

    def _copy(self, source: Path, to: Path) -> None:
        """Each file that is not there yet, those that say that something is finished last."""
        files = [path for path in source.rglob("*") if path.is_file() and path.suffix != ".tmp"]
        for path in sorted(
            files, key=lambda path: ("outcomes" in path.name, "combine" in str(path), path.stat().st_mtime)
        ):
            if not (to / path.relative_to(source)).exists():
                self._copy_file(path, to / path.relative_to(source))

    def _copy_file(self, path: Path, to: Path) -> None:
        to.parent.mkdir(parents=True, exist_ok=True)
        beside = to.with_name(f".{uuid4().hex}.tmp")
        shutil.copyfile(path, beside)
        os.replace(beside, to)

# SPDX-License-Identifier: GPL-2.0-or-later
"""One photo's way through the engine: described, located, drawn; no widgets."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import NamedTuple

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QObject, pyqtSignal

from .engine.process import Job
from .i18n import tr
from .layers import PhotoGroup, build_group
from .result import Json, Result, ResultError, read_result
from .shapes import write_shapes
from .station import Station
from .steps import Steps
from .task_mirror import TaskMirror
from .words import stage

MAX_NAME = 60


class Question(NamedTuple):
    """What is asked about a photo; see `locate` in the engine's protocol."""

    photo: str
    index: str
    heading_deg: object = None
    heading_std_deg: float | None = None
    fov_deg: float | None = None
    near: list[float] | None = None
    area: Json | None = None
    exif_radius_m: float | None = None


class Search(QObject):
    """Asks the engine about one photo at a time and puts the answer on the map.

    `located` brings the `Result` and its `PhotoGroup`; exactly one of `located`, `failed` and
    `cancelled` follows each `locate`.
    """

    progressed = pyqtSignal(float, str)
    located = pyqtSignal(object, object)
    failed = pyqtSignal(str, str)
    cancelled = pyqtSignal()

    def __init__(self, engine: Station, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine, self._job, self._task = engine, None, None
        self._steps = None

    @property
    def running(self) -> bool:
        """Whether an answer is awaited."""
        return self._job is not None or self._steps is not None

    def locate(self, question: Question, folder: Path, photo_fov_deg: float | None = None) -> None:
        """Ask where a photo was taken; its files go to a folder that exists."""
        self.drop()
        params = dict(
            question._asdict(), output=str(folder), name=safe_name(question.photo), report=True
        )
        job = self._engine.request("locate", {k: v for k, v in params.items() if v is not None})
        self._job = job
        self._task = TaskMirror(
            tr("Locate {photo}").format(photo=Path(question.photo).name[:MAX_NAME])
        )
        self._task.cancel_asked.connect(self.cancel)
        QgsApplication.taskManager().addTask(self._task)
        fov_deg = question.fov_deg or photo_fov_deg
        job.progress.connect(lambda fraction, text: self._progressed(job, fraction, text))
        job.finished.connect(lambda answer: self._answered(job, answer, question, fov_deg))
        job.failed.connect(lambda error, message: self._failed(job, error, message))
        job.cancelled.connect(lambda: self._ended(job) and self.cancelled.emit())

    def cancel(self) -> None:
        """Stop asking; `cancelled` follows at once, the engine ends its work behind it."""
        if self.running:
            self.drop()
            self.cancelled.emit()

    def drop(self) -> None:
        """Forget what is running, without a word."""
        job, self._job = self._job, None
        if self._steps is not None:
            self._steps.stop()
            self._steps = None
        self._end_task(False)
        if job is not None and not job.done:
            job.cancel()

    def _progressed(self, job: Job, fraction: float, text: str) -> None:
        """Pass on how far the current job is."""
        if job is self._job:
            self._task.show_progress(fraction)
            self.progressed.emit(fraction, stage(job.stage, text))

    def _ended(self, job: Job) -> bool:
        """Tell whether the job that ended is the current one, and forget it."""
        if job is not self._job:
            return False
        self._job = None
        self._end_task(False)
        return True

    def _failed(self, job: Job, error: str, message: str) -> None:
        """The engine could not do it."""
        if self._ended(job):
            self.failed.emit(error, message)

    def _answered(self, job: Job, answer: Json, question: Question, fov_deg: float | None) -> None:
        """Read the result and start to draw it."""
        if job is not self._job:
            return
        self._job = None
        try:
            result = read_result(answer["files"]["geojson"])
            result.save()
            write_shapes(result, fov_deg, question.area)
        except (ResultError, OSError) as error:
            self._end_task(False)
            self.failed.emit(type(error).__name__, str(error))
            return
        self.progressed.emit(1.0, tr("Drawing"))
        self._steps = steps = Steps(build_group(result, answer["posterior"]["peak"]), self)
        steps.done.connect(lambda group: self._drawn(steps, result, group))
        steps.failed.connect(lambda error: self._not_drawn(steps, error))

    def _drawn(self, steps: Steps, result: Result, group: PhotoGroup) -> None:
        """The layers are there."""
        if steps is self._steps:
            self._steps = None
            self._end_task(True)
            self.located.emit(result, group)

    def _not_drawn(self, steps: Steps, error: Exception) -> None:
        """The layers could not be made."""
        if steps is self._steps:
            self._steps = None
            self._end_task(False)
            self.failed.emit(type(error).__name__, str(error))

    def _end_task(self, well: bool) -> None:
        """Take the job off QGIS's list of tasks."""
        task, self._task = self._task, None
        if task is not None:
            task.end(well)


def new_folder(root: Path, photo: str) -> Path:
    """Make and return a fresh folder for a photo's results.

    Raises:
        OSError: it cannot be made there.
    """
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{safe_name(photo)}"
    for number in range(1, 1000):
        folder = Path(root) / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"{Path(root) / stem}: too many results of the same second")


def safe_name(photo: str) -> str:
    """Return a photo's name without suffix, fit for a file of any system and not too long."""
    name = re.sub(r'[\x00-\x1f<>:"/\\|?*]+', "_", Path(photo).stem).strip(" .")
    while len(name.encode()) > MAX_NAME:
        name = name[:-1]
    return name or "photo"

# SPDX-License-Identifier: GPL-2.0-or-later
"""One run of an engine's command as a child process, watched from the algorithm's thread."""

from __future__ import annotations

import json
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..engine.environment import scrubbed_environment
from ..engine.finder import WORKER, EngineNotFound, find_engine
from ..i18n import tr
from ..settings import engine_command

PROGRAMS = {"cvgl": "cvgl_core.cli", "cvgl-tile": "tiling.cli"}
ERROR = re.compile(r"(?:: error: |^Error: )(.+)")
"""What a command says on stderr when it fails, and when it is called wrongly."""

POLL_S = 0.05
GRACE_S = 5.0


@dataclass(frozen=True)
class Finished:
    """How a run ended.

    Attributes:
        code: exit code; None if the user stopped it.
        error: what the command said was wrong, or nothing.
    """

    code: int | None
    error: str = ""


def run_engine(
    program: str,
    arguments: Iterable[str],
    feedback: QgsProcessingFeedback,
    take_line: Callable[[str], None],
    stage: str = "",
) -> Finished:
    """Run a command to its end, or until the user stops it; then the process is gone.

    Args:
        program: ``cvgl`` or ``cvgl-tile``.
        arguments: of the command, among them ``--progress json`` where it has that.
        feedback: is told of progress and of what the command says, and asked whether to stop.
        take_line: gets each line of stdout.
        stage: the one whose progress is that of the run.

    Raises:
        QgsProcessingException: there is no engine, or it cannot be started.
    """
    process = _start([*program_command(program), *arguments])
    lines: queue.Queue[tuple[str, str]] = queue.Queue()
    readers = [_reader(process.stdout, "out", lines), _reader(process.stderr, "err", lines)]
    error = ""
    try:
        while any(reader.is_alive() for reader in readers) or not lines.empty():
            if feedback.isCanceled():
                return Finished(None)
            try:
                kind, line = lines.get(timeout=POLL_S)
            except queue.Empty:
                continue
            if kind == "out":
                take_line(line)
            elif said := ERROR.search(line):
                error = said[1]
                feedback.reportError(error)
            else:
                _tell(line, feedback, stage)
        return Finished(process.wait(), error)
    finally:
        _end(process)


def program_command(program: str) -> list[str]:
    """Return how a program of the engine is started: by the same Python or folder as the worker.

    Raises:
        QgsProcessingException: no engine was found, or it is on another machine.
    """
    try:
        first, *rest = find_engine(engine_command()).argv
    except EngineNotFound as error:
        raise QgsProcessingException(str(error)) from error
    if tuple(rest) == WORKER:
        start = f"import sys; from {PROGRAMS[program]} import main; sys.exit(main())"
        return [first, "-c", start]
    if rest == ["worker"]:
        path = Path(first)
        return [str(path.with_name(program + path.suffix))]
    raise QgsProcessingException(
        tr("Algorithms need an engine on this computer; name its Python in the settings.")
    )


def _start(command: list[str]) -> subprocess.Popen[str]:
    """Start a process that asks for nothing and shows no window.

    Raises:
        QgsProcessingException: the system refuses.
    """
    try:
        return subprocess.Popen(  # noqa: S603 - a list, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=scrubbed_environment(),
            encoding="utf-8",
            errors="replace",
            creationflags=subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0,
        )
    except OSError as error:
        message = tr("The engine cannot be started: {command} ({reason})")
        raise QgsProcessingException(message.format(command=command[0], reason=error)) from error


def _reader(stream: IO[str], kind: str, lines: queue.Queue[tuple[str, str]]) -> threading.Thread:
    """Return a running thread that puts a stream's lines into the queue."""

    def read() -> None:
        for line in stream:
            lines.put((kind, line.rstrip("\r\n")))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def _tell(line: str, feedback: QgsProcessingFeedback, stage: str) -> None:
    """Pass on what the command says on stderr: progress, or words."""
    try:
        progress = json.loads(line)
        share = progress["done"] / max(progress["total"], 1)
    except (ValueError, TypeError, KeyError):
        if line.strip():
            feedback.pushInfo(line)
        return
    if progress["stage"] == stage:
        feedback.setProgress(100.0 * share)
        feedback.setProgressText(f"{stage}: {progress['done']} / {progress['total']}")


def _end(process: subprocess.Popen[str]) -> None:
    """Make sure that a process is gone: politely, then not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

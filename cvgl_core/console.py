"""What the commands of this distribution share: exit codes, one-line errors, logs, progress.

Data goes to stdout; logs, progress and errors go to stderr. Exit codes: 0 done, 1 a fault of the
program, 2 usage, 3 photo judged outside the area, 10 and more one per error class, 130 Ctrl-C.
"""

from __future__ import annotations

import errno
import json
import logging
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from cvgl_core.errors import CvglError, OutputError
from cvgl_core.types import Progress

if TYPE_CHECKING:
    from rich.progress import TaskID

PROGRAM_FAULT = 1
INTERRUPTED = 130
_LOGGERS = ("cvgl_core", "tiling")
_PLAIN_INTERVAL_S = 10.0
_JSON_INTERVAL_S = 0.1


def set_verbosity(level: int) -> int:
    """Log warnings (0), information and tracebacks (1) or everything (2) to stderr.

    Calling again never makes the program quieter, so ``-v`` may stand before or after the name of
    a command.
    """
    wanted = (logging.WARNING, logging.INFO, logging.DEBUG)[min(max(level, 0), 2)]
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET or wanted < logger.level:
            logger.setLevel(wanted)
    return level


Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        callback=set_verbosity,
        show_default=False,
        help="Say more on stderr and show tracebacks; twice for everything.",
    ),
]
"""The option ``-v`` of every command."""

AsJson = Annotated[
    bool, typer.Option("--json", help="Write JSON for programs on stdout instead of text.")
]
"""The option ``--json`` of every command."""


class ProgressStyle(StrEnum):
    """How progress is told on stderr."""

    AUTO = "auto"
    JSON = "json"


ProgressAs = Annotated[
    ProgressStyle,
    typer.Option("--progress", help="Bars and lines for people, or a JSON object a line."),
]
"""The option ``--progress`` of commands that other programs run."""


def run(app: typer.Typer, name: str, args: Sequence[str] | None = None) -> int:
    """Run a command line application and return its exit code.

    Args:
        app: the application.
        name: of the program, put before every message.
        args: arguments in place of those of the process.
    """
    _log_to_stderr(name)
    command = typer.main.get_command(app)
    try:
        command.main(args=None if args is None else list(args), prog_name=name)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except KeyboardInterrupt:
        return INTERRUPTED
    except CvglError as error:
        return _report(name, str(error), error, error.exit_code)
    except OSError as error:
        return _report_os_error(name, error)
    except Exception as error:
        hint = "this is a fault of the program; run again with -v and report what it shows"
        message = f"{type(error).__name__}: {error} ({hint})"
        return _report(name, message, error, PROGRAM_FAULT)
    return 0


def one_line(text: str) -> str:
    """Return ``text`` without line breaks and other control characters, for a terminal."""
    words = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)


@contextmanager
def progress_bar(style: ProgressStyle = ProgressStyle.AUTO) -> Iterator[Progress]:
    """Yield a ``Progress`` that draws on stderr: bars on a terminal, else a line now and then."""
    if style is ProgressStyle.JSON:
        yield JsonProgress(sys.stderr)
        return
    if not sys.stderr.isatty():
        yield PlainProgress(sys.stderr)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    # Rich would send stdout through stderr, too: right on one terminal, wrong into a file.
    bars = RichProgress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
    )
    with bars:
        tasks: dict[str, TaskID] = {}

        def progress(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=max(total, 1))
            bars.update(tasks[stage], completed=done, total=max(total, 1))

        yield progress


class JsonProgress:
    """A ``Progress`` for programs: ``{"stage": ..., "done": ..., "total": ...}``, one a line.

    The start and end of a stage are always told, what lies between at most ten times a second.
    """

    def __init__(self, stream: TextIO, interval_s: float = _JSON_INTERVAL_S) -> None:
        self._stream = stream
        self._interval_s = interval_s
        self._last_s: dict[str, float] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Write ``done`` of ``total`` steps of ``stage``."""
        now = time.monotonic()
        if now - self._last_s.get(stage, -math.inf) < self._interval_s and done < total:
            return
        self._last_s[stage] = now
        self._stream.write(json.dumps({"stage": stage, "done": done, "total": total}) + "\n")
        self._stream.flush()


class PlainProgress:
    """A ``Progress`` for logs: the start and end of a stage, and a line every ten seconds."""

    def __init__(self, stream: TextIO, interval_s: float = _PLAIN_INTERVAL_S) -> None:
        self._stream = stream
        self._interval_s = interval_s
        self._last_s: dict[str, float] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take note of ``done`` of ``total`` steps of ``stage``."""
        now = time.monotonic()
        if stage not in self._last_s:
            # The first call only starts the clock: stages that take no time leave no line.
            self._last_s[stage] = now
        elif now - self._last_s[stage] >= self._interval_s:
            self._last_s[stage] = now
            self._stream.write(f"{stage}: {done}/{total}\n")
            self._stream.flush()


def _log_to_stderr(name: str) -> None:
    """Send logs and Python warnings to stderr as single lines."""
    root = logging.getLogger()
    ours = [handler for handler in root.handlers if isinstance(handler, _StderrHandler)]
    handler = ours[0] if ours else _StderrHandler()
    handler.setFormatter(_OneLine(f"{name}: %(levelname)s: %(message)s"))
    root.addHandler(handler)  # a second time changes nothing
    logging.captureWarnings(True)
    set_verbosity(0)


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to whatever ``sys.stderr`` is at the time, so that it can be redirected."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class _OneLine(logging.Formatter):
    """Names levels in lower case, as the other messages of a terminal do."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        return line.replace(record.levelname, record.levelname.lower(), 1)


def _report(name: str, message: str, error: BaseException, exit_code: int) -> int:
    """Write one line to stderr, after the traceback where that is wanted; return the code."""
    if logging.getLogger(_LOGGERS[0]).isEnabledFor(logging.INFO):
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    sys.stderr.write(f"{name}: error: {one_line(message)}\n")
    return exit_code


def _report_os_error(name: str, error: OSError) -> int:
    """Report an error of the operating system; a closed pipe behind us is no error."""
    if error.errno == errno.EPIPE:
        # Nobody reads on: keep the interpreter from complaining while it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    where = error.filename if error.filename is not None else "the output"
    return _report(name, f"{where}: {error.strerror or error}", error, OutputError.exit_code)

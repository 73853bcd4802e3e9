"""``cvgl worker``: answers requests over stdin and stdout until stdin ends.

One thread reads requests; ``locate`` and ``check`` are done one after the other by a second, the
quick methods by a third. Standard output belongs to the protocol: file descriptor 1 is
duplicated for it and then points to stderr, so that whatever a library prints cannot disturb it.
``cvgl_core.protocol`` describes the messages.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Annotated, BinaryIO

import typer

from cvgl_core import __version__, protocol
from cvgl_core.commands.service import Service
from cvgl_core.console import PROGRAM_FAULT, Verbose, run
from cvgl_core.errors import CvglError, OutputError, ProtocolError
from cvgl_core.types import Progress

log = logging.getLogger(__name__)

_QUICK, _SLOW = "quick", "slow"
_GRACE_S = 0.5
_EVENT_INTERVAL_S = 0.02
# What each stage of locating takes of the whole, about, on a CPU.
_SHARES = {
    "reading": (0.0, 0.1),
    "describing": (0.1, 0.2),
    "searching": (0.2, 0.22),
    "matching": (0.22, 0.55),
    "decoding": (0.55, 0.75),
    "fusing": (0.75, 0.9),
    "writing": (0.9, 1.0),
}
_WORDS = {
    "waiting": "Waiting for the engine",
    "reading": "Reading the photo and the index",
    "describing": "Describing the photo",
    "searching": "Searching the index",
    "matching": "Comparing with tiles: {done} of {total}",
    "decoding": "Placing the camera: {done} of {total} tiles",
    "fusing": "Weighing the evidence",
    "writing": "Writing the results",
}

Answer = Callable[[Progress], Mapping[str, object]]


class Cancelled(Exception):
    """Raised inside a job whose end was asked for."""


@dataclass
class Job:
    """A request on its way; ``done`` is None until it was handed to a thread."""

    request: protocol.Request
    lane: str
    cancel: threading.Event = field(default_factory=threading.Event)
    done: Future[None] | None = None


class Worker:
    """Reads requests from ``source`` and writes events to ``sink``."""

    def __init__(self, source: BinaryIO, sink: BinaryIO, service: Service) -> None:
        self._source = source
        self._sink = sink
        self._service = service
        self._writing = threading.Lock()
        self._jobs_lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._ready: protocol.Ready | None = None
        self._warm = threading.Event()
        self._lanes = {lane: ThreadPoolExecutor(1, lane) for lane in (_QUICK, _SLOW)}

    def run(self) -> None:
        """Answer until ``shutdown`` or the end of ``source``; then end what still runs."""
        self._send(protocol.Hello(protocol.VERSION, __version__, os.getpid()))
        self._lanes[_SLOW].submit(self._warm_up)
        while line := self._read_line():
            if line.strip() and not self._take(line):
                break
        self._end_jobs()

    def _read_line(self) -> bytes:
        """Return a line with its end; of one that is too long the start, beyond the limit."""
        limit = protocol.MAX_LINE_BYTES + 1
        line = self._source.readline(limit)
        rest = line
        while len(rest) == limit and not rest.endswith(b"\n"):
            rest = self._source.readline(limit)
        return line

    def _take(self, line: bytes) -> bool:
        """Begin what a line asks for; returns False when that is to stop."""
        try:
            request = protocol.parse_request(line)
        except ProtocolError as error:
            self._fail(None, error)
            return True
        if request.method == "shutdown":
            return False
        try:
            if request.method == "cancel":
                cancelled = self._cancel(protocol.CancelParams.parse(request.params).id)
                self._send(protocol.Result(request.id, {"cancelled": cancelled}))
            else:
                self._begin(request)
        except ProtocolError as error:
            self._fail(request.id, error)
        return True

    def _begin(self, request: protocol.Request) -> None:
        """Hand a request to its thread.

        Raises:
            ProtocolError: the method or its parameters are wrong.
        """
        lane, answer = self._answer(request)
        job = Job(request, lane)
        with self._jobs_lock:
            if request.id in self._jobs:
                self._fail(None, ProtocolError(f"request {request.id} is not done yet"))
                return
            busy = any(other.lane == lane for other in self._jobs.values())
            self._jobs[request.id] = job
        if busy or (lane == _SLOW and not self._warm.is_set()):
            self._report(request.id, "waiting", 0.0, 0, 1)
        job.done = self._lanes[lane].submit(self._run, job, answer)

    def _answer(self, request: protocol.Request) -> tuple[str, Answer]:
        """Return which thread answers a request, and how.

        Raises:
            ProtocolError: the method or its parameters are wrong.
        """
        service, params = self._service, request.params
        match request.method:
            case "locate":
                locate = protocol.LocateParams.parse(params)
                return _SLOW, lambda progress: service.locate(locate, progress)
            case "check":
                return _SLOW, lambda _: service.check()
            case "info":
                info = protocol.InfoParams.parse(params)
                return _QUICK, lambda _: service.info(info)
            case "describe_photo":
                photo = protocol.DescribeParams.parse(params)
                return _QUICK, lambda progress: service.describe_photo(photo, progress)
            case "hello":
                return _QUICK, lambda _: self._facts()
            case other:
                raise ProtocolError(
                    f"unknown method {other!r:.60}; this engine (protocol {protocol.VERSION}) "
                    "does not offer it"
                )

    def _run(self, job: Job, answer: Answer) -> None:
        """Do a job; whatever goes wrong is its last event."""
        name = job.request.id
        event: protocol.Event
        try:
            event = protocol.Result(name, answer(self._progress(job)))
            payload = protocol.encode(event)
        except Cancelled:
            payload = protocol.encode(protocol.Cancelled(name))
        except BaseException as error:
            payload = protocol.encode(_error(name, error))
        with self._jobs_lock:
            del self._jobs[name]
        self._write(payload)

    def _progress(self, job: Job) -> Progress:
        """Return a callback that sends events and raises when the job's end is asked for."""
        last_stage, last_s, furthest = "", 0.0, 0.0

        def progress(stage: str, done: int, total: int) -> None:
            nonlocal last_stage, last_s, furthest
            if job.cancel.is_set():
                raise Cancelled
            now_s = time.monotonic()
            if stage != last_stage or now_s - last_s >= _EVENT_INTERVAL_S:
                last_stage, last_s = stage, now_s
                # A stage may come back to an earlier one; a bar must not.
                furthest = max(furthest, _fraction(stage, done, total))
                self._report(job.request.id, stage, furthest, done, total)

        return progress

    def _report(self, name: str, stage: str, fraction: float, done: int, total: int) -> None:
        """Send how far a request is."""
        text = _WORDS.get(stage, stage).format(done=done, total=total)
        self._send(protocol.Progress(name, stage, fraction, text))

    def _cancel(self, name: str) -> bool:
        """Ask a job to end; one that still waits ends at once. Returns whether it was there."""
        with self._jobs_lock:
            job = self._jobs.get(name)
            if job is None:
                return False
            job.cancel.set()
            waiting = job.done is not None and job.done.cancel()
            if waiting:
                del self._jobs[name]
        if waiting:
            self._send(protocol.Cancelled(name))
        return True

    def _end_jobs(self) -> None:
        """Ask all jobs to end and give them a moment, so that they leave no half-written file."""
        with self._jobs_lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            self._cancel(job.request.id)
        wait([job.done for job in jobs if job.done is not None], timeout=_GRACE_S)

    def _warm_up(self) -> None:
        """Load what takes long, and say that it is there, or why not."""
        try:
            self._ready = self._service.warm_up()
            self._send(self._ready)
        except BaseException as error:
            self._write(protocol.encode(_error(None, error)))
        self._warm.set()

    def _facts(self) -> Mapping[str, object]:
        """Return what ``ready`` said, once it was said."""
        self._warm.wait()
        if self._ready is None:
            raise ProtocolError("the engine could not be loaded; cvgl doctor tells why")
        return vars(self._ready)

    def _fail(self, name: str | None, error: CvglError) -> None:
        """Send an error."""
        self._send(_error(name, error))

    def _send(self, event: protocol.Event) -> None:
        """Write an event."""
        self._write(protocol.encode(event))

    def _write(self, payload: bytes) -> None:
        """Write a line; when nobody reads any more, the end of stdin is near, too."""
        try:
            with self._writing:
                self._sink.write(payload)
                self._sink.flush()
        except OSError:
            log.debug("nobody reads the answers", exc_info=True)


def _fraction(stage: str, done: int, total: int) -> float:
    """Return how much of a request is done."""
    low, high = _SHARES.get(stage, (0.0, 0.0))
    return round(low + (high - low) * min(1.0, done / max(total, 1)), 3)


def _error(name: str | None, error: BaseException) -> protocol.Error:
    """Return the event of an error; a fault of the program is logged with its traceback."""
    kind = type(error).__name__
    if isinstance(error, CvglError):
        return protocol.Error(name, kind, str(error), error.exit_code)
    if isinstance(error, OSError):
        where = error.filename if error.filename is not None else "a file"
        message = f"{where}: {error.strerror or error}"
        return protocol.Error(name, OutputError.__name__, message, OutputError.exit_code)
    log.error("%s", error, exc_info=error)
    message = f"{kind}: {error} (a fault of the program; the log of the engine shows where)"
    return protocol.Error(name, kind, message, PROGRAM_FAULT)


def worker(
    check: Annotated[
        bool, typer.Option("--check", help="Print what is installed and works as JSON, and end.")
    ] = False,
    device: Annotated[
        str, typer.Option(metavar="auto|cpu|cuda", help="Where to compute.")
    ] = "auto",
    verbose: Verbose = 0,
) -> None:
    """Answer requests as JSON lines over stdin and stdout, for the QGIS plugin; see protocol.py.

    Ends when stdin does.
    """
    sink = _own_stdout()
    service = Service(device)
    if check:
        report = {"engine": __version__, "protocol": protocol.VERSION} | service.check()
        sink.write(json.dumps(report).encode() + b"\n")
        sink.flush()
        raise typer.Exit(0 if report["ok"] else CvglError.exit_code)
    try:
        Worker(sys.stdin.buffer, sink, service).run()
    except KeyboardInterrupt:
        log.debug("interrupted")
    # Not sys.exit: that would wait for threads that are deep inside a network.
    os._exit(0)


def _own_stdout() -> BinaryIO:
    """Return what stdout was, for the protocol alone; from now on printing goes to stderr."""
    sys.stdout.flush()
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return sink


def main() -> None:
    """Run ``python -m cvgl_core.worker``."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(worker)
    sys.exit(run(app, "cvgl worker"))


if __name__ == "__main__":
    main()

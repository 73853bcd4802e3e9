"""Blocks done by several processes of this machine, each with a line of its own.

The processes share nothing but the folder. One that is killed is replaced and its blocks are done
again, under the same names, with the same bytes.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import logging.handlers
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from cvgl_core.errors import CvglError
from tiling.crews.crew import Alone, Tally
from tiling.crews.line import BlockResult, Job, Line
from tiling.crews.machine import default_workers
from tiling.engines import TileDescriber
from tiling.plan import Block

_LOG = logging.getLogger(__name__)
_LOGGERS = ("cvgl_core", "tiling")
_IN_HAND = 2
_MOST_DEATHS = 3
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_END_S = 1.0
_IDLE_S = 0.1


@dataclass(frozen=True)
class _Told:
    """Some tiles of a block are described."""

    name: str
    tiles: int


@dataclass(frozen=True)
class _Failed:
    """A block cannot be done."""

    error: Exception


_Message = _Told | BlockResult | _Failed | logging.LogRecord


@dataclass
class _Worker:
    """A process, the way to it, the blocks it has been given, and those it will be given."""

    process: SpawnProcess
    orders: Connection
    share: deque[Block]
    blocks: dict[str, Block] = field(default_factory=dict)


class Processes:
    """So many processes do the blocks.

    Args:
        describer: the model, for when this process does all alone.
        load: makes the model; called in each process, so it must be possible to pickle it.
        count: how many; as many as fit this machine and the work if None.
        on_gpu: whether the model runs on one.
    """

    def __init__(
        self,
        describer: TileDescriber,
        load: Callable[[], TileDescriber],
        count: int | None = None,
        on_gpu: bool = False,
    ) -> None:
        self._describer = describer
        self._load = load
        self._count = count
        self._on_gpu = on_gpu

    def run(self, job: Job, blocks: Sequence[Block], tally: Tally) -> dict[str, BlockResult]:
        """See ``Crew``.

        Raises:
            CvglError: a block cannot be done, or three processes died over it.
        """
        count = min(self._count or default_workers(len(blocks), self._on_gpu), len(blocks))
        if count <= 1:
            return Alone(self._describer).run(job, blocks, tally)
        return _Run(job, self._load, blocks, tally).finish(count)


class _Run:
    """One run of processes over blocks."""

    def __init__(
        self, job: Job, load: Callable[[], TileDescriber], blocks: Sequence[Block], tally: Tally
    ) -> None:
        self._job = job
        self._load = load
        self._blocks = blocks
        self._left = len(blocks)
        self._tally = tally
        self._workers: dict[Connection, _Worker] = {}
        self._deaths: Counter[str] = Counter()
        self._results: dict[str, BlockResult] = {}

    def finish(self, count: int) -> dict[str, BlockResult]:
        """Return the results of all blocks; all processes have ended then."""
        try:
            edges = [len(self._blocks) * number // count for number in range(count + 1)]
            for start, stop in itertools.pairwise(edges):
                self._start(deque(self._blocks[start:stop]))
            while self._left:
                for ready in connection.wait(list(self._workers)):
                    assert isinstance(ready, Connection)
                    self._listen(self._workers[ready])
        finally:
            self._end()
        return self._results

    def _start(self, share: deque[Block]) -> None:
        """Start a process and give it its first blocks; neighbours, which share what is read."""
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        levels = {name: logging.getLogger(name).level for name in _LOGGERS}
        process = context.Process(
            target=_work, args=(theirs, self._job, self._load, levels), daemon=True
        )
        with _environment(_ONE_THREAD), _interrupts_later():
            process.start()
        theirs.close()
        worker = _Worker(process, ours, share)
        self._workers[ours] = worker
        self._give(worker)

    def _give(self, worker: _Worker) -> None:
        """Give a process a block to work on and one to cut ahead; at the end, some of another's."""
        while len(worker.blocks) < _IN_HAND:
            if not worker.share:
                most = max((other.share for other in self._workers.values()), key=len)
                for _ in range((len(most) + (not worker.blocks)) // 2):
                    worker.share.appendleft(most.pop())
            if not worker.share:
                break
            block = worker.share.popleft()
            worker.blocks[block.name] = block
            with contextlib.suppress(OSError):  # a dead process is noticed by listening to it
                worker.orders.send(block)

    def _listen(self, worker: _Worker) -> None:
        """Take one message of a process, or take note of its death."""
        try:
            message: _Message = worker.orders.recv()
        except (EOFError, OSError):
            self._replace(worker)
            return
        if isinstance(message, _Told):
            self._tally.told(message.name, message.tiles)
        elif isinstance(message, BlockResult):
            self._results[message.name] = message
            self._left -= 1
            self._tally.finished(worker.blocks.pop(message.name))
            self._give(worker)
        elif isinstance(message, _Failed):
            raise message.error
        else:
            logging.getLogger(message.name).handle(message)

    def _replace(self, worker: _Worker) -> None:
        """Start a process in place of one that died, and give its blocks out again."""
        del self._workers[worker.orders]
        worker.orders.close()
        worker.process.join()
        code = worker.process.exitcode
        for name in worker.blocks:
            self._deaths[name] += 1
            if self._deaths[name] == _MOST_DEATHS:
                raise CvglError(
                    f"block {name}: {_MOST_DEATHS} processes died over it, the last with code "
                    f"{code}; if memory ran out, use fewer with --workers, otherwise -v says more"
                )
        _LOG.info("process %s died with code %s and is replaced", worker.process.pid, code)
        share = deque((*worker.blocks.values(), *worker.share))
        if share:
            self._start(share)

    def _end(self) -> None:
        """End all processes, whatever they do."""
        for worker in self._workers.values():
            worker.process.terminate()
        for worker in self._workers.values():
            worker.process.join(_END_S)
            worker.process.kill()
            worker.process.join()
            worker.orders.close()


def _work(
    orders: Connection, job: Job, load: Callable[[], TileDescriber], levels: dict[str, int]
) -> None:
    """Do the blocks that arrive until the parent ends: the main function of a process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    threading.Thread(target=_die_with_parent, daemon=True).start()
    turn = threading.Lock()

    def send(message: _Message) -> None:
        with turn:
            orders.send(message)

    _log_to(send, levels)
    try:
        line = Line(job, load(), lambda name, tiles: send(_Told(name, tiles)), send)
        line.run(_blocks(orders, line))
    except CvglError as error:
        send(_Failed(error))
    except Exception as error:  # a fault of the program; it may not be possible to send it
        _LOG.info("process %s failed", os.getpid(), exc_info=True)
        send(_Failed(RuntimeError(f"{type(error).__name__}: {error}")))


def _blocks(orders: Connection, line: Line) -> Iterator[Block]:
    """Yield blocks as they arrive."""
    while not line.stopped:
        if orders.poll(_IDLE_S):
            yield orders.recv()


def _die_with_parent() -> None:
    """End this process when its parent has ended, however that came about."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _log_to(send: Callable[[_Message], None], levels: dict[str, int]) -> None:
    """Hand what this process logs to its parent."""

    class Handler(logging.handlers.QueueHandler):
        def enqueue(self, record: logging.LogRecord) -> None:
            send(record)

    logging.getLogger().addHandler(Handler(None))  # type: ignore[arg-type] # it has no queue
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Have processes that are started now see these variables."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _interrupts_later() -> Iterator[None]:
    """Keep Ctrl-C from a process that is being started: it inherits what is blocked."""
    mask: Any = getattr(signal, "pthread_sigmask", None)
    if mask is None:
        yield
        return
    before = mask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        mask(signal.SIG_SETMASK, before)

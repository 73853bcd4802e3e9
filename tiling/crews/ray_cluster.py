"""Blocks done by the processes of a Ray cluster, on machines that share the index folder.

Tasks are stateless and write shards under the names that the plan gives them, so one that runs
twice, because its machine was lost or only slow, does no harm. A process keeps its model from one
task to the next.
"""

from __future__ import annotations

import functools
import os
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from typing import Any

from cvgl_core import __version__
from cvgl_core.errors import CvglError, MissingDependencyError, OutputError, SettingsError
from tiling.crews.crew import Tally
from tiling.crews.line import BlockResult, Job, Line
from tiling.crews.machine import cores
from tiling.engines import TileDescriber
from tiling.plan import Block

_MOST_BLOCKS = 4
_TASKS_EACH = 4
_IN_FLIGHT = 2
_MOST_FAILURES = 3
_STORE_BYTES = 100 << 20
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


@dataclass
class _Task:
    """Blocks for one task, and how often they failed."""

    blocks: tuple[Block, ...]
    failures: int = 0


class RayCluster:
    """The cluster that ``RAY_ADDRESS`` names, or one of this machine alone.

    Args:
        load: makes the model; hashable, called once in each process of the cluster.
        count: most tasks at a time; as many as the cluster takes if None.
        device: ``cuda`` or ``auto`` to give each task a GPU, the latter where there are any.

    Raises:
        MissingDependencyError: Ray is not installed.
    """

    def __init__(
        self, load: Callable[[], TileDescriber], count: int | None = None, device: str = "auto"
    ) -> None:
        self._ray = _ray()
        self._load = load
        self._count = count
        self._device = device

    def run(self, job: Job, blocks: Sequence[Block], tally: Tally) -> dict[str, BlockResult]:
        """See ``Crew``.

        Raises:
            CvglError: the cluster cannot be used, or a task failed three times.
        """
        if not blocks:
            return {}
        # Ray prints what it has to say of lost machines; stdout is for data.
        with redirect_stdout(sys.stderr), _connected(self._ray):
            return self._run(_anywhere(job), blocks, tally)

    def _run(self, job: Job, blocks: Sequence[Block], tally: Tally) -> dict[str, BlockResult]:
        """Keep a bounded number of tasks in flight until all blocks are done."""
        ray = self._ray
        work, shared = self._remote(), ray.put(job)
        todo = deque(_Task(chunk) for chunk in _chunks(blocks, self._slots()))
        flying: dict[Any, _Task] = {}
        results: dict[str, BlockResult] = {}
        try:
            while todo or flying:
                while todo and len(flying) < (self._count or _IN_FLIGHT * self._slots()):
                    task = todo.popleft()
                    flying[work.remote(shared, self._load, task.blocks, __version__)] = task
                ready, _ = ray.wait(list(flying), num_returns=1)
                task = flying.pop(ready[0])
                found = self._outcome(ready[0])
                if isinstance(found, CvglError):
                    task.failures += 1
                    if task.failures == _MOST_FAILURES:
                        raise found
                    todo.append(task)
                    continue
                for block, result in zip(task.blocks, found, strict=True):
                    _check_shared(job, result)
                    results[block.name] = result
                    tally.finished(block)
        finally:
            for reference in flying:
                ray.cancel(reference, force=True)
        return results

    def _remote(self) -> Any:
        """Return the task; it is run again for as long as machines are lost."""
        options: dict[str, Any] = {
            "num_cpus": 1,
            "max_retries": -1,
            "scheduling_strategy": "SPREAD",
        }
        if self._gpu():
            options["num_gpus"] = 1
        return self._ray.remote(**options)(_work)

    def _gpu(self) -> bool:
        """Tell whether tasks get a GPU."""
        there = self._ray.cluster_resources().get("GPU", 0) >= 1
        if self._device == "cuda" and not there:
            raise SettingsError("--device cuda: the Ray cluster has no GPU; use auto or cpu")
        return self._device != "cpu" and bool(there)

    def _slots(self) -> int:
        """Return how many tasks the cluster can do at a time, as it is now."""
        kind = "GPU" if self._gpu() else "CPU"
        return max(1, int(self._ray.cluster_resources().get(kind, 1)))

    def _outcome(self, reference: Any) -> list[BlockResult] | CvglError:
        """Return what a task gave, or why it failed."""
        try:
            found: list[BlockResult] | CvglError = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            return CvglError(
                f"--engine ray: a task failed ({error}); is this version of cvgl installed on "
                "every machine of the cluster?"
            )
        return found


def _work(
    job: Job, load: Callable[[], TileDescriber], blocks: Sequence[Block], version: str
) -> list[BlockResult] | CvglError:
    """Do some blocks and return their results in order: the task."""
    here = socket.gethostname()
    if version != __version__:
        return SettingsError(
            f"{here} of the Ray cluster has cvgl {__version__}, not {version}; install the same"
        )
    if not job.shard_folder.is_dir():
        return OutputError(
            f"{job.shard_folder}: is not there on {here}; the machines of a Ray cluster must see "
            "the rasters and the index under the same paths"
        )
    results: dict[str, BlockResult] = {}
    try:
        line = Line(job, _model(load), _nothing, lambda r: results.__setitem__(r.name, r))
        line.run(blocks)
    except CvglError as error:
        return error
    return [results[block.name] for block in blocks]


@functools.lru_cache(maxsize=1)
def _model(load: Callable[[], TileDescriber]) -> TileDescriber:
    """Return the model of this process."""
    return load()


def _nothing(name: str, tiles: int) -> None:
    """Tell nobody: a task is told of when it ends."""


def _chunks(blocks: Sequence[Block], slots: int) -> Iterator[tuple[Block, ...]]:
    """Yield the blocks of each task: few, so that all machines end at about the same time."""
    size = min(max(1, len(blocks) // (_TASKS_EACH * slots)), _MOST_BLOCKS)
    for start in range(0, len(blocks), size):
        yield tuple(blocks[start : start + size])


def _anywhere(job: Job) -> Job:
    """Return a job whose paths hold in any folder."""
    rasters = tuple(replace(one, path=one.path.absolute()) for one in job.plan.rasters)
    return replace(job, plan=replace(job.plan, rasters=rasters))


def _check_shared(job: Job, result: BlockResult) -> None:
    """See that a shard written elsewhere is in the folder as it is seen from here."""
    if result.record is not None and not (job.shard_folder / result.name).is_dir():
        raise OutputError(
            f"{job.shard_folder / result.name}: was written by another machine and is not here; "
            "the machines of a Ray cluster must share the folder of the index"
        )


def _ray() -> Any:
    """Return the package.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingDependencyError(
            "--engine ray needs Ray: pip install 'cvgl[ray]', or use --engine local"
        ) from error
    return ray


@contextmanager
def _connected(ray: Any) -> Iterator[None]:
    """Be connected to a cluster; one that was started for it is ended.

    Raises:
        SettingsError: the cluster does not answer.
    """
    if ray.is_initialized():
        yield
        return
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        address = "local"
        options |= {
            "num_cpus": cores(),
            "object_store_memory": _STORE_BYTES,
            "include_dashboard": False,
        }
    try:
        ray.init(address=address, **options)
    except (ConnectionError, RuntimeError, TimeoutError, ValueError) as error:
        raise SettingsError(f"--engine ray: no Ray cluster at {address} ({error})") from error
    try:
        yield
    finally:
        ray.shutdown()

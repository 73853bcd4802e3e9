"""What this process may use of its machine: processors and memory."""

from __future__ import annotations

import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_WORKER_BYTES = 1 << 30
_BLOCKS_EACH = 4
_GPU_WORKERS = 4


def default_workers(blocks: int, on_gpu: bool = False) -> int:
    """Return how many processes should do so many blocks: as fit, and only if it is worth it.

    A process takes seconds to start and up to 1 GB, so a few blocks are done by this one. On a
    GPU a few processes together keep it fed, and each takes a part of its memory.
    """
    memory = free_memory_bytes()
    fitting = min(cores(), _GPU_WORKERS) if on_gpu else cores()
    fitting = fitting if memory is None else min(fitting, memory // _WORKER_BYTES)
    return max(1, min(fitting, blocks // _BLOCKS_EACH))


def cores() -> int:
    """Return how many processors this process may use, by its affinity and its container."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota, _, period = _first_line(_CGROUP / "cpu.max").partition(" ")
    if quota.isdecimal() and period.isdecimal():
        count = min(count, -(-int(quota) // int(period)))
    return max(1, count)


def free_memory_bytes() -> int | None:
    """Return how much memory is free for this process; None where that is not known."""
    free: list[int] = []
    for line in _text(Path("/proc/meminfo")).splitlines():
        if line.startswith("MemAvailable:"):
            free.append(int(line.split()[1]) << 10)
    limit = _first_line(_CGROUP / "memory.max")
    used = _first_line(_CGROUP / "memory.current")
    if limit.isdecimal() and used.isdecimal():
        free.append(max(0, int(limit) - int(used)))
    return min(free, default=None)


def _first_line(path: Path) -> str:
    """Return the first line of a file, nothing if it is not there."""
    return _text(path).partition("\n")[0]


def _text(path: Path) -> str:
    """Return what a file holds, nothing if it is not there."""
    try:
        return path.read_text()
    except OSError:
        return ""

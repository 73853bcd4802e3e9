"""Work on many small files by a few threads, results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

_THREADS = max(1, min(8, os.cpu_count() or 1))


def threaded(
    work: Callable[[A], B], items: Iterable[A], threads: int = _THREADS
) -> Generator[B, None, None]:
    """Yield ``work`` of every item in order; a few are done ahead, by threads.

    Closed before its end, it waits for what is being done and leaves the rest.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="cvgl")
    ahead: deque[Future[B]] = deque()
    try:
        for item in items:
            ahead.append(pool.submit(work, item))
            if len(ahead) > 4 * threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)

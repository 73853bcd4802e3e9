"""Who does the blocks of a build: this process, or others at its order."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

from cvgl_core.types import Progress
from tiling.crews.line import BlockResult, Job, Line
from tiling.engines import TileDescriber
from tiling.plan import Block


class Tally:
    """Counts tiles for the ``Progress`` of a build; called by several threads, it never goes back.

    Args:
        progress: told ``("tiles", done, total)``.
        done: tiles that were there already.
        total: all tiles.
    """

    def __init__(self, progress: Progress, done: int, total: int) -> None:
        self._progress = progress
        self._done = done
        self._total = total
        self._parts: dict[str, int] = {}
        self._shown = done
        self._lock = threading.Lock()
        progress("tiles", done, total)

    def told(self, name: str, tiles: int) -> None:
        """Take note that ``tiles`` of a block are described so far."""
        with self._lock:
            self._parts[name] = tiles
            self._show()

    def finished(self, block: Block) -> None:
        """Take note that a block is done."""
        with self._lock:
            self._parts.pop(block.name, None)
            self._done += len(block.rows)
            self._show()

    def _show(self) -> None:
        self._shown = max(self._shown, self._done + sum(self._parts.values()))
        self._progress("tiles", self._shown, self._total)


class Crew(Protocol):
    """Does blocks; the bytes are the same whoever does them."""

    def run(self, job: Job, blocks: Sequence[Block], tally: Tally) -> dict[str, BlockResult]:
        """Return the result of every block by name; their shards are on the disk.

        Raises:
            CvglError: a block cannot be done.
        """


class Alone:
    """This process does all blocks.

    Args:
        describer: the model.
        readers: threads that cut ahead of the network.
    """

    def __init__(self, describer: TileDescriber, readers: int = 1) -> None:
        self._describer = describer
        self._readers = readers

    def run(self, job: Job, blocks: Sequence[Block], tally: Tally) -> dict[str, BlockResult]:
        """See ``Crew``."""
        by_name = {block.name: block for block in blocks}
        results: dict[str, BlockResult] = {}

        def done(result: BlockResult) -> None:
            results[result.name] = result
            tally.finished(by_name[result.name])

        Line(job, self._describer, tally.told, done, self._readers).run(blocks)
        return results

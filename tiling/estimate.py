"""How long a build would take on this machine, from a trial of a few of its tiles."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from tiling.crews.machine import default_workers
from tiling.cut import Cutter
from tiling.describe import describe_block
from tiling.engines import TileDescriber
from tiling.plan import CutSettings, Plan

_TRIAL_TILES = 32


@dataclass(frozen=True)
class Estimate:
    """What a build is expected to take.

    Attributes:
        seconds: of wall time.
        workers: processes that would work.
    """

    seconds: float
    workers: int


def estimate_build(plan: Plan, settings: CutSettings, describer: TileDescriber) -> Estimate:
    """Cut a block, describe some of its tiles, and return how long the whole plan would take.

    The trial describes with all processors, so only cutting is shared out among processes.
    """
    block = plan.blocks[len(plan.blocks) // 2]
    start = time.monotonic()
    with Cutter(plan, settings.min_valid, describer.card.fill_rgb) as cutter:
        cut = cutter.cut(block)
    workers = default_workers(len(plan.blocks))
    each_s = (time.monotonic() - start) / len(block.rows) / workers
    tried = None if plan.shared_trunk else _TRIAL_TILES
    some = replace(cut, kept=cut.kept[:tried], valid_fraction=cut.valid_fraction[:tried])
    if len(some.kept):
        describe_block(some, plan, describer, _nothing)  # the first call warms up
        start = time.monotonic()
        describe_block(some, plan, describer, _nothing)
        each_s += (time.monotonic() - start) / len(some.kept)
    return Estimate(plan.tile_count * each_s, workers)


def _nothing(tiles: int) -> None:
    """Tell nobody."""

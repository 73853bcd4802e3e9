"""How long a build would take on this machine."""

from __future__ import annotations

import time

from tiling.cut import Cutter, fill_colour
from tiling.describe import describe_block
from tiling.engines import TileDescriber
from tiling.plan import CutSettings, Plan


def trial_seconds(planned: Plan, settings: CutSettings, describer: TileDescriber) -> float:
    """Return how long a build would take, from cutting and describing one block of it."""
    block = planned.blocks[len(planned.blocks) // 2]
    start = time.monotonic()
    with Cutter(planned, settings.min_valid, fill_colour(describer.card)) as cutter:
        cut = cutter.cut(block)
    reading = time.monotonic() - start
    if not len(cut.kept):
        return planned.tile_count * reading / len(block.rows)
    start = time.monotonic()
    describe_block(cut, planned, describer, lambda _: None)
    describing = (time.monotonic() - start) / len(cut.kept)
    return planned.tile_count * max(reading / len(block.rows), describing)

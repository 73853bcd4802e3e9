"""One part of a build, for array jobs: the parts together are the whole, block by block."""

from __future__ import annotations

from dataclasses import replace

from cvgl_core.errors import SettingsError
from cvgl_core.index import PartRecord
from tiling.plan import Plan

_MOST_PARTS = 1 << 20


def parse_part(text: str) -> PartRecord:
    """Return the part that ``"3/8"`` names: the third of eight.

    Raises:
        SettingsError: it names none.
    """
    number, slash, count = text.partition("/")
    if slash and number.isdecimal() and count.isdecimal():
        if 1 <= int(number) <= int(count) <= _MOST_PARTS:
            return PartRecord(number=int(number), count=int(count))
    raise SettingsError(f"--shard {text!r}: is no part such as 3/8, from 1/8 to 8/8")


def part_of(plan: Plan, part: PartRecord) -> Plan:
    """Return a plan with the blocks of one part only, a run of the whole plan's blocks.

    The name of the index stays that of the whole: parts made anywhere fit together.
    """
    total = len(plan.blocks)
    start, stop = (total * number // part.count for number in (part.number - 1, part.number))
    return replace(plan, blocks=plan.blocks[start:stop])

"""After a power loss at any moment what was there before is there, and a build goes on."""

import random
import shutil
import sys
from pathlib import Path

import pytest

from tests.faults.disk import CHANGES, Operation, watched
from tests.faults.kill import version
from tests.faults.scenes import QuickDescriber, Rasters, scenes
from tests.faults.wreck import restore, survivors
from tests.soak import cases
from tests.tiling.helpers import folder_bytes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the disk is watched on Linux")


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("new", cases(70, 2500)),
        ("update", cases(70, 2500)),
        ("merge", cases(20, 1000)),
        ("gc", cases(20, 1000)),
        ("migrate", cases(20, 1000)),
    ],
    ids=["new", "update", "merge", "gc", "migrate"],
)
def test_nothing_that_was_finished_is_lost_with_the_power(
    scratch: Path, name: str, count: int
) -> None:
    scene = scenes(Rasters(scratch, 3 if name == "new" else 5))[name]
    reference, before = scratch / "reference", scratch / "before"
    before.mkdir()
    scene.before(before, QuickDescriber())
    shutil.copytree(before, reference)
    seen: list[Operation] = []
    once = QuickDescriber()
    with watched(reference, seen.append):
        scene.act(reference, once)
    record = [operation for operation in seen if operation.kind in CHANGES]
    states = version(before / scene.index), version(reference / scene.index)
    wanted = folder_bytes(reference)
    committed = 1 + max(
        number
        for number, operation in enumerate(record)
        if operation.kind == "fsync" and operation.path == str(reference / scene.index)
    )
    rng = random.Random(3)
    for case in range(count):
        moment = len(record) if case % 10 == 0 else rng.randrange(len(record))
        left = survivors(before, record[:moment], reference, rng)
        place = restore(scratch / f"case{case}", left)
        found = version(place / scene.index)
        assert found in states and (moment < committed or found == states[1]), (case, moment)
        stored = sum(
            operation.kind == "fsync" and operation.path.endswith("/shards")
            for operation in record[:moment]
        )
        describer = QuickDescriber()
        scene.act(place, describer)
        assert folder_bytes(place) == wanted, (case, moment)
        assert describer.called <= once.called - min(stored, once.called), (case, moment)
        shutil.rmtree(place)

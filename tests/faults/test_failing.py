"""Each n-th file operation of a command fails: the error says so, and nothing is lost."""

import errno
import shutil
import sys
from pathlib import Path

import pytest

from cvgl_core.errors import CvglError, IndexFolderError, OutputError
from tests.faults.disk import CHANGES, GROWS, READS, Operation, failer, watched
from tests.faults.kill import version
from tests.faults.scenes import QuickDescriber, Rasters, scenes
from tests.soak import cases
from tests.tiling.helpers import folder_bytes

KINDS = {errno.ENOSPC: GROWS, errno.EIO: CHANGES | READS, errno.EACCES: CHANGES | READS}
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the disk is watched on Linux")


@pytest.mark.parametrize("number", KINDS, ids=errno.errorcode.get)
@pytest.mark.parametrize(
    ("name", "few"), [("new", 50), ("update", 25), ("merge", 20), ("gc", 20), ("migrate", 20)]
)
def test_nothing_is_lost_when_an_operation_fails(
    scratch: Path, name: str, few: int, number: int
) -> None:
    scene = scenes(Rasters(scratch, block_tiles=16))[name]
    reference, before = scratch / "reference", scratch / "before"
    before.mkdir()
    scene.before(before, QuickDescriber())
    shutil.copytree(before, reference)
    seen: list[Operation] = []
    with watched(reference, seen.append):
        scene.act(reference, QuickDescriber())
    kinds = KINDS[number]
    count = sum(operation.kind in kinds for operation in seen)
    states = version(before / scene.index), version(reference / scene.index)
    wanted, known, refused = folder_bytes(reference), set(), 0
    for nth in range(1, count + 1, -(-count // cases(few, count))):
        place = Path(shutil.copytree(before, scratch / "case"))
        try:
            with watched(place, failer(nth, number, kinds, stays=number == errno.ENOSPC)):
                scene.act(place, QuickDescriber())
        except CvglError as error:
            refused += 1
            assert isinstance(error, OutputError | IndexFolderError), nth
            assert str(place) in str(error), nth
            if number == errno.ENOSPC:
                assert "disk is full" in str(error) and "MB are needed" in str(error), nth
        left = folder_bytes(place)
        state = hash(frozenset(left.items()))
        if state not in known:  # what follows depends on the files only
            known.add(state)
            assert version(place / scene.index) in states, nth
            scene.act(place, QuickDescriber())
            assert folder_bytes(place) == wanted, nth
        shutil.rmtree(place)
    assert refused >= (3 if name in ("gc", "migrate") else 10)

"""Several processes with one index folder: one writes, the others are told so, readers read on."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cvgl_core.errors import IndexLockedError
from cvgl_core.index import Index
from tests.faults.scenes import QuickDescriber, Rasters, build
from tests.soak import cases
from tests.tiling.helpers import folder_bytes

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked")


def started(code: str, *args: object) -> "subprocess.Popen[str]":
    """A Python process that runs code, with pipes."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


WAITING = """
import sys
from pathlib import Path
from tests.faults.scenes import QuickDescriber, Rasters, build
class Waiting(QuickDescriber):
    def encode_tiles(self, rgb):
        print("here", flush=True)
        sys.stdin.readline()
        return super().encode_tiles(rgb)
folder = Path(sys.argv[1])
build(folder / "city.cvgl", Waiting(), Rasters(folder, 6).world)
"""


def test_a_second_builder_is_told_who_the_first_is_and_a_dead_one_holds_no_lock(
    scratch: Path,
) -> None:
    rasters = Rasters(scratch, 6)
    first = started(WAITING, scratch)
    try:
        assert first.stdout is not None and first.stdout.readline() == "here\n"
        with pytest.raises(IndexLockedError) as caught:
            build(scratch / "city.cvgl", QuickDescriber(), rasters.world)
        assert f"process {first.pid} on {socket.gethostname()}" in str(caught.value)
        assert caught.value.exit_code == 44
    finally:
        first.send_signal(signal.SIGKILL)
        first.communicate()
    assert (scratch / "city.cvgl" / ".lock").exists()
    build(scratch / "city.cvgl", QuickDescriber(), rasters.world)
    build(scratch / "fresh.cvgl", QuickDescriber(), rasters.world)
    assert folder_bytes(scratch / "city.cvgl") == folder_bytes(scratch / "fresh.cvgl")


CROWD = """
import os, random, sys, time
from pathlib import Path
from cvgl_core.errors import IndexLockedError
from cvgl_core.index import IndexWriter
folder, inside = Path(sys.argv[1]), Path(sys.argv[2])
entered = refused = 0
def visit(times):
    global entered, refused
    while entered < times:
        try:
            with IndexWriter(folder):
                os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
                os.unlink(inside)
                entered += 1
        except IndexLockedError:
            refused += 1
def said(line):
    os.write(1, (line + chr(10)).encode())  # in one piece: all four share the pipe
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        try:
            visit(int(sys.argv[3]))
        except BaseException as error:
            said(f"{type(error).__name__}: {error}")
            os._exit(1)
        said(f"{entered} {refused}")
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
"""


@pytest.mark.parametrize("kept", [True, False], ids=["an index", "nothing yet"])
def test_never_two_writers_inside(scratch: Path, kept: bool) -> None:
    """Four processes come and go as fast as they can; the folder itself goes while it is empty."""
    if kept:
        build(scratch / "city.cvgl", QuickDescriber(), Rasters(scratch, 16).world)
    crowd = started(CROWD, scratch / "city.cvgl", scratch / "inside", cases(40, 400))
    visits = [line.split() for line in crowd.communicate()[0].splitlines()]
    assert [entered for entered, *_ in visits] == [str(cases(40, 400))] * 4, visits


READER = """
import json, sys
from pathlib import Path
import numpy as np
from cvgl_core.errors import CvglError
from cvgl_core.index import Index, read_manifest
folder = Path(sys.argv[1])
rng = np.random.default_rng(0)
queries = rng.normal(size=(3, 16)).astype("f4")
def versions():
    return read_manifest(folder).version
seen, answers, excused = {}, 0, 0
print("ready", flush=True)
while not Path(sys.argv[2]).exists():
    before = versions()
    try:
        index = Index.open(folder)
        found = index.search(queries, 5)
        pixels = index.tile_pixels(found.indices[:, 0])
        answer = [found.indices.tolist(), found.scores.tolist(), int(pixels.sum(dtype="u8"))]
    except CvglError:
        if versions() < before + 2:
            raise
        excused += 1  # two newer versions came in between
        continue
    answers += 1
    name = index.manifest.index_id
    if seen.setdefault(name, answer) != answer:
        sys.exit(f"version {index.manifest.version} gives two answers")
print(json.dumps([answers, excused, seen]))
"""


def test_readers_see_whole_versions_while_the_index_is_built_again(scratch: Path) -> None:
    """Each answer of eight readers is that of one committed version."""
    rasters = Rasters(scratch, 6)
    city, stop = scratch / "city.cvgl", scratch / "stop"
    describer = QuickDescriber()
    build(city, describer, rasters.world)
    readers = [started(READER, city, stop) for _ in range(cases(4, 8))]
    assert [reader.stdout and reader.stdout.readline() for reader in readers] == (
        ["ready\n"] * len(readers)
    )
    for _ in range(cases(12, 1000)):
        build(city, describer, rasters.new, rasters.world)
        build(city, describer, rasters.world)
    stop.touch()
    found = [json.loads(reader.communicate()[0]) for reader in readers]
    assert [reader.returncode for reader in readers] == [0] * len(readers)
    assert sum(answers for answers, _, _ in found) >= 2 * len(readers)
    wanted = {}
    for number, sources in enumerate([(rasters.world,), (rasters.new, rasters.world)]):
        build(scratch / f"{number}.cvgl", describer, *sources)
        index = Index.open(scratch / f"{number}.cvgl")
        wanted[index.manifest.index_id] = len(index)
    assert {name for _, _, seen in found for name in seen} <= set(wanted)
    by_name: dict[str, set[str]] = {}
    for _, _, seen in found:
        for name, answer in seen.items():
            by_name.setdefault(name, set()).add(json.dumps(answer))
    assert all(len(answers) == 1 for answers in by_name.values())

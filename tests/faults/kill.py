"""Kill a command many times and look at what is left: ``python -m tests.faults.kill ...``.

A process of its own, warmed up once and without threads, forks a child for every case: a thousand
deaths cost as much as a thousand short builds. One JSON object a line says what was found.
"""

import contextlib
import json
import logging
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

from cvgl_core.errors import NoIndexError
from cvgl_core.index import read_manifest, verify_folder
from tests.faults.disk import CHANGES, Operation, killer, watched
from tests.faults.scenes import QuickDescriber, Rasters, Scene, scenes
from tests.tiling.helpers import folder_bytes

HANGS_S = 200


def changes_of(scene: Scene, folder: Path) -> int:
    """Run a scene undisturbed; return the number of its changes of the disk."""
    scene.before(folder, QuickDescriber())
    seen: list[Operation] = []
    with watched(folder, seen.append):
        scene.act(folder, QuickDescriber())
    return sum(operation.kind in CHANGES for operation in seen)


def killed(scene: Scene, folder: Path, describer: QuickDescriber, at: int, after_s: float) -> bool:
    """Run a scene's command in a child that dies; return whether it did.

    Args:
        scene: the scene.
        folder: where.
        describer: the model.
        at: the change of the disk at which it dies; 0 for a moment.
        after_s: the moment, in seconds of the processor.
    """
    _settle()
    child = os.fork()
    if child == 0:
        signal.alarm(HANGS_S)
        with contextlib.suppress(BaseException):
            if not at:
                signal.setitimer(signal.ITIMER_PROF, after_s)  # nothing is told, it just ends
            with watched(folder, killer(at) if at else lambda operation: None):
                scene.act(folder, describer)
            os._exit(0)
        os._exit(1)
    status = os.waitpid(child, 0)[1]
    died = os.WIFSIGNALED(status)
    if status and (not died or os.WTERMSIG(status) == signal.SIGALRM):
        raise RuntimeError(f"{scene.name} failed or hung by itself at {at}, {after_s} s: {status}")
    return died


@cache
def _lasting_threads() -> int:
    """How many threads of C libraries stay for good, once everything was used."""
    time.sleep(0.5)
    return _threads()


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def _settle() -> None:
    """Wait until threads that are done have given back what GDAL and PROJ hold in them.

    They do so after Python has joined them; a child forked meanwhile would find locks taken.
    """
    for _ in range(400):
        if _threads() <= _lasting_threads():
            return
        time.sleep(0.005)


def version(folder: Path) -> str:
    """What a reader finds: an index and its version, none, or what is wrong."""
    try:
        manifest = read_manifest(folder)
    except NoIndexError:
        return "none"
    problems = verify_folder(folder)
    return f"{manifest.index_id} {manifest.version}" if not problems else problems[0]


def main(folder: Path, name: str, at_operations: int, at_random: int) -> None:
    """Kill a scene at ``at_operations`` changes evenly spread, and at so many random instants."""
    logging.disable()
    scene = scenes(Rasters(folder, 3 if name == "new" else 5))[name]
    reference, before = folder / "reference", folder / "before"
    reference.mkdir()
    before.mkdir()
    changes = changes_of(scene, reference)
    wanted, final = folder_bytes(reference), version(reference / scene.index)
    plain = QuickDescriber()
    scene.before(before, plain)
    earlier = version(before / scene.index)
    started = time.process_time()
    scene.act(shutil.copytree(before, folder / "once"), once := QuickDescriber())
    taken_s = time.process_time() - started
    rng = random.Random(7)
    step = max(1, changes // max(1, at_operations))
    points = [(nth, 0.0) for nth in range(1, changes + 1, step)] if at_operations else []
    points += [(0, rng.uniform(1e-3, taken_s)) for _ in range(at_random)]
    for number, (at, after_s) in enumerate(points):
        place = Path(shutil.copytree(before, folder / f"case{number}"))
        describer = QuickDescriber()
        died = killed(scene, place, describer, at, after_s)
        left = version(place / scene.index)
        whole = {path.name: path.stat().st_ino for path in place.glob(f"{scene.index}/shards/r*")}
        scene.act(place, describer)
        found = folder_bytes(place)
        case = {
            "at": at,
            "after_s": after_s,
            "died": died,
            "left_as_it_was": left in (earlier, final),
            "left": left,
            "differs": sorted(
                path for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path)
            ),
            "lost": [
                path.name
                for path in place.glob(f"{scene.index}/shards/r*")
                if whole.get(path.name, path.stat().st_ino) != path.stat().st_ino
            ],
            "redone": describer.called - once.called,
        }
        sys.stdout.write(json.dumps(case) + "\n")
        shutil.rmtree(place)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1]) as scratch:
        main(Path(scratch), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))

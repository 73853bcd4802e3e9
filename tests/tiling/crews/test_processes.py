"""Blocks done by processes: the same bytes, whoever dies on the way."""

import functools
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from rasterio.transform import from_origin

from cvgl_core.errors import CvglError, SettingsError, WeightsError
from cvgl_core.index import Index, merge_indexes
from tests.tiling.helpers import StubDescriber, folder_bytes, world_raster
from tiling import plan as plan_module
from tiling.build import build_index
from tiling.crews.processes import Processes
from tiling.crews.sharding import parse_part
from tiling.plan import CutSettings
from tiling.raster.info import describe_raster

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "BLOCK_TILES", 4)
    monkeypatch.syspath_prepend(str(ROOT))  # for the processes, which import what is below


@pytest.fixture
def world(tmp_path: Path) -> Path:
    corner = from_origin(500_123.4, 5_400_321.7, 0.5, 0.5)
    return world_raster(tmp_path / "world.tif", corner, (340, 420), "EPSG:32633")


class Troubled(StubDescriber):
    """Dies or fails in the middle of a block: once if ``marker`` is not there yet, or always."""

    def __init__(self, trouble: str, marker: Path | None = None) -> None:
        super().__init__()
        self.trouble, self.marker = trouble, marker

    def encode_tiles(self, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = super().encode_tiles(rgb)
        if self.marker is not None:
            if self.marker.exists():
                return found
            self.marker.touch()
        if self.trouble == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.trouble == "warned":
            logging.getLogger("tiling.far").warning("from afar")
            return found
        if self.trouble == "broken":
            raise KeyError("a fault")
        raise WeightsError("no good")


def build(raster: Path, output: Path, load: object = None, **options: object):
    crew = None if load is None else Processes(StubDescriber(), load, 2)
    infos = [describe_raster(raster)]
    return build_index(infos, output, StubDescriber(), CutSettings(), crew=crew, **options)


def left_behind(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob(".*")) if folder.exists() else []


def test_a_process_that_is_killed_is_replaced(world: Path, tmp_path: Path) -> None:
    shown: list[int] = []
    load = functools.partial(Troubled, "killed", tmp_path / "killed")
    result = build(
        world, tmp_path / "b.cvgl", load, progress=lambda stage, done, _: shown.append(done)
    )
    build(world, tmp_path / "a.cvgl")
    assert (tmp_path / "killed").exists() and result.blocks_written > 8
    assert folder_bytes(tmp_path / "a.cvgl") == folder_bytes(tmp_path / "b.cvgl")
    assert shown[-1] > 60 and (np.diff(shown[2:]) >= 0).all()
    assert not left_behind(tmp_path / "b.cvgl") and not multiprocessing.active_children()


def test_what_fails_or_is_logged_in_a_process_comes_home(
    world: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for trouble, kind, words in (
        ("failing", WeightsError, "no good"),
        ("broken", RuntimeError, "KeyError.*a fault"),
    ):
        with pytest.raises(kind, match=words):
            build(world, tmp_path / "a.cvgl", functools.partial(Troubled, trouble))
    assert not multiprocessing.active_children()
    load = functools.partial(Troubled, "warned", tmp_path / "marker")
    build(world, tmp_path / "b.cvgl", load)
    assert [r.getMessage() for r in caplog.records if r.name == "tiling.far"] == ["from afar"]


def test_a_block_that_kills_every_process_ends_the_build(world: Path, tmp_path: Path) -> None:
    with pytest.raises(CvglError, match=r"3 processes died.*--workers"):
        build(world, tmp_path / "a.cvgl", functools.partial(Troubled, "killed"))
    assert not (tmp_path / "a.cvgl").exists() and not multiprocessing.active_children()


# Who runs the tests may ignore the signal, as a shell does for what it runs in the background.
DRIVER = """
import signal, sys, time
from pathlib import Path
from tests.tiling.helpers import StubDescriber
from tiling import plan
from tiling.build import build_index
from tiling.plan import CutSettings
from tiling.crews.processes import Processes
from tiling.raster.info import describe_raster

class Slow(StubDescriber):
    def encode_tiles(self, rgb):
        time.sleep(0.3)
        return super().encode_tiles(rgb)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    plan.BLOCK_TILES = 4
    raster, output = map(Path, sys.argv[1:])
    crew = Processes(StubDescriber(), Slow, 2)
    build_index([describe_raster(raster)], output, StubDescriber(), CutSettings(), crew=crew)
"""


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs groups of processes")
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
def test_nothing_outlives_the_build(world: Path, tmp_path: Path, by: signal.Signals) -> None:
    (tmp_path / "driver.py").write_text(DRIVER)
    output = tmp_path / "city.cvgl"
    build_it = [sys.executable, tmp_path / "driver.py", world, output]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        build_it, env=environment, start_new_session=True, stderr=subprocess.PIPE, text=True
    ) as running:
        shards = output / "shards"
        while not list(shards.glob("r*")):
            assert running.poll() is None
            time.sleep(0.02)
        if by == signal.SIGINT:
            os.killpg(running.pid, by)  # as a terminal does
        else:
            running.kill()
        said = running.stderr.read()  # it ends when the last process that holds it is gone
    assert said.count("Traceback") == (by == signal.SIGINT)
    if by == signal.SIGINT:
        assert not left_behind(output)
    assert build(world, output).blocks_kept > 0
    build(world, tmp_path / "a.cvgl")
    assert folder_bytes(output) == folder_bytes(tmp_path / "a.cvgl")


def test_parts_are_the_whole(world: Path, tmp_path: Path) -> None:
    whole = build(world, tmp_path / "whole.cvgl").manifest
    parts = [
        build(world, tmp_path / f"{i}.cvgl", part=parse_part(f"{i}/5")).manifest
        for i in range(1, 6)
    ]
    made = [shard.name for part in parts for shard in part.shards]
    assert sorted(made) == sorted(shard.name for shard in whole.shards)
    for number, part in enumerate(parts, 1):
        assert part.part is not None and (part.part.number, part.part.count) == (number, 5)
        own = {"part", "shards", "tiles"}
        assert part.model_dump(exclude=own) == whole.model_dump(exclude=own)
        again = build(world, tmp_path / f"{number}.cvgl", part=parse_part(f"{number}/5"))
        assert (again.blocks_written, again.manifest) == (0, part)
    merge_indexes([tmp_path / f"{i}.cvgl" for i in (3, 1, 5, 2, 4)], tmp_path / "merged.cvgl")
    assert folder_bytes(tmp_path / "merged.cvgl") == folder_bytes(tmp_path / "whole.cvgl")
    assert build(world, tmp_path / "1.cvgl").manifest.shards == whole.shards
    assert Index.open(tmp_path / "1.cvgl").manifest.part is None


def test_a_part_may_be_empty(world: Path, tmp_path: Path) -> None:
    folders = [tmp_path / f"{i}.cvgl" for i in range(1, 26)]
    parts = [
        build(world, folder, part=parse_part(f"{i}/25")).manifest
        for i, folder in enumerate(folders, 1)
    ]
    assert {len(part.shards) for part in parts} == {0, 1}
    merge_indexes(folders, tmp_path / "merged.cvgl")
    build(world, tmp_path / "whole.cvgl")
    assert folder_bytes(tmp_path / "merged.cvgl") == folder_bytes(tmp_path / "whole.cvgl")


@pytest.mark.parametrize(
    "text", ["", "3", "0/4", "5/4", "a/b", "1/0", "1/2/3", "-1/2", "1/9999999"]
)
def test_no_part(text: str) -> None:
    with pytest.raises(SettingsError, match="--shard"):
        parse_part(text)

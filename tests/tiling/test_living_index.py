"""An index that changes while others use it: new imagery, and readers of the version before."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rasterio.transform import from_origin

from cvgl_core.index import Index, map_record, verify_folder
from tests.tiling.helpers import E0, N0, UTM, StubDescriber, folder_bytes, world_raster
from tiling import plan as plan_module
from tiling.build import BuildResult, build_index
from tiling.plan import CutSettings, Plan, make_plan
from tiling.raster.info import describe_raster

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "BLOCK_TILES", 3)


def sheet(folder: Path, number: int, **options: float) -> Path:
    """The n-th of several sheets side by side, 80 m wide; they overlap by 10 m."""
    transform = from_origin(E0 + 70 * number, N0, 0.5, 0.5)
    return world_raster(folder / f"sheet{number}.tif", transform, (260, 160), UTM, **options)


def plan_of(*rasters: Path) -> Plan:
    """What ``build`` makes of them."""
    infos, describer = [describe_raster(path) for path in rasters], StubDescriber()
    maps = map_record(describer.map_shape)
    return make_plan(infos, describer.card, CutSettings(), maps=maps, precision=describer.precision)


def build(output: Path, *rasters: Path) -> BuildResult:
    return build_index([describe_raster(path) for path in rasters], output, StubDescriber())


def inodes(city: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in city.glob("shards/r*")}


def test_a_changed_sheet_redoes_the_blocks_that_it_reaches(tmp_path: Path) -> None:
    city, sheets = tmp_path / "city.cvgl", [sheet(tmp_path, number) for number in range(4)]
    before = plan_of(*sheets)
    assert build(city, *sheets).blocks_written == len(before.blocks)
    old = inodes(city)
    sheet(tmp_path, 2, scale=0.9)
    result = build(city, *sheets)
    reached = [block for block in before.blocks if 2 in block.sources]
    assert 0 < len(reached) < len(before.blocks) / 2 + 1
    assert result.blocks_written == len(reached)
    assert result.blocks_kept == len(before.blocks) - len(reached)
    new = inodes(city)
    kept = {block.name for block in before.blocks} - {block.name for block in reached}
    assert all(new[name] == old[name] for name in kept) and verify_folder(city) == []
    build(fresh := tmp_path / "fresh.cvgl", *sheets)
    assert Index.open(fresh).manifest.shards == Index.open(city).manifest.shards


def test_an_added_sheet_redoes_the_blocks_that_it_reaches(tmp_path: Path) -> None:
    city, sheets = tmp_path / "city.cvgl", [sheet(tmp_path, number) for number in range(3)]
    build(city, *sheets)
    old = inodes(city)
    sheets.append(sheet(tmp_path, 3))
    after = plan_of(*sheets)
    result = build(city, *sheets)
    reached = {block.name for block in after.blocks if 3 in block.sources}
    untouched = {block.name for block in after.blocks} - reached
    assert untouched <= old.keys() and len(untouched) > len(reached) > 0
    assert (result.blocks_written, result.blocks_kept) == (len(reached), len(untouched))
    assert all(inodes(city)[name] == old[name] for name in untouched)


READER = """
import hashlib, json, sys, select
from cvgl_core.index import Index, reader
import numpy as np
reader._EAGER_BYTES = 0
path = sys.argv[1]
def answer(index):
    pixels = index.tile_pixels(range(0, len(index), 7))
    found = index.search(index.descriptors[[0, 5]].astype(np.float32), 3)
    parts = [pixels.tobytes(), found.indices.tobytes(), index.lons.tobytes()]
    return f"{index.manifest.version} " + hashlib.sha256(b"".join(parts)).hexdigest()
first = Index.open(path)
print("open", flush=True)
seen = []
while True:
    ended = select.select([sys.stdin], [], [], 0)[0]
    seen += [answer(first), answer(Index.open(path))]
    if ended:
        break
print(json.dumps([answer(first), answer(Index.open(path)), sorted(set(seen))]))
"""


def start(code: str, *args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_tiles_know_when_most_of_their_imagery_was_taken(tmp_path: Path) -> None:
    city = tmp_path / "city.cvgl"
    infos = [describe_raster(sheet(tmp_path, number)) for number in range(3)]
    days = ("2019-07-01T00:00:00Z", "2023-05-04T10:00:00Z", "")

    def built(*dates: str) -> BuildResult:
        dated = [replace(one, acquired=day) for one, day in zip(infos, dates, strict=True)]
        return build_index(dated, city, StubDescriber())

    result = built(*days)
    index = Index.open(city)
    centre_m = index.grid.centre(index.rows, index.cols)[0] - E0
    for day, left_m, right_m in (("2019-07-01", 0, 80), ("2023-05-04", 80, 150), ("", 150, 220)):
        inside = (centre_m > left_m + 1) & (centre_m < right_m - 1)
        assert inside.any() and set(index.acquired[inside].tolist()) == {day}
    assert max(len(record.acquired) for record in result.manifest.shards) > 1
    again = built("2020-01-01T00:00:00Z", *days[1:])
    assert 0 < again.blocks_written < len(again.manifest.shards)
    assert set(Index.open(city).acquired.tolist()) == {"2020-01-01", "2023-05-04", ""}
    assert built("", "", "").manifest.shards[0].acquired == ()


def test_readers_go_on_while_a_version_is_made_and_after(tmp_path: Path) -> None:
    """Every answer is that of one committed version; who has the old one open keeps it."""
    city, sheets = tmp_path / "city.cvgl", [sheet(tmp_path, number) for number in range(3)]
    build(city, *sheets)
    readers = [start(READER, city) for _ in range(2)]
    assert [reader.stdout.readline() for reader in readers] == ["open\n"] * 2
    sheet(tmp_path, 1, scale=0.8)
    assert build(city, *sheets).manifest.version == 2
    answers = []
    for reader in readers:
        out, error = reader.communicate("", timeout=120)
        assert reader.returncode == 0, error
        answers.append(json.loads(out))
    for kept, latest, seen in answers:
        assert kept.startswith("1 ") and latest.startswith("2 ") and set(seen) <= {kept, latest}
    assert answers[0][:2] == answers[1][:2]


def test_a_copy_of_an_index_is_read_where_nothing_can_be_written(tmp_path: Path) -> None:
    city = tmp_path / "city.cvgl"
    build(city, sheet(tmp_path, 0))
    shutil.copytree(city, copy := tmp_path / "copy")
    for path in (*copy.rglob("*"), copy):
        path.chmod(0o555 if path.is_dir() else 0o444)
    index = Index.open(copy)
    assert index.verify() == [] and np.isfinite(index.descriptors[:]).all()
    assert folder_bytes(copy) == folder_bytes(city)

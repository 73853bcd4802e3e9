"""Tiles of several sizes from one command: one path, one build again, one verify."""

import json
from pathlib import Path

import numpy as np
import pytest

from cvgl_core.errors import EmptyCoverageError, NoIndexError
from cvgl_core.index import Collection, Index, open_index, verify_folder
from tests.tiling.helpers import PLAIN, TILE_M, UTM, StubDescriber, folder_bytes, world_raster
from tests.tiling.test_cli import cvgl_tile
from tiling.build import build_index
from tiling.plan import CutSettings
from tiling.raster.info import describe_raster
from tiling.sizes import build_sizes

SIZES = (TILE_M / 2, TILE_M, 2 * TILE_M)
EACH = tuple(CutSettings(tile_size_m=size) for size in SIZES)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return world_raster(tmp_path / "world.tif", PLAIN, (340, 420), UTM)


def test_each_size_is_what_it_is_alone(world: Path, tmp_path: Path, monkeypatch) -> None:
    read: list[str] = []
    from tiling import sizes as module

    real = module.fingerprint
    monkeypatch.setattr(
        module, "fingerprint", lambda raster, told: read.append("once") or real(raster, told)
    )
    monkeypatch.setattr("tiling.plan.fingerprint", lambda *_: read.append("again"))
    infos = [describe_raster(world)]
    results = build_sizes(infos, tmp_path / "city.cvgl", StubDescriber(), EACH)
    assert read == ["once"] and [result.blocks_kept for result in results] == [0, 0, 0]
    monkeypatch.undo()
    for settings, result in zip(EACH, results, strict=True):
        alone = tmp_path / f"{settings.tile_size_m}.cvgl"
        build_index(infos, alone, StubDescriber(), settings)
        assert folder_bytes(result.folder) == folder_bytes(alone)
    again = build_sizes(infos, tmp_path / "city.cvgl", StubDescriber(), EACH)
    assert [result.blocks_written for result in again] == [0, 0, 0]
    assert verify_folder(tmp_path / "city.cvgl") == []


def test_large_tiles_show_the_mean_of_what_small_ones_show(world: Path, tmp_path: Path) -> None:
    build_sizes([describe_raster(world)], tmp_path / "city.cvgl", StubDescriber(), EACH[1:])
    both = open_index(tmp_path / "city.cvgl")
    assert isinstance(both, Collection)
    large = both.members[1]
    tile = int(np.argmax(large.valid_fraction))
    bounds = large.grid.bounds(int(large.rows[tile]), int(large.cols[tile]))
    fine = both.mosaic(bounds)[0].astype(float)
    side = fine.shape[0] // 2
    mean = fine.reshape(side, 2, side, 2, 3).mean(axis=(1, 3))
    assert np.abs(mean - large.tile_pixels([tile])[0]).mean() < 2.0


def test_until_all_are_whole_there_is_no_index(world: Path, tmp_path: Path) -> None:
    infos, city = [describe_raster(world)], tmp_path / "city.cvgl"
    wide = (EACH[0], CutSettings(tile_size_m=64 * TILE_M))
    with pytest.raises(EmptyCoverageError):
        build_sizes(infos, city, StubDescriber(), wide)
    with pytest.raises(NoIndexError):
        open_index(city)
    assert len(Index.open(city / "16m")) > 0
    results = build_sizes(infos, city, StubDescriber(), EACH)
    assert [result.blocks_written == 0 for result in results] == [True, False, False]


def test_the_commands_take_one_path(world: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr("tiling.engines.load_describer", lambda *_, **__: StubDescriber())
    city, listed = tmp_path / "city.cvgl", "16,32,64"
    _, out, _ = cvgl_tile(capsys, "plan", world, "--tile-size-m", listed, "--json")
    planned = json.loads(out)
    _, out, err = cvgl_tile(
        capsys, "build", world, "-o", city, "--tile-size-m", listed, "--imagery", "jpeg", "--json"
    )
    built = json.loads(out)
    assert built["tiles"] <= planned["tiles"]
    assert "trained on tiles of 32 m, not 16 m" in err and "not 64 m" in err
    _, out, _ = cvgl_tile(capsys, "info", city, "--json")
    facts = json.loads(out)
    assert facts["tile_sizes_m"] == [16.0, 32.0, 64.0] and facts["tiles"] == built["tiles"]
    assert [size["tile_size_m"] for size in planned["sizes"]] == facts["tile_sizes_m"]
    assert len(facts["sizes"]) == 3
    assert cvgl_tile(capsys, "info", city)[1].startswith("tile_sizes_m: [16.0, 32.0, 64.0]\n")
    _, out, _ = cvgl_tile(capsys, "footprints", city)
    assert len({one["id"] for one in json.loads(out)["features"]}) == built["tiles"]
    assert cvgl_tile(capsys, "verify", city)[0] == 0
    assert cvgl_tile(capsys, "gc", city)[0] == cvgl_tile(capsys, "migrate", city)[0] == 0
    _, out, _ = cvgl_tile(capsys, "build", world, "-o", city)
    assert out.count(" 0 blocks written") == 3  # all sizes, and JPEG, as it began
    _, out, _ = cvgl_tile(capsys, "merge", city, "-o", tmp_path / "merged.cvgl", "--json")
    assert json.loads(out)["tiles"] == built["tiles"]
    (city / "32m" / "manifest.json").write_bytes(b"{")
    assert cvgl_tile(capsys, "verify", city)[0] == 42
    for wrong in ("16,40", "a", "0", "16,,32"):
        code, _, err = cvgl_tile(capsys, "plan", world, "--tile-size-m", wrong)
        assert code == 11 and "size" in err


def test_parts_of_several_sizes_are_merged(world: Path, tmp_path: Path, capsys, monkeypatch):
    monkeypatch.setattr("tiling.engines.load_describer", lambda *_, **__: StubDescriber())
    monkeypatch.setattr("tiling.plan.BLOCK_TILES", 4)
    parts = [tmp_path / f"{number}.cvgl" for number in (1, 2)]
    options = ("--tile-size-m", "16,32", "--workers", "1")
    for number, part in enumerate(parts, start=1):
        asked = ("build", world, "-o", part, "--shard", f"{number}/2", *options)
        assert cvgl_tile(capsys, *asked)[0] == 0
    assert cvgl_tile(capsys, "merge", *parts, "-o", tmp_path / "merged.cvgl")[0] == 0
    assert cvgl_tile(capsys, "build", world, "-o", tmp_path / "whole.cvgl", *options)[0] == 0
    assert folder_bytes(tmp_path / "merged.cvgl") == folder_bytes(tmp_path / "whole.cvgl")

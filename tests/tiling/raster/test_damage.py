"""Rasters with blocks that cannot be decoded: their tiles are named, all others are there."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from rasterio.windows import Window

from cvgl_core.errors import RasterOpenError
from cvgl_core.index import Index
from tests.tiling.helpers import UTM, StubDescriber, world_raster
from tiling import cli
from tiling.build import build_index
from tiling.plan import CutSettings
from tiling.raster.info import describe_raster
from tiling.raster.reader import RasterReader

SETTINGS = CutSettings(crs=UTM)
ORIGIN = from_origin(500_000, 5_400_000, 1, 1)
ROW, COL = -5_400_000 // 16, 500_000 // 16
CODECS = {
    "jpeg": {"compress": "jpeg", "photometric": "ycbcr"},
    "deflate": {"compress": "deflate"},
    "lzw": {"compress": "lzw"},
    "zstd": {"compress": "zstd", "zstd_level": 1},
}


def damaged(path: Path, codec: str, row: int, col: int, size: int = 512) -> Path:
    """Write the synthetic world, and then nonsense over the head of one block."""
    world_raster(path, ORIGIN, (size, size), UTM, **CODECS[codec])
    where, length = span(path, row, col)
    with path.open("r+b") as stream:
        stream.seek(where)
        stream.write(b"\xa5" * min(length, 64))
    return path


def span(path: Path, row: int, col: int) -> tuple[int, int]:
    """Where a block lies in its file, and how long it is."""
    with rasterio.open(path) as source:
        where, length = (
            int(source.get_tag_item(f"BLOCK_{what}_{col}_{row}", "TIFF", bidx=1))
            for what in ("OFFSET", "SIZE")
        )
    return where, length


def tiles_over(row: int, col: int) -> set[tuple[int, int]]:
    """Tiles of 32 m at a stride of 16 m that show a block of 128 m."""
    inner = range(-1, 8)
    return {(ROW + 8 * row + r, COL + 8 * col + c) for r in inner for c in inner}


def shares(folder: Path) -> dict[tuple[int, int], float]:
    """Share of each tile that shows picture."""
    index = Index.open(folder)
    tiles = zip(index.rows.tolist(), index.cols.tolist(), strict=True)
    return dict(zip(tiles, index.valid_fraction.tolist(), strict=True))


@pytest.mark.parametrize("codec", CODECS)
def test_tiles_of_a_damaged_block_are_named_and_all_others_are_there(
    tmp_path: Path, codec: str
) -> None:
    path = damaged(tmp_path / "a.tif", codec, 1, 2)
    manifest = build_index(
        [describe_raster(path)], tmp_path / "i", StubDescriber(), SETTINGS
    ).manifest
    listed = [tile for shard in manifest.shards for tile in shard.damaged] + [*manifest.damaged]
    assert {(tile.row, tile.col) for tile in listed} == tiles_over(1, 2)
    assert {tile.source for tile in listed} == {"a.tif"} and all(tile.reason for tile in listed)
    whole = world_raster(tmp_path / "b.tif", ORIGIN, (512, 512), UTM, **CODECS[codec])
    build_index([describe_raster(whole)], tmp_path / "j", StubDescriber(), SETTINGS)
    kept, every = shares(tmp_path / "i"), shares(tmp_path / "j")
    lost = {(r, c) for r, c in tiles_over(1, 2) if 8 <= r - ROW < 15 and 16 <= c - COL < 23}
    assert set(kept) == set(every) - lost
    assert {tile for tile in kept if kept[tile] < every[tile]} == tiles_over(1, 2) - lost


def test_another_raster_fills_what_cannot_be_read(tmp_path: Path) -> None:
    bad = damaged(tmp_path / "bad.tif", "deflate", 1, 1)
    good = world_raster(
        tmp_path / "good.tif", from_origin(500_100, 5_399_900, 1, 1), (200, 200), UTM
    )
    infos = [describe_raster(path) for path in (bad, good)]
    manifest = build_index(infos, tmp_path / "i", StubDescriber(), SETTINGS).manifest
    assert not any(shard.damaged for shard in manifest.shards) and not manifest.damaged
    whole = world_raster(tmp_path / "whole.tif", ORIGIN, (512, 512), UTM)
    build_index([describe_raster(whole)], tmp_path / "j", StubDescriber(), SETTINGS)
    assert shares(tmp_path / "i") == shares(tmp_path / "j")


def test_a_truncated_raster_is_indexed_as_far_as_it_goes(tmp_path: Path, capsys) -> None:
    path = world_raster(tmp_path / "t.tif", ORIGIN, (512, 512), UTM, compress="deflate")
    os.truncate(path, path.stat().st_size * 2 // 3)
    result = build_index([describe_raster(path)], tmp_path / "i", StubDescriber(), SETTINGS)
    facts = cli._build_facts(result)
    assert facts["damaged"] > 100 and 300 < facts["tiles"] < 900
    json.dumps(facts)


def test_nothing_to_read_is_an_error_that_says_why(tmp_path: Path) -> None:
    path = damaged(tmp_path / "a.tif", "zstd", 0, 0, size=128)
    with pytest.raises(RasterOpenError, match=r"no tile can be read \(a\.tif: .*\)"):
        build_index([describe_raster(path)], tmp_path / "i", StubDescriber(), SETTINGS)


def test_silent_damage_to_jpeg_is_seen(tmp_path: Path) -> None:
    """Eight wrong bytes a block: GDAL notices one block in 64, the decoder used here most."""
    rng = np.random.default_rng(5)
    path = tmp_path / "n.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=512, height=512, count=3, dtype="uint8", crs=UTM,
        transform=ORIGIN, tiled=True, blockxsize=128, blockysize=128,
        compress="jpeg", photometric="ycbcr",
    ) as target:  # fmt: skip
        target.write(rng.integers(0, 255, (3, 512, 512), np.uint8), window=Window(0, 0, 512, 512))
    spans = [span(path, row, col) for row in range(4) for col in range(4)]
    with path.open("r+b") as stream:
        for where, length in spans:
            for at in rng.integers(100, length, 8):
                stream.seek(where + int(at))
                stream.write(bytes([int(rng.integers(0, 256))]))
    with RasterReader(describe_raster(path), UTM, 1.0) as reader:
        view = reader.read((-5_400_000, 500_000, 512, 512))
    assert view.unread is not None and view.unread.mean() > 0.5

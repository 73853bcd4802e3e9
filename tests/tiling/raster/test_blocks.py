"""Blocks of a raster: each decoded once, by either decoder, by any number of threads."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from cvgl_core.errors import RasterOpenError
from tests.tiling.helpers import PLAIN, UTM, StubDescriber, ramp, world_raster
from tiling.cut import Cutter
from tiling.plan import CutSettings, make_plan
from tiling.raster import blocks
from tiling.raster.blocks import BlockCache, Decoded, SourceBlocks
from tiling.raster.info import describe_raster
from tiling.raster.resample import Pixels

JPEG: dict[str, Any] = {"compress": "jpeg", "photometric": "ycbcr", "jpeg_quality": 90}


def whole(path: Path, level: int | None = None) -> np.ndarray:
    """All pixels of a raster."""
    with SourceBlocks(describe_raster(path), level, 1, BlockCache(1 << 30)) as source:
        size = source.height_px, source.width_px
        return source.read((0, 0, *size), lambda _: False).pixels.rgb.astype(int)


@pytest.mark.parametrize("photometric", ["ycbcr", "rgb"])
@pytest.mark.parametrize("strips", [False, True])
def test_jpeg_blocks_are_what_gdal_makes_of_them(
    tmp_path: Path, photometric: str, strips: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = JPEG | {"photometric": photometric}
    if strips:
        options |= {"tiled": False, "blockysize": 16, "blockxsize": 301}
    path = world_raster(tmp_path / "w.tif", PLAIN, (270, 301), UTM, **options)
    mine = whole(path)
    with rasterio.open(path) as source:
        theirs = np.moveaxis(source.read(), 0, -1).astype(int)
    assert np.abs(mine - theirs).max() <= (0 if photometric == "rgb" else 12)
    assert np.abs(mine - theirs).mean() < 1.1
    monkeypatch.setattr(blocks.JpegBlocks, "of", lambda *_: None)
    assert (whole(path) == theirs).all()


def test_reduced_copies_grey_and_masks_inside_jpeg(tmp_path: Path) -> None:
    path = world_raster(tmp_path / "o.tif", PLAIN, (512, 512), UTM, **JPEG)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as target:
        target.write_mask(np.arange(512)[None, :] < np.full((512, 1), 300))
        target.build_overviews([2])
    with rasterio.open(path, overview_level=0) as source:
        assert np.abs(whole(path, 0) - np.moveaxis(source.read(), 0, -1))[:, :140].mean() < 1.1
    with SourceBlocks(describe_raster(path), None, 2, BlockCache(1)) as source:
        shown = source.read((0, 0, 256, 256), lambda _: False).pixels.shown
    assert shown is not None and (shown[:, :150] == 255).all() and not shown[:, 151:].any()
    values = np.moveaxis(ramp(*np.indices((128, 128)).astype(float))[..., :1], -1, 0)
    with rasterio.open(
        tmp_path / "g.tif", "w", driver="GTiff", width=128, height=128, count=1, dtype="uint8",
        crs=UTM, transform=PLAIN, tiled=True, blockxsize=128, blockysize=128, compress="jpeg",
    ) as target:  # fmt: skip
        target.write(values.astype(np.uint8))
    assert np.abs(whole(tmp_path / "g.tif")[..., 2] - values[0]).mean() < 2


def test_a_jpeg_of_another_size_than_the_header_says_is_refused(tmp_path: Path) -> None:
    """A block that unpacks to more than its place is left to GDAL, which knows better."""
    import simplejpeg

    path = world_raster(tmp_path / "w.tif", PLAIN, (256, 256), UTM, **JPEG)
    bomb = simplejpeg.encode_jpeg(np.zeros((512, 512, 3), np.uint8), quality=1)
    with rasterio.open(path) as source:
        where = int(source.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))
        room = int(source.get_tag_item("BLOCK_SIZE_0_0", "TIFF", bidx=1))
    with path.open("r+b") as stream:
        stream.seek(where)
        stream.write(bomb[:room])
    with SourceBlocks(describe_raster(path), None, 1, BlockCache(1)) as source:
        found = source.read((0, 0, 256, 256), lambda _: False)
    assert found.pixels.rgb.shape == (256, 256, 3)
    assert found.unread is None or not found.unread[128:, 128:].any()


def test_a_file_that_goes_away_is_an_error(tmp_path: Path) -> None:
    path = world_raster(tmp_path / "w.tif", PLAIN, (256, 256), UTM)
    info = describe_raster(path)
    plan = make_plan([info], StubDescriber().card, CutSettings(crs=UTM))
    path.unlink()
    with pytest.raises(RasterOpenError), Cutter(plan, 0.25, (0, 0, 0)) as cutter:
        cutter.cut(plan.blocks[0])


@pytest.mark.parametrize("options", [JPEG, {"compress": "deflate"}, {"tiled": False}])
def test_each_block_is_decoded_once(
    tmp_path: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = world_raster(tmp_path / "w.tif", PLAIN, (1400, 1300), UTM, **options)
    plan = make_plan([describe_raster(path)], StubDescriber().card, CutSettings(crs=UTM))
    assert len(plan.blocks) > 4
    decoded: list[tuple[int, int]] = []
    real = SourceBlocks._decode

    def counted(self: SourceBlocks, unit: tuple[int, int]) -> Decoded:
        decoded.append(unit)
        return real(self, unit)

    monkeypatch.setattr(SourceBlocks, "_decode", counted)
    with Cutter(plan, 0.25, (0, 0, 0)) as cutter:
        for block in plan.blocks:
            cutter.cut(block)
        assert len(decoded) == len(set(decoded))
        assert len(cutter._cache._kept) < len(decoded) / 2  # what is not wanted again has gone
    decoded.clear()
    with Cutter(plan, 0.25, (0, 0, 0), cache_bytes=1) as cutter:
        for block in plan.blocks:
            cutter.cut(block)
        assert len(cutter._cache._kept) <= 1


def test_threads_share_blocks_and_cut_the_same(tmp_path: Path) -> None:
    path = world_raster(tmp_path / "w.tif", PLAIN, (1400, 1300), UTM, **JPEG)
    plan = make_plan([describe_raster(path)], StubDescriber().card, CutSettings(crs=UTM))
    with Cutter(plan, 0.25, (1, 2, 3)) as cutter:
        alone = [cutter.cut(block).rgb for block in plan.blocks]
    with Cutter(plan, 0.25, (1, 2, 3)) as cutter, ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda block: cutter.cut(block).rgb, plan.blocks))
    assert all((one == two).all() for one, two in zip(alone, together, strict=True))


def test_a_block_is_decoded_by_the_first_that_asks_and_failure_is_told_to_all() -> None:
    cache, started, go = BlockCache(1 << 20), threading.Event(), threading.Event()
    block = Decoded(Pixels(np.zeros((9, 9, 3), np.uint8)))

    def slow() -> Decoded:
        started.set()
        assert go.wait(30)
        return block

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get, "a", slow)
        assert started.wait(30)
        second = pool.submit(cache.get, "a", lambda: pytest.fail("decoded twice"))
        go.set()
        assert first.result() is second.result() is block
    with pytest.raises(OSError, match="gone"):
        cache.get("b", lambda: (_ for _ in ()).throw(OSError("gone")))
    assert cache.get("b", lambda: block) is block

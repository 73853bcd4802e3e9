import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from rasterio.transform import from_origin
from shapely.geometry import box

from cvgl_core.errors import (
    EmptyCoverageError,
    NoIndexError,
    OutputError,
    SettingsError,
    WeightsError,
)
from cvgl_core.geo import to_lonlat
from cvgl_core.index import Index
from tests.tiling.helpers import (
    AERIAL_PX,
    E0,
    N0,
    PLAIN,
    TILE_M,
    UTM,
    StubDescriber,
    folder_bytes,
    ramp,
    world_raster,
    write_raster,
)
from tiling import plan as plan_module
from tiling.build import build_index
from tiling.crews.crew import Alone
from tiling.plan import CutSettings, make_plan
from tiling.raster.info import describe_raster


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "BLOCK_TILES", 4)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return world_raster(tmp_path / "world.tif", PLAIN, (340, 420), UTM)


def build(output: Path, *rasters: Path, workers: int = 1, seed: int = 0, **settings):
    infos = [describe_raster(path) for path in rasters]
    describer = StubDescriber(seed=seed)
    crew = Alone(describer, readers=workers)
    return build_index(infos, output, describer, CutSettings(**settings), crew=crew)


def test_tiles_show_their_own_place(world: Path, tmp_path: Path) -> None:
    build(tmp_path / "city.cvgl", world)
    index = Index.open(tmp_path / "city.cvgl")
    assert index.verify() == [] and len(index) > 60
    whole = np.flatnonzero(index.valid_fraction == 1.0)
    pixels = index.tile_pixels(whole).astype(float)
    for tile, i in zip(pixels, whole, strict=True):
        b = index.grid.bounds(int(index.rows[i]), int(index.cols[i]))
        offsets = (np.arange(AERIAL_PX) + 0.5) * TILE_M / AERIAL_PX
        x, y = np.meshgrid(b.left_m + offsets, b.top_m - offsets)
        assert np.abs(tile - ramp(x, y))[..., :2].mean() < 2.0
    lon, lat = to_lonlat(UTM, *index.grid.centre(index.rows, index.cols))
    assert (lon == index.lons).all() and (lat == index.lats).all()
    expected = StubDescriber().describe_tiles(index.tile_pixels(range(len(index))))
    assert (expected.astype(np.float16) == index.descriptors[:]).all()


def test_maps_are_kept_beside_the_descriptors(world: Path, tmp_path: Path) -> None:
    build(tmp_path / "city.cvgl", world)
    index = Index.open(tmp_path / "city.cvgl")
    wanted = np.arange(len(index))[::-2]
    expected = np.moveaxis(StubDescriber().encode_tiles(index.tile_pixels(wanted))[1], 1, -1)
    found = np.full(expected.shape, np.nan)
    for places, maps in index.tile_maps(wanted):
        found[places] = maps.codes.astype(np.float32) @ maps.basis.T
    assert np.abs(found - expected).max() < 0.02


def test_without_maps_there_are_none_and_the_network_makes_none(
    world: Path, tmp_path: Path, monkeypatch
) -> None:
    with_maps = build(tmp_path / "a.cvgl", world)
    monkeypatch.delattr(StubDescriber, "encode_tiles")
    infos = [describe_raster(world)]
    result = build_index(infos, tmp_path / "b.cvgl", StubDescriber(), maps=False)
    index = Index.open(tmp_path / "b.cvgl")
    assert index.verify() == [] and not index.has_maps
    assert not list(index.path.glob("shards/*/map*"))
    assert result.manifest.index_id != with_maps.manifest.index_id
    names = {shard.name for shard in with_maps.manifest.shards}
    assert names.isdisjoint(shard.name for shard in result.manifest.shards)
    assert (index.descriptors[:] == Index.open(tmp_path / "a.cvgl").descriptors[:]).all()


def test_every_place_of_the_raster_lies_in_a_tile(world: Path, tmp_path: Path) -> None:
    build(tmp_path / "city.cvgl", world)
    index = Index.open(tmp_path / "city.cvgl")
    rng = np.random.default_rng(1)
    x, y = E0 + 210 * rng.random(2000), N0 - 170 * rng.random(2000)
    x[:4], y[:4] = E0 + np.array([0, 0, 210, 210]), N0 - np.array([0, 170, 0, 170])
    cx, cy = index.grid.centre(index.rows, index.cols)
    away = np.maximum(np.abs(x[:, None] - cx), np.abs(y[:, None] - cy)).min(axis=1)
    assert away.max() <= TILE_M / 2
    inner = (x > E0 + 20) & (x < E0 + 190) & (y < N0 - 20) & (y > N0 - 150)
    assert away[inner].max() <= TILE_M / 4 + 1e-6


def test_partial_coverage_is_kept_down_to_the_share_asked_for(world: Path, tmp_path: Path) -> None:
    build(tmp_path / "a.cvgl", world)
    build(tmp_path / "b.cvgl", world, min_valid=0.9)
    build(tmp_path / "c.cvgl", world, min_valid=1.0)
    a, b, c = (Index.open(tmp_path / f"{n}.cvgl") for n in "abc")
    assert len(a) > len(b) > len(c) > 0
    assert (a.valid_fraction.min() >= 0.25) and (b.valid_fraction.min() >= 0.9)
    ids = [{i.tile_id(n) for n in range(len(i))} for i in (a, b, c)]
    assert ids[2] < ids[1] < ids[0]
    fill = a.tile_pixels([int(a.valid_fraction.argmin())])
    assert (fill == 128).all(axis=-1).mean() == pytest.approx(1 - a.valid_fraction.min(), abs=0.02)


def test_same_bytes_whatever_the_threads_and_the_place_of_the_file(
    world: Path, tmp_path: Path
) -> None:
    build(tmp_path / "a.cvgl", world)
    moved = tmp_path / "elsewhere" / "world.tif"
    moved.parent.mkdir()
    shutil.move(world, moved)
    os.utime(moved, (1, 1))
    build(tmp_path / "b.cvgl", moved, workers=3)
    assert folder_bytes(tmp_path / "a.cvgl") == folder_bytes(tmp_path / "b.cvgl")


def test_running_again_changes_nothing_and_describes_nothing(world: Path, tmp_path: Path) -> None:
    first = build(tmp_path / "city.cvgl", world)
    before = folder_bytes(tmp_path / "city.cvgl")
    assert first.blocks_written > 3 and first.blocks_kept == 0
    again = build(tmp_path / "city.cvgl", world)
    assert (again.blocks_written, again.manifest) == (0, first.manifest)
    assert folder_bytes(tmp_path / "city.cvgl") == before


def test_a_second_raster_fills_holes_and_redoes_only_its_blocks(
    world: Path, tmp_path: Path
) -> None:
    flat = np.full((340, 420, 3), 77, np.uint8)
    east = write_raster(tmp_path / "east.tif", flat, from_origin(E0 + 130, N0, 0.5, 0.5), UTM)
    build(tmp_path / "city.cvgl", world)
    old = Index.open(tmp_path / "city.cvgl")
    result = build(tmp_path / "city.cvgl", world, east)
    new = Index.open(tmp_path / "city.cvgl")
    assert result.blocks_kept > 0 and result.blocks_written > 0
    assert new.manifest.version == 2 and new.manifest.index_id != old.manifest.index_id
    assert {old.tile_id(i) for i in range(len(old))} <= {new.tile_id(i) for i in range(len(new))}
    rgb, valid = new.mosaic(new.bounds())
    b = new.snapped(new.bounds())
    col, row = int(E0 + 170 - b.left_m), int(b.top_m - N0 + 80)  # both rasters: the first wins
    x, y = b.left_m + col + 0.5, b.top_m - row - 0.5
    assert valid[row, col] and np.abs(rgb[row, col] - ramp(x, y)).max() < 8
    assert rgb[row, col + 90].tolist() == [77, 77, 77]
    build(tmp_path / "fresh.cvgl", world, east)
    fresh = Index.open(tmp_path / "fresh.cvgl")
    assert fresh.manifest.model_copy(update={"version": 2}) == new.manifest
    assert new.verify() == []


def test_ids_do_not_depend_on_the_raster(world: Path, tmp_path: Path) -> None:
    part = world_raster(
        tmp_path / "part.tif", from_origin(E0 + 31, N0 - 17, 0.25, 0.25), (480, 520), UTM
    )
    build(tmp_path / "a.cvgl", world, min_valid=1.0)
    build(tmp_path / "b.cvgl", part, min_valid=1.0)
    a, b = Index.open(tmp_path / "a.cvgl"), Index.open(tmp_path / "b.cvgl")
    ids_a = [a.tile_id(i) for i in range(len(a))]
    ids_b = [b.tile_id(i) for i in range(len(b))]
    assert set(ids_b) <= set(ids_a)
    same = a.tile_pixels([ids_a.index(i) for i in ids_b]).astype(float)
    assert np.abs(same - b.tile_pixels(range(len(b))))[..., :2].mean() < 2.0


def test_other_weights_or_settings_are_another_index(world: Path, tmp_path: Path) -> None:
    ids = {
        build(tmp_path / f"{n}.cvgl", world, seed=seed, **settings).manifest.index_id
        for n, (seed, settings) in enumerate(
            [
                (0, {}),
                (1, {}),
                (0, {"overlap": 0.0}),
                (0, {"min_valid": 0.5}),
                (0, {"tile_size_m": 40.0}),
            ]
        )
    }
    assert len(ids) == 5


def test_area_keeps_the_tiles_whose_middle_touches_it(world: Path, tmp_path: Path) -> None:
    corners = to_lonlat(UTM, [E0 + 60, E0 + 120], [N0 - 100, N0 - 50])
    area = box(corners[0][0], corners[1][0], corners[0][1], corners[1][1])
    build(tmp_path / "part.cvgl", world, area=area)
    build(tmp_path / "city.cvgl", world)
    part, city = Index.open(tmp_path / "part.cvgl"), Index.open(tmp_path / "city.cvgl")
    whole = {city.tile_id(i) for i in range(len(city))}
    assert {part.tile_id(i) for i in range(len(part))} < whole
    x, y = city.grid.centre(city.rows, city.cols)
    q = TILE_M / 4
    near = (x > E0 + 60 - q) & (x < E0 + 120 + q) & (y > N0 - 100 - q) & (y < N0 - 50 + q)
    assert abs(len(part) - near.sum()) <= 2


def test_refusals(world: Path, tmp_path: Path) -> None:
    output = tmp_path / "city.cvgl"
    tiny = world_raster(tmp_path / "tiny.tif", PLAIN, (50, 400), UTM)
    with pytest.raises(EmptyCoverageError, match=r"tiny\.tif.*less than one tile"):
        build(output, tiny)
    with pytest.raises(EmptyCoverageError, match="less than one"):
        build(output, world_raster(tmp_path / "one.tif", PLAIN, (1, 1), UTM))
    blank = write_raster(
        tmp_path / "blank.tif", np.zeros((340, 420, 3), np.uint8), PLAIN, UTM, nodata=0
    )
    with pytest.raises(EmptyCoverageError, match=r"blank\.tif.*nodata"):
        build(output, blank)
    with pytest.raises(EmptyCoverageError, match="outside the area"):
        build(output, world, area=box(0, 0, 1, 1))
    for settings in (
        {"overlap": 0.51},
        {"overlap": 1.0},
        {"overlap": -1.0},
        {"min_valid": 0.0},
        {"tile_size_m": -3.0},
        {"crs": "EPSG:4326"},
        {"crs": "EPSG:2263"},
        {"crs": "x"},
        {"crs": "EPSG:3857"},
    ):
        with pytest.raises(SettingsError):
            build(output, world, **settings)
    assert not output.exists()


def test_a_raster_too_wide_for_one_metric_crs(tmp_path: Path) -> None:
    pixels = np.full((100, 400, 3), 9, np.uint8)
    wide = write_raster(tmp_path / "wide.tif", pixels, from_origin(-20, 60, 0.1, 0.1), "EPSG:4326")
    with pytest.raises(SettingsError, match="off by"):
        make_plan([describe_raster(wide)], StubDescriber().card, CutSettings())
    settings = CutSettings(area=box(10.0, 55.0, 10.01, 55.01))
    assert make_plan([describe_raster(wide)], StubDescriber().card, settings).tile_count > 100


def test_a_model_without_stored_weights_or_with_bad_ones(world: Path, tmp_path: Path) -> None:
    class Broken(StubDescriber):
        def describe_tiles(self, rgb: np.ndarray) -> np.ndarray:
            return super().describe_tiles(rgb) * np.nan

    class BrokenMaps(StubDescriber):
        def encode_tiles(self, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            descriptors, maps = super().encode_tiles(rgb)
            return descriptors, np.where(maps > 0.1, np.inf, maps)

    for describer in (Broken(), BrokenMaps()):
        with pytest.raises(WeightsError, match="finite"):
            build_index([describe_raster(world)], tmp_path / "c.cvgl", describer)
    assert not (tmp_path / "c.cvgl").exists()


def test_a_damaged_shard_is_built_again(world: Path, tmp_path: Path) -> None:
    build(tmp_path / "city.cvgl", world)
    before = folder_bytes(tmp_path / "city.cvgl")
    victim = sorted((tmp_path / "city.cvgl").glob("shards/*/imagery.npy"))[2]
    victim.write_bytes(victim.read_bytes()[:-3] + b"abc")
    assert build(tmp_path / "city.cvgl", world).blocks_written == 1
    assert folder_bytes(tmp_path / "city.cvgl") == before


def test_an_unfinished_folder_is_no_index(world: Path, tmp_path: Path, monkeypatch) -> None:
    calls = 0
    real = StubDescriber.describe_tiles

    def interrupted(self: StubDescriber, rgb: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return real(self, rgb)

    build(tmp_path / "reference.cvgl", world)
    monkeypatch.setattr(StubDescriber, "describe_tiles", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path / "city.cvgl", world)
    with pytest.raises(NoIndexError):
        Index.open(tmp_path / "city.cvgl")
    assert build(tmp_path / "city.cvgl", world).blocks_kept == 3
    assert folder_bytes(tmp_path / "city.cvgl") == folder_bytes(tmp_path / "reference.cvgl")


def test_full_disk_on_a_real_file_system(world: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=120k", "tmpfs", small],
            capture_output=True,
            check=False,
        ).returncode
    )
    if not mounted:
        pytest.skip("a small file system can be mounted by root only")
    try:
        with pytest.raises(OutputError, match=r"disk is full, \d\.\d MB are needed"):
            build(small / "city.cvgl", world)
        with pytest.raises(NoIndexError):
            Index.open(small / "city.cvgl")
        assert not list(small.rglob(".tmp*")) and list(small.glob("city.cvgl/shards/*"))
        shutil.copytree(small / "city.cvgl", tmp_path / "city.cvgl")
    finally:
        subprocess.run(["umount", small], check=True)
    assert build(tmp_path / "city.cvgl", world).blocks_kept > 0
    build(tmp_path / "reference.cvgl", world)
    assert folder_bytes(tmp_path / "city.cvgl") == folder_bytes(tmp_path / "reference.cvgl")


def test_full_disk_at_the_manifest_keeps_the_old_version(
    world: Path, tmp_path: Path, monkeypatch
) -> None:
    build(tmp_path / "city.cvgl", world)
    old = Index.open(tmp_path / "city.cvgl").manifest

    def full(folder: Path, data: bytes) -> None:
        raise OutputError("full")

    with monkeypatch.context() as patch:
        patch.setattr(
            "cvgl_core.fsio.write_bytes",
            lambda target, data: full(target, data) if target.name == "manifest.json" else None,
        )
        with pytest.raises(OutputError):
            build(tmp_path / "city.cvgl", world, seed=1)
    index = Index.open(tmp_path / "city.cvgl")
    assert index.manifest == old and index.verify() == []


def test_a_changed_raster_is_noticed(world: Path, tmp_path: Path) -> None:
    build(tmp_path / "city.cvgl", world)
    time = world.stat().st_mtime_ns
    data = bytearray(world.read_bytes())
    data[len(data) // 2] ^= 255
    world.write_bytes(data)
    os.utime(world, ns=(time, time))
    assert build(tmp_path / "city.cvgl", world).manifest.version == 2


def test_thumbnails_change_nothing_but_themselves(world: Path, tmp_path: Path) -> None:
    build(tmp_path / "plain.cvgl", world)
    build(tmp_path / "small.cvgl", world, thumbnails=True)
    plain, small = (Index.open(tmp_path / f"{name}.cvgl") for name in ("plain", "small"))
    assert small.verify() == [] and small.manifest.index_id != plain.manifest.index_id
    assert (small.descriptors[:] == plain.descriptors[:]).all()
    assert (small.tile_pixels([5]) == plain.tile_pixels([5])).all()
    tile = plain.tile_pixels([5])[0].astype(float)
    side = len(tile) // 4
    means = tile.reshape(side, 4, side, 4, 3).mean(axis=(1, 3))
    assert np.abs(small.thumbnails([5])[0] - means).mean() < 8.0


def test_imagery_kept_as_jpeg_changes_nothing_but_itself(world: Path, tmp_path: Path) -> None:
    build(tmp_path / "raw.cvgl", world)
    build(tmp_path / "jpeg.cvgl", world, jpeg=True)
    raw, jpeg = (Index.open(tmp_path / f"{name}.cvgl") for name in ("raw", "jpeg"))
    assert jpeg.verify() == [] and jpeg.manifest.index_id != raw.manifest.index_id
    assert (jpeg.descriptors[:] == raw.descriptors[:]).all() and (jpeg.rows == raw.rows).all()
    ours, theirs = (index.tile_pixels([5])[0].astype(int) for index in (jpeg, raw))
    assert 0 < np.abs(ours - theirs).mean() < 8
    build(tmp_path / "again.cvgl", world, jpeg=True, workers=2)
    assert folder_bytes(tmp_path / "again.cvgl") == folder_bytes(tmp_path / "jpeg.cvgl")
    infos = [describe_raster(world)]
    sizes = [
        make_plan(infos, StubDescriber().card, CutSettings(jpeg=jpeg)).stored_bytes(16)
        for jpeg in (False, True)
    ]
    assert sizes[1] < 0.5 * sizes[0]

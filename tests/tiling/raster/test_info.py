"""Golden rasters: for each, the right pixels in the right place, or a refusal in clear words."""

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.enums import ColorInterp
from rasterio.transform import Affine, from_origin

from cvgl_core.errors import (
    CvglError,
    EmptyCoverageError,
    MissingGeoreferenceError,
    RasterOpenError,
    SettingsError,
    UnsupportedRasterError,
)
from cvgl_core.geo import from_lonlat, metric_crs_for
from tests.tiling.helpers import E0, N0, PLAIN, UTM, ramp, world_raster, write_raster
from tiling.raster.blocks import BlockCache, SourceBlocks
from tiling.raster.info import describe_raster
from tiling.raster.reader import RasterReader


def around(path: Path, gsd: float = 1.0, size: int = 80, **options):
    """The middle of a raster on the lattice of its metric grid, and the metres of its pixels."""
    info = describe_raster(path, **options)
    crs = metric_crs_for(info.centre.lon, info.centre.lat)
    x, y = from_lonlat(crs, [info.centre.lon], [info.centre.lat])
    window = (int(-y[0] / gsd) - size // 2, int(x[0] / gsd) - size // 2, size, size)
    with RasterReader(info, crs, gsd) as reader:
        view = reader.read(window)
    rgb, valid = view.rgb, view.valid
    cols, rows = np.meshgrid(np.arange(size) + window[1] + 0.5, np.arange(size) + window[0] + 0.5)
    return rgb.astype(float), valid, cols * gsd, -rows * gsd, crs


CASES = {
    "plain": (PLAIN, (400, 400), UTM),
    "other pixel size": (from_origin(E0, N0, 0.31, 0.47), (430, 640), UTM),
    "coarser than asked": (from_origin(E0, N0, 1.7, 1.7), (200, 200), UTM),
    "south up": (Affine(0.5, 0, E0, 0, 0.5, N0), (400, 400), UTM),
    "rotated": (
        Affine.translation(E0, N0) @ Affine.rotation(-30) @ Affine.scale(0.5, -0.5),
        (400, 400),
        UTM,
    ),
    "sheared": (Affine(0.5, 0.1, E0, -0.08, -0.5, N0), (400, 400), UTM),
    "neighbour zone": (from_origin(100_000, 5_400_000, 0.5, 0.5), (400, 400), "EPSG:32634"),
    "degrees": (from_origin(14.3, 48.5, 6e-6, 4.5e-6), (400, 400), "EPSG:4326"),
    "web mercator at 60 N": (from_origin(1_500_000, 8_400_000, 1.0, 1.0), (400, 400), "EPSG:3857"),
    "web mercator at 80 N": (from_origin(1_500_000, 15_538_711, 3.0, 3.0), (400, 400), "EPSG:3857"),
    "Lambert": (from_origin(4_321_000, 3_210_000, 0.5, 0.5), (400, 400), "EPSG:3035"),
    "across 180 degrees": (
        from_origin(3_339_584.7 - 100, -1_918_000, 0.5, 0.5),
        (400, 400),
        "EPSG:3832",
    ),
    "southern hemisphere": (from_origin(297_463, 9_050_677, 0.5, 0.5), (400, 400), "EPSG:32750"),
    "polar": (from_origin(-500_000, -800_000, 0.5, 0.5), (400, 400), "EPSG:3413"),
    "UTM edge": (from_origin(166_100, 10_000, 0.5, 0.5), (400, 400), "EPSG:32631"),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("gsd", [1.0, 0.5625])
def test_pixels_are_where_they_belong(tmp_path: Path, name: str, gsd: float) -> None:
    transform, size, crs = CASES[name]
    centre = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(
        *(transform @ (size[1] / 2, size[0] / 2))
    )
    world = metric_crs_for(*centre)
    path = world_raster(tmp_path / "world.tif", transform, size, crs, world)
    rgb, valid, x, y, used = around(path, gsd, 80 if gsd == 1.0 else 160)
    assert used == world and valid.all()
    error = np.abs(rgb - ramp(x, y))
    slope = 2 * 215.0 / 100.0  # grey levels a metre
    smooth = (np.abs(np.mod(x, 50.0) - 25) < 21) & (np.abs(np.mod(y, 50.0) - 25) < 21)
    assert error[smooth][:, :2].mean() < 0.25 * gsd * slope
    for axis, metres in enumerate((x, y)):
        sign = np.sign(np.mod(metres, 100.0) - 50)[smooth]
        off = (rgb - ramp(x, y))[..., axis][smooth]
        shift_m = (off[sign > 0].mean() - off[sign < 0].mean()) / 2.0 / slope
        assert abs(shift_m) < 0.1 * gsd


@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32", "float64", "uint32"])
def test_other_types_are_stretched_between_percentiles(tmp_path: Path, dtype: str) -> None:
    path = world_raster(tmp_path / "w.tif", PLAIN, (400, 400), UTM, dtype=dtype, scale=40.0)
    info = describe_raster(path)
    assert len(info.stretch) == 3 and all(
        20 * 40 <= low < high <= 235 * 40 for low, high in info.stretch
    )
    rgb, valid, x, y, _ = around(path)
    low, high = np.array(info.stretch).T
    expected = np.clip((ramp(x, y) * 40.0 - low) / (high - low), 0, 1) * 255.0
    assert valid.all() and np.abs(rgb - expected).mean() < 1.5


def test_not_a_number_is_no_picture(tmp_path: Path) -> None:
    pixels = np.full((300, 300, 3), 5.0, np.float32) + np.arange(300)[:, None]
    pixels[:, 150:] = np.nan
    path = write_raster(tmp_path / "nan.tif", pixels, PLAIN, UTM)
    _, valid, x, _, _ = around(path, 0.5)
    assert valid[x < E0 + 74].all() and not valid[x > E0 + 76].any()


@pytest.mark.parametrize(
    "kind", ["nodata 0", "nodata 255", "alpha", "mask", "sidecar mask", "float nodata"]
)
@pytest.mark.parametrize("gsd", [0.5, 0.35, 1.3])
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_holes_are_no_picture(tmp_path: Path, kind: str, gsd: float) -> None:
    rng = np.random.default_rng(3)
    pixels = rng.integers(1, 255, (300, 300, 3)).astype(np.uint8)
    hole = np.zeros((300, 300), bool)
    hole[:, :150] = True
    path = tmp_path / "holes.tif"
    if kind.startswith("nodata"):
        value = int(kind.split()[1])
        pixels[hole] = value
        pixels[50:60, 200:250, 0] = value  # one band alone is a colour
        write_raster(path, pixels, PLAIN, UTM, nodata=value)
    elif kind == "float nodata":
        pixels = pixels.astype(np.float32)
        pixels[hole] = -9999.0
        write_raster(path, pixels, PLAIN, UTM, nodata=-9999.0)
    elif "alpha" in kind:
        alpha = np.where(hole, 0, 255).astype(np.uint8)
        pixels = np.dstack([pixels, alpha])
        pixels = pixels.astype(np.uint16) * 257 if "16" in kind else pixels
        write_raster(path, pixels, PLAIN, UTM, photometric="RGB", alpha="YES")
        assert describe_raster(path).has_alpha
    else:
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=kind == "mask"):
            write_raster(path, pixels, PLAIN, UTM)
            with rasterio.open(path, "r+") as target:
                target.write_mask(~hole)
        assert path.with_suffix(".tif.msk").exists() == (kind != "mask")
        assert len(describe_raster(path).parts) == (2 if kind != "mask" else 1)
    rgb, valid, x, _, _ = around(path, gsd)
    assert valid[x > E0 + 75 + 2 * gsd].all() and not valid[x < E0 + 75 - 2 * gsd].any()
    assert (rgb[~valid] == 0).all() and rgb[valid].std() > 10


def test_outside_the_raster_is_no_picture(tmp_path: Path) -> None:
    path = world_raster(tmp_path / "w.tif", PLAIN, (60, 100), UTM)
    _, valid, x, y, _ = around(path, 1.0, 120)
    inside = (x > E0) & (x < E0 + 50) & (y < N0) & (y > N0 - 30)
    assert (valid == inside).mean() > 0.97 and valid.sum() == pytest.approx(1500, rel=0.06)


def test_grey_and_four_bands_and_odd_order(tmp_path: Path) -> None:
    grey = (np.arange(300)[:, None] % 200 + np.zeros((1, 300))).astype(np.uint8)[..., None]
    rgb, valid, *_ = around(write_raster(tmp_path / "g.tif", grey, PLAIN, UTM))
    assert valid.all() and (np.ptp(rgb, axis=-1) == 0).all() and rgb.std() > 10
    four = np.stack([np.full((300, 300), v, np.uint8) for v in (10, 60, 120, 250)], -1)
    rgb, *_ = around(
        write_raster(tmp_path / "rgbi.tif", four, PLAIN, UTM, photometric="RGB", alpha="NO")
    )
    assert rgb[0, 0].tolist() == [10, 60, 120]
    path = write_raster(tmp_path / "bgr.tif", four[..., :3], PLAIN, UTM)
    with rasterio.open(path, "r+") as target:
        target.colorinterp = [ColorInterp.blue, ColorInterp.green, ColorInterp.red]
    assert around(path)[0][0, 0].tolist() == [120, 60, 10]
    assert around(path, bands=(2,))[0][0, 0].tolist() == [60, 60, 60]
    with pytest.raises(SettingsError, match="give one or three"):
        describe_raster(path, bands=(1, 9, 2))
    grey_alpha = np.dstack([grey, np.full((300, 300, 1), 255, np.uint8)])
    rgb, valid, *_ = around(write_raster(tmp_path / "ga.tif", grey_alpha, PLAIN, UTM, alpha="YES"))
    assert valid.all() and (np.ptp(rgb, axis=-1) == 0).all()


def test_many_bands_without_names_are_refused_but_can_be_named(tmp_path: Path) -> None:
    eight = np.stack([np.full((300, 300), v, np.uint8) for v in range(10, 90, 10)], -1)
    path = write_raster(tmp_path / "eight.tif", eight, PLAIN, UTM)
    with pytest.raises(UnsupportedRasterError, match="--bands"):
        describe_raster(path)
    assert around(path, bands=(5, 3, 2))[0][0, 0].tolist() == [50, 30, 20]


def test_complex_numbers_are_no_colours(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "sar.tif", np.ones((90, 90, 1), np.complex64), PLAIN, UTM)
    with pytest.raises(UnsupportedRasterError, match="no colours"):
        describe_raster(path)


@pytest.mark.parametrize("nodata", [None, 3])
def test_palette_becomes_colours_before_they_are_mixed(tmp_path: Path, nodata: int | None) -> None:
    pixels = np.zeros((300, 300, 1), np.uint8)
    pixels[::2, ::2] = 1
    pixels[:, 150:] = 3
    path = write_raster(tmp_path / "p & q.tif", pixels, PLAIN, UTM, nodata=nodata)
    with rasterio.open(path, "r+") as target:
        target.write_colormap(1, {0: (0, 0, 200, 255), 1: (200, 0, 0, 255), 3: (7, 77, 177, 255)})
    assert describe_raster(path).paletted
    rgb, valid, x, _, _ = around(path, 4.0, 20)
    west, east = x < E0 + 70, (x > E0 + 80) & (x < E0 + 145)
    assert np.abs(rgb[west].mean(axis=0) - (50, 0, 150)).max() < 8
    if nodata is None:
        assert (rgb[east] == (7, 77, 177)).all() and valid[east].all()
    else:
        assert not valid[east].any()


@pytest.mark.parametrize("driver", ["PNG", "JPEG"])
def test_pictures_with_a_world_file_need_a_crs(tmp_path: Path, driver: str) -> None:
    path = tmp_path / f"map.{driver.lower()}"
    world_raster(path, PLAIN, (300, 300), UTM, driver=driver, WORLDFILE="YES")
    Path(f"{path}.aux.xml").unlink()
    with pytest.raises(MissingGeoreferenceError, match="--source-crs"):
        describe_raster(path)
    rgb, valid, x, y, _ = around(path, crs=UTM)
    assert valid.all() and np.abs(rgb - ramp(x, y)).mean() < 3


def test_jpeg2000_and_bigtiff_and_vrt(tmp_path: Path) -> None:
    world_raster(
        tmp_path / "w.jp2",
        PLAIN,
        (300, 300),
        UTM,
        driver="JP2OpenJPEG",
        QUALITY="100",
        REVERSIBLE="YES",
    )
    world_raster(tmp_path / "w.tif", PLAIN, (300, 300), UTM, BIGTIFF="YES")
    bands = "".join(
        f'<VRTRasterBand dataType="Byte" band="{b}"><SimpleSource>'
        f'<SourceFilename relativeToVRT="1">w.tif</SourceFilename>'
        f"<SourceBand>{b}</SourceBand></SimpleSource></VRTRasterBand>"
        for b in (1, 2, 3)
    )
    (tmp_path / "w.vrt").write_text(
        f'<VRTDataset rasterXSize="300" rasterYSize="300"><SRS>{UTM}</SRS>'
        f"<GeoTransform>{E0}, 0.5, 0, {N0}, 0, -0.5</GeoTransform>{bands}</VRTDataset>"
    )
    for name in ("w.jp2", "w.tif", "w.vrt"):
        rgb, valid, x, y, _ = around(tmp_path / name)
        assert valid.all() and np.abs(rgb - ramp(x, y)).mean() < 1.5
    assert [p.name for p in describe_raster(tmp_path / "w.vrt").parts] == ["w.vrt", "w.tif"]


def test_reduced_copies_are_used_only_where_fine_enough(tmp_path: Path) -> None:
    path = world_raster(tmp_path / "o.tif", from_origin(E0, N0, 0.1, 0.1), (1024, 1024), UTM)
    with rasterio.open(path, "r+") as target:
        target.build_overviews([2, 4, 8])
        target.write(np.zeros((3, 1024, 1024), np.uint8))  # the copies still show the world
    assert describe_raster(path).overviews == (2, 4, 8)
    assert around(path, 0.15)[0].max() == 0
    rgb, valid, x, y, _ = around(path, 0.45)
    assert valid.all() and np.abs(rgb - ramp(x, y)).mean() < 2


VRT = (
    '<VRTDataset rasterXSize="9" rasterYSize="9"><VRTRasterBand dataType="Byte" band="1"{}>{}'
    "</VRTRasterBand></VRTDataset>"
)
FILE = "<SimpleSource><SourceFilename relativeToVRT='1'>{}</SourceFilename></SimpleSource>"
HOSTILE = {
    "disguised.tif": VRT.format("", FILE.format("/etc/passwd")),
    "raw.vrt": VRT.format(
        ' subClass="VRTRawRasterBand"', "<SourceFilename>/etc/passwd</SourceFilename>"
    ),
    "derived.vrt": VRT.format(
        ' subClass="VRTDerivedRasterBand"', "<PixelFunctionType>x</PixelFunctionType>"
    ),
    "absolute.vrt": VRT.format("", FILE.format("/etc/passwd")),
    "parent.vrt": VRT.format("", FILE.format("../../etc/passwd")),
    "net.vrt": VRT.format("", FILE.format("/vsicurl/http://localhost/x.tif")),
    "url.vrt": VRT.format("", FILE.format("http://localhost/x.tif")),
    "zip.vrt": VRT.format("", FILE.format("/vsizip/x.zip/x.tif")),
    "self.vrt": VRT.format("", FILE.format("self.vrt")),
    "missing.vrt": VRT.format("", FILE.format("nothing.tif")),
    "text.vrt": VRT.format("", FILE.format("note.tif")),
    "warped.vrt": '<VRTDataset subClass="VRTWarpedDataset"></VRTDataset>',
    "kernel.vrt": VRT.format("", "<KernelFilteredSource></KernelFilteredSource>"),
    "entity.vrt": '<!DOCTYPE a [<!ENTITY b SYSTEM "/etc/passwd">]><VRTDataset>&b;</VRTDataset>',
    "broken.vrt": "<VRTDataset>",
    "note.tif": "hello",
    "empty.tif": "",
    "page.tif": "%PDF-1.7",
    "data.tif": "\x89HDF",
    "header.tif": "II*\x00\x08\x00\x00\x00",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_plain_raster_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "note.tif").write_text("hello")
    (tmp_path / name).write_text(HOSTILE[name], encoding="latin-1")
    with pytest.raises(RasterOpenError, match=name.replace(".", r"\.")):
        describe_raster(tmp_path / name)


@pytest.mark.parametrize(
    "name", ["gone.tif", ".", "/vsicurl/http://localhost/x.tif", "http://localhost/x.tif"]
)
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RasterOpenError):
        describe_raster(tmp_path / name if not name.startswith("/") else Path(name))


def test_without_a_place_on_earth(tmp_path: Path) -> None:
    pixels = np.zeros((90, 90, 3), np.uint8)
    no_crs = write_raster(tmp_path / "a.tif", pixels, PLAIN, None)
    with pytest.raises(MissingGeoreferenceError, match="--source-crs"):
        describe_raster(no_crs)
    assert describe_raster(no_crs, crs=UTM).gsd_m_per_px == pytest.approx(0.5, rel=1e-3)
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        nowhere = write_raster(tmp_path / "b.tif", pixels, Affine.identity(), UTM)
    with pytest.raises(MissingGeoreferenceError, match="place it"):
        describe_raster(nowhere)
    off = write_raster(tmp_path / "c.tif", pixels, from_origin(1e9, 1e9, 1, 1), "EPSG:3857")
    with pytest.raises(CvglError, match=r"c\.tif"):
        describe_raster(off)
    local = 'LOCAL_CS["site",UNIT["metre",1],AXIS["x",EAST],AXIS["y",NORTH]]'
    with pytest.raises(MissingGeoreferenceError, match="not tied"):
        describe_raster(write_raster(tmp_path / "d.tif", pixels, PLAIN, local))


def test_control_points_only(tmp_path: Path) -> None:
    points = [
        rasterio.control.GroundControlPoint(r, c, E0 + c, N0 - r) for r in (0, 90) for c in (0, 90)
    ]
    path = tmp_path / "gcps.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=90, width=90, count=3, dtype="uint8"
    ) as target:
        target.gcps = (points, rasterio.crs.CRS.from_string(UTM))
    with pytest.raises(MissingGeoreferenceError, match="control points"):
        describe_raster(path)


def test_only_nodata_in_sixteen_bits(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "n.tif", np.zeros((90, 90, 3), np.uint16), PLAIN, UTM, nodata=0)
    with pytest.raises(EmptyCoverageError, match="nodata"):
        describe_raster(path)


def test_a_truncated_file_is_damaged(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (600, 600, 3)).astype(np.uint8)
    path = write_raster(tmp_path / "t.tif", pixels, PLAIN, UTM, compress="deflate")
    os.truncate(path, path.stat().st_size // 3)
    info = describe_raster(path)
    with RasterReader(info, UTM, 0.5) as reader:
        view = reader.read((int(-N0 / 0.5) + 20, int(E0 / 0.5) + 20, 500, 500))
    assert view.unread is not None and (view.unread | view.valid).all()
    assert 0.2 < view.valid.mean() < 0.5 and "TIFF" in view.reason


@pytest.mark.parametrize("beyond", ["south", "east", "north", "west"])
def test_a_window_beyond_the_raster_shows_nothing(tmp_path: Path, beyond: str) -> None:
    """Also where the last block of the raster is not a whole one."""
    path = world_raster(
        tmp_path / "w.tif", PLAIN, (200, 200), UTM, tiled=True, blockxsize=128, blockysize=128
    )
    place = {"south": (200, 0), "east": (0, 205), "north": (-70, 0), "west": (0, -71)}[beyond]
    with SourceBlocks(describe_raster(path), None, 1, BlockCache(1 << 20)) as source:
        found = source.read((*place, 70, 70), lambda _: False).pixels
    assert found.shown is not None and not found.shown.any() and not found.rgb.any()

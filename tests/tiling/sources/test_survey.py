"""Many rasters as one coverage: order, dates, what is left out, seams."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod, Transformer
from rasterio.transform import from_origin
from shapely.geometry import box

from cvgl_core.errors import (
    EmptyCoverageError,
    MissingGeoreferenceError,
    RasterOpenError,
    SettingsError,
)
from tests.tiling.helpers import E0, N0, UTM, StubDescriber, ramp, world_raster, write_raster
from tiling.cut import Cutter
from tiling.plan import CutSettings, make_plan
from tiling.raster.info import describe_raster
from tiling.sources.coverage import boxes_meet
from tiling.sources.dates import catalogue_date, name_date, tag_date
from tiling.sources.places import Source
from tiling.sources.precedence import Precedence
from tiling.sources.survey import SurveySettings, take_survey
from tiling.web.mapservice import Wanted


def plain(path: Path, value: int, date: str = "", gsd: float = 0.5, dtype: str = "uint8") -> Path:
    """A raster of one colour."""
    side = round(60 / gsd)
    pixels = np.full((side, side, 3), value, dtype)
    write_raster(path, pixels, from_origin(E0, N0, gsd, gsd), UTM)
    if date:
        with rasterio.open(path, "r+") as target:
            target.update_tags(TIFFTAG_DATETIME=date)
    return path


def surveyed(*paths: Path, **options):
    return take_survey([Source(path) for path in paths], SurveySettings(**options))


def order(*paths: Path, **options) -> str:
    return "".join(raster.path.stem[0] for raster in surveyed(*paths, **options).rasters)


def test_precedence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old = plain(tmp_path / "old_20190501.tif", 50, "2019:05:01 12:00:00", gsd=0.2)
    new = plain(tmp_path / "new_20230501.tif", 90, "2023:05:01 12:00:00", gsd=0.5)
    undated = plain(tmp_path / "undated.tif", 70, gsd=0.3)
    paths = (undated, old, new)
    assert order(*paths) == "uon"
    assert order(*paths, precedence=Precedence.FINEST) == "oun"
    assert order(*paths, precedence=Precedence.NEWEST) == "nou"
    assert "1 rasters do not say" in caplog.text
    assert surveyed(new).rasters[0].acquired == "2023-05-01T12:00:00Z"
    with pytest.raises(SettingsError, match="--date-in-name"):
        order(undated, precedence=Precedence.NEWEST)
    settings = {"precedence": Precedence.NEWEST, "date_in_name": "YYYYMMDD"}
    assert order(old, new, **settings) == "no"


def test_dates() -> None:
    assert tag_date("2021:03:04 05:06:07") == "2021-03-04T05:06:07Z"
    assert tag_date("0000:00:00 00:00:00") == tag_date("spring") == catalogue_date("x") == ""
    assert catalogue_date("2021-03-04T05:06:07+02:00") == "2021-03-04T03:06:07Z"
    assert name_date("dop20_32_20210304_x.tif", "YYYYMMDD") == "2021-03-04T00:00:00Z"
    assert name_date("a_123_2021-03.tif", "YYYY-MM") == "2021-03-01T00:00:00Z"
    assert name_date("99999999_20210304.tif", "YYYYMMDD") == "2021-03-04T00:00:00Z"
    assert name_date("0120210304.tif", "YYYYMMDD") == ""  # digits of something else
    for pattern in ("", "MMDD", "YYYY YYYY", "date"):
        with pytest.raises(SettingsError, match="--date-in-name"):
            name_date("x", pattern)


def test_a_broken_one_among_many(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    good = plain(tmp_path / "good.tif", 90)
    (tmp_path / "text.tif").write_text("hello")
    nowhere = write_raster(
        tmp_path / "nowhere.tif",
        np.zeros((9, 9, 3), np.uint8),
        from_origin(E0, N0, 1, 1),
        None,
    )
    blank = write_raster(
        tmp_path / "blank.tif",
        np.zeros((9, 9, 3), np.uint16),
        from_origin(E0, N0, 1, 1),
        UTM,
        nodata=0,
    )
    paths = (tmp_path / "text.tif", nowhere, good, blank, tmp_path / "gone.tif")
    found = surveyed(*paths)
    assert [raster.path for raster in found.rasters] == [good]
    assert [one.name for one in found.skipped] == [
        "text.tif",
        "nowhere.tif",
        "blank.tif",
        "gone.tif",
    ]
    assert "text.tif: is no raster" in found.skipped[0].reason
    assert "4 of 5 sources" in caplog.text and "gone.tif" in caplog.text
    with pytest.raises(RasterOpenError, match=r"text\.tif"):
        surveyed(*paths, strict=True)
    with pytest.raises(MissingGeoreferenceError, match=r"nowhere\.tif"):
        surveyed(nowhere, tmp_path / "text.tif")  # nothing is left: the first is told


def test_only_what_touches_the_area_is_looked_into(tmp_path: Path) -> None:
    near = plain(tmp_path / "near.tif", 900, dtype="uint16")
    far = world_raster(
        tmp_path / "far.tif", from_origin(E0 + 9000, N0, 0.5, 0.5), (99, 99), UTM, dtype="uint16"
    )
    lon, lat = describe_raster(near).centre.lon, describe_raster(near).centre.lat
    area = box(lon - 1e-4, lat - 1e-4, lon + 1e-4, lat + 1e-4)
    assert order(near, far, wanted=Wanted(area)) == "n"
    assert surveyed(near, wanted=Wanted(area)).rasters[0].stretch
    assert order(far, near, wanted=Wanted(area, reach_m=8990)) == "fn"
    with pytest.raises(EmptyCoverageError, match="outside"):
        surveyed(far, wanted=Wanted(area))


@given(
    st.floats(-180, 180),
    st.floats(-84, 84),
    st.floats(-3000, 3000),
    st.floats(-3000, 3000),
    st.sampled_from([-360.0, 0.0, 360.0]),
)
def test_boxes_that_are_near_are_never_called_far(
    lon: float, lat: float, east_m: float, north_m: float, turn: float
) -> None:
    geod = Geod(ellps="WGS84")
    x, y, _ = geod.fwd(lon, lat, 90.0, east_m)
    x, y, _ = geod.fwd(x, y, 0.0, north_m)
    apart_m = geod.inv(lon, lat, x, y)[2]
    one, other = (lon, lat, lon, lat), (x + turn, y, x + turn, y)
    assert boxes_meet(one, other, apart_m + 0.1) and boxes_meet(other, one, apart_m + 0.1)
    if apart_m > 10:
        assert not boxes_meet(one, other, apart_m * 0.4)


def mosaic(paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Errors of colour of all pixels of a build well inside 160 m of world, and validity."""
    card = StubDescriber().card
    plan = make_plan([describe_raster(path) for path in paths], card, CutSettings(crs=UTM))
    errors, valid = [], []
    with Cutter(plan, 0.25, (0, 0, 0)) as cutter:
        for block in plan.blocks:
            cut = cutter.cut(block)
            top, left, height, width = block.window_px
            col, row = np.meshgrid(np.arange(width) + left + 0.5, np.arange(height) + top + 0.5)
            inside = (np.abs(col - E0 - 80) < 78) & (np.abs(-row - N0 + 80) < 78)
            errors.append(np.abs(cut.rgb - ramp(col, -row))[inside])
            valid.append(cut.valid[inside])
    return np.concatenate(errors), np.concatenate(valid)


@pytest.mark.parametrize("kind", ["same grid", "other size", "other CRS", "other zone", "nodata"])
def test_seams_show_neither_gaps_nor_dark_lines(tmp_path: Path, kind: str) -> None:
    """Two sheets side by side: everything between their outer edges is picture, and the right."""
    west = world_raster(tmp_path / "w.tif", from_origin(E0, N0, 0.5, 0.5), (320, 160), UTM)
    # The east sheet starts where the west one ends, somewhere inside a pixel of the lattice.
    gsd, crs, x, y = 0.5, UTM, E0 + 80.0, N0
    if kind == "other size":
        gsd = 0.31
    size = (round(160 / gsd), round(80 / gsd))
    if kind in ("other CRS", "other zone"):
        crs = {"other CRS": "EPSG:3857", "other zone": "EPSG:32632"}[kind]
        corners = Transformer.from_crs(UTM, crs, always_xy=True).transform(
            [x, x, x + 80, x + 80], [N0, N0 - 160, N0, N0 - 160]
        )
        x, y = min(corners[0]), max(corners[1])
        gsd = (max(corners[0]) - x) / 160
        size = (round((y - min(corners[1])) / gsd), 160)
    east = world_raster(tmp_path / "e.tif", from_origin(x, y, gsd, gsd), size, crs, UTM)
    if kind == "nodata":
        # Both reach across the seam, each with a black rim of nodata there.
        pixels = rasterio.open(west).read().transpose(1, 2, 0).clip(1)
        pixels[:, 150:] = 0
        write_raster(west, pixels, from_origin(E0, N0, 0.5, 0.5), UTM, nodata=0)
        wider = from_origin(E0 + 70, N0, 0.5, 0.5)
        east = world_raster(east, wider, (320, 180), UTM, nodata=0)
    for paths in ([west, east], [east, west]):
        errors, valid = mosaic(paths)
        assert valid.all()
        assert errors.mean() < 2.5 and np.percentile(errors, 99.9) < 30
        assert errors.max() < 80  # a line of another colour would differ by more


def test_one_stretch_for_all_leaves_no_seam(tmp_path: Path) -> None:
    """Each by its own percentiles, a dark sheet beside a bright one turns as bright."""
    sheets = []
    for number, left in enumerate((E0, E0 + 80)):
        ramps = np.arange(160)[None, :, None] * 8 + 1280 * number + np.zeros((320, 1, 3))
        pixels, where = ramps.astype(np.uint16), from_origin(left, N0, 0.5, 0.5)
        sheets.append(write_raster(tmp_path / f"{number}.tif", pixels, where, UTM))

    def steps(**options) -> np.ndarray:
        plan = make_plan(
            surveyed(*sheets, **options).rasters, StubDescriber().card, CutSettings(crs=UTM)
        )
        with Cutter(plan, 0.25, (0, 0, 0)) as cutter:
            cut = cutter.cut(plan.blocks[len(plan.blocks) // 2])
        row = cut.valid.sum(axis=1).argmax()
        return np.abs(np.diff(cut.rgb[row, cut.valid[row], 0].astype(int)))

    assert steps(stretch=(0.0, 2560.0)).max() <= 3 < 100 < steps().max()
    assert surveyed(*sheets, stretch=(0.0, 2560.0)).rasters[0].stretch == ((0.0, 2560.0),) * 3


def test_a_block_is_told_only_of_sheets_that_reach_it(tmp_path: Path) -> None:
    path = plain(tmp_path / "sheet.tif", 90)
    info = describe_raster(path)
    a, b, c, d, e, f = info.transform
    sheets = [
        replace(info, transform=(a, b, c + 60.0 * i, d, e, f - 60.0 * j), path=path)
        for i in range(30)
        for j in range(30)
    ]
    plan = make_plan(sheets, StubDescriber().card, CutSettings(crs=UTM))
    assert max(len(block.sources) for block in plan.blocks) <= 36
    assert {i for block in plan.blocks for i in block.sources} == set(range(900))


def test_what_is_left_out_is_logged_briefly(tmp_path: Path, caplog) -> None:
    good = plain(tmp_path / "good.tif", 90)
    with caplog.at_level(logging.WARNING):
        surveyed(good, *(tmp_path / f"gone{i}.tif" for i in range(40)))
    assert len(caplog.records) == 11 and "30 of them not named" in caplog.text

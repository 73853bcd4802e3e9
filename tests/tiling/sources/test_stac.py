"""Lists of STAC items as sources."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from rasterio.transform import from_origin
from shapely.geometry import box

from cvgl_core.errors import CvglError, RasterOpenError, SettingsError
from tests.tiling.helpers import E0, N0, UTM, world_raster
from tests.tiling.web.servers import files, serve
from tiling.sources.listing import list_sources
from tiling.sources.precedence import Precedence
from tiling.sources.survey import SurveySettings, take_survey
from tiling.web.mapservice import Wanted
from tiling.web.remote import RemoteFile


def item(name: str, href: str, date: str | None = "2021-05-01T10:00:00Z", **more: Any) -> dict:
    asset = {"href": href, "type": "image/tiff; application=geotiff", "roles": ["data"]}
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "geometry": None,
        "properties": {"datetime": date},
        "assets": {"image": asset, "thumbnail": {"href": "t.png", "type": "image/webp"}},
    } | more


def write(path: Path, *items: dict) -> Path:
    document = items[0] if len(items) == 1 else {"type": "FeatureCollection", "features": items}
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def sheets(tmp_path: Path) -> Path:
    for number in range(3):
        transform = from_origin(E0 + 40 * number, N0, 0.5, 0.5)
        world_raster(tmp_path / f"{number}.tif", transform, (120, 120), UTM)
    return tmp_path


def names(*texts: object, asset: str = "", **options: Any) -> list[str]:
    sources = list_sources([str(text) for text in texts], asset)
    return [raster.path.name for raster in take_survey(sources, SurveySettings(**options)).rasters]


def test_a_collection_with_dates(sheets: Path) -> None:
    listed = write(
        sheets / "items.json",
        item("a", "./0.tif", "2019-01-01T00:00:00Z"),
        item("b", "1.tif", "2022-01-01T00:00:00+01:00"),
        item("c", "2.tif", None, properties={"start_datetime": "2021-01-01T00:00:00Z"}),
    )
    assert names(listed) == ["0.tif", "1.tif", "2.tif"]
    assert names(listed, precedence=Precedence.NEWEST) == ["1.tif", "2.tif", "0.tif"]


def test_a_folder_of_items_and_rasters(sheets: Path) -> None:
    (sheets / "meta").mkdir()
    write(sheets / "meta" / "a.json", item("a", "../1.tif", "2022-01-01T00:00:00Z"))
    (sheets / "meta" / "note.json").write_text('{"type": "Feature", "properties": {}}')
    assert names(sheets) == ["1.tif", "0.tif", "2.tif"]  # each once, items first
    found = list_sources([str(sheets)])
    assert found[0].acquired == "2022-01-01T00:00:00Z" and found[1].acquired == ""


def test_which_asset(sheets: Path) -> None:
    def one(**assets: dict) -> Path:
        return write(sheets / "item.json", item("a", "", assets=assets))

    tiff = {"type": "image/tiff"}
    both = {
        "visual": {"href": "0.tif"} | tiff,
        "nir": {"href": "1.tif", "roles": ["reflectance"]} | tiff,
    }
    assert names(one(**both)) == ["0.tif"]
    assert names(one(**both), asset="nir") == names(one(**both), asset="reflectance") == ["1.tif"]
    assert names(one(rgb={"href": "2.tif", "roles": ["visual"]}, b={"href": "1.tif"})) == ["2.tif"]
    with pytest.raises(RasterOpenError, match=r"--asset: visual, nir"):
        names(one(**both), asset="sar")
    with pytest.raises(RasterOpenError, match=r"--asset: a, b"):
        names(one(a={"href": "0.tif"} | tiff, b={"href": "1.tif"} | tiff))


@pytest.mark.parametrize(
    "href",
    [
        "/etc/passwd",
        "../outside.tif",
        "x/../../outside.tif",
        "link.tif",
        "s3://bucket/a.tif",
        "file:///etc/passwd",
        "/vsicurl/http://127.0.0.1/a.tif",
        "/vsizip/a.zip/a.tif",
        "\x00",
        "",
    ],
)
def test_an_item_may_not_lead_out_of_its_folder(sheets: Path, href: str, caplog) -> None:
    inside = sheets / "inside"
    inside.mkdir()
    outside = world_raster(sheets / "outside.tif", from_origin(E0, N0, 0.5, 0.5), (99, 99), UTM)
    (inside / "link.tif").symlink_to(outside)
    good = world_raster(inside / "good.tif", from_origin(E0, N0, 0.5, 0.5), (99, 99), UTM)
    listed = write(inside / "items.json", item("bad", href), item("good", good.name))
    assert names(listed) == ["good.tif"] and "item bad" in caplog.text
    with pytest.raises(RasterOpenError):
        names(listed, strict=True)
    assert names(write(inside / "own.json", item("a", str(good)))) == [
        "good.tif"
    ]  # absolute, in it


def test_hosts_that_a_list_names_must_be_accepted(sheets: Path) -> None:
    with serve(files({"/0.tif": (sheets / "0.tif").read_bytes()})) as server:
        listed = write(sheets / "far.json", item("a", f"{server.url}/0.tif"), item("b", "1.tif"))
        with pytest.raises(SettingsError, match=r"--accept-terms 127\.0\.0\.1"):
            names(listed)
        assert server.asked == []
        assert names(listed, accepted=("127.0.0.1",)) == ["0.tif", "1.tif"]


def test_boxes_of_items_save_looking(sheets: Path) -> None:
    def at(lon: float) -> dict[str, Any]:
        return item(f"{lon}", f"http://127.0.0.1:9/{lon}.tif", bbox=[lon - 0.1, 48, lon + 0.1, 49])

    listed = write(
        sheets / "items.json",
        at(20.0),
        at(-170.0),
        item("crossing", "http://127.0.0.1:9/c.tif", bbox=[179, 48, 0, -179, 49, 90]),
        item("here", "0.tif", bbox=[14.9, 48.0, 15.1, 49.0]),
    )
    sources = list_sources([str(listed)])
    assert [source.bbox for source in sources][2:] == [
        (179, 48, 181.0, 49),
        (14.9, 48.0, 15.1, 49.0),
    ]
    assert isinstance(sources[0].place, RemoteFile)
    area = box(15.0, 48.7, 15.01, 48.8)
    options = {"accepted": ("127.0.0.1",), "wanted": Wanted(area)}
    assert names(listed, **options) == ["0.tif"]  # nobody listens on port 9: never asked


NO_STAC = {
    "nothing": "",
    "a list": "[]",
    "an object": "{}",
    "null": "null",
    "no items": '{"type":"FeatureCollection","features":[]}',
    "items of no kind": '{"type":"FeatureCollection","features":[1]}',
    "features of no kind": '{"type":"FeatureCollection","features":{}}',
    "assets of no kind": '{"assets":[]}',
    "deep": "[" * 100_000,
    "bytes": "\x00\xff",
}


@pytest.mark.parametrize("name", NO_STAC)
def test_what_is_no_stac_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.json").write_text(NO_STAC[name], encoding="latin-1")
    with pytest.raises(RasterOpenError, match=r"x\.json"):
        names(tmp_path / "x.json")
    with pytest.raises(RasterOpenError, match="without rasters"):
        names(tmp_path)


def test_odd_items_are_left_out_not_fatal(sheets: Path, caplog) -> None:
    odd = [
        item("no href", "x", assets={"a": {"type": "image/tiff"}}),
        item("text", "x", assets={"a": "b"}),
        item("dates", "0.tif", properties=7, bbox=["a", 1, 2, 3]),
        item("gone", "gone.tif"),
    ]
    with caplog.at_level(logging.WARNING):
        assert names(write(sheets / "odd.json", *odd)) == ["0.tif"]
    with pytest.raises(CvglError):
        names(write(sheets / "odd.json", *odd), strict=True)

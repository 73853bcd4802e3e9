"""Map services on this machine: the right pixels in the right place, and manners."""

import io
import json
import logging
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import mercantile
import numpy as np
import pytest
from PIL import Image
from pyproj import Transformer
from shapely.geometry import box

from cvgl_core.console import run
from cvgl_core.errors import (
    EmptyCoverageError,
    RasterOpenError,
    SettingsError,
    SourceUnreachableError,
)
from cvgl_core.geo import from_lonlat, metric_crs_for
from cvgl_core.index import Index
from tests.tiling.helpers import StubDescriber, folder_bytes, ramp
from tests.tiling.web.servers import Handler, serve
from tiling.build import build_index
from tiling.cli import app
from tiling.cut import Cutter
from tiling.plan import CutSettings, make_plan
from tiling.sources.listing import list_sources
from tiling.sources.survey import SurveySettings, take_survey
from tiling.web import client
from tiling.web.levels import level_of
from tiling.web.mapservice import Wanted
from tiling.web.services import Service, parse_service

PERIOD_M = 100.0
HOST = "127.0.0.1"


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_PAUSE_S", 0.0)
    client._pool.cache_clear()


def picture(rgb: np.ndarray, form: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.rint(rgb).astype(np.uint8)).save(stream, form)
    return stream.getvalue()


def world_at(crs: str, bounds: tuple[float, float, float, float], px: int, world: str):
    """The synthetic world of the metres of ``world`` in a square of another CRS."""
    left, bottom, right, top = bounds
    at = (np.arange(px) + 0.5) / px
    x, y = np.meshgrid(left + at * (right - left), top - at * (top - bottom))
    return ramp(*Transformer.from_crs(crs, world, always_xy=True).transform(x, y))


def xyz_world(world: str, px: int = 256, form: str = "PNG", south: bool = False) -> Handler:
    """A service of XYZ tiles of the synthetic world."""

    def answer(path: str) -> tuple[int, bytes, dict[str, str]]:
        z, x, y = (int(part) for part in urlsplit(path).path.strip("/").split(".")[0].split("/"))
        assert 0 <= x < 2**z and 0 <= y < 2**z
        bounds = mercantile.xy_bounds(x, 2**z - 1 - y if south else y, z)
        return 200, picture(world_at("EPSG:3857", tuple(bounds), px, world), form), {}

    return answer


def area_round(lon: float, lat: float, half_m: float = 45.0):
    """A square in degrees, and the UTM zone of its centre."""
    high = half_m / 111_320.0
    wide = high / np.cos(np.radians(lat))
    return box(lon - wide, lat - high, lon + wide, lat + high)


def surveyed(text: str, cache: Path, area, gsd: float = 1.0, **options):
    wanted = Wanted(area, gsd, 32.0, options.pop("zoom", None), cache)
    settings = SurveySettings(accepted=(HOST,), wanted=wanted, **options)
    return take_survey(list_sources([text]), settings).rasters


def cut(rasters, area, crs: str | None = None):
    """Colours, expected colours and validity of all pixels that are cut, and the plan's CRS."""
    plan = make_plan(rasters, StubDescriber().card, CutSettings(area=area, crs=crs))
    rgb, metres, valid = [], [], []
    with Cutter(plan, 0.25, (0, 0, 0)) as cutter:
        for block in plan.blocks:
            piece = cutter.cut(block)
            top, left, height, width = block.window_px
            col, row = np.meshgrid(np.arange(width) + left + 0.5, np.arange(height) + top + 0.5)
            rgb.append(piece.rgb.reshape(-1, 3))
            metres.append(np.stack([col, -row], -1).reshape(-1, 2))
            valid.append(piece.valid.ravel())
    return np.concatenate(rgb).astype(float), np.concatenate(metres), np.concatenate(valid)


def assert_in_place(rgb: np.ndarray, metres: np.ndarray, valid: np.ndarray) -> None:
    """Colours are those of the place, within a fraction of a pixel of 1 m."""
    assert valid.all()
    smooth = (np.abs(np.mod(metres, 50.0) - 25) < 20).all(axis=1)
    slope = 2 * 215.0 / PERIOD_M
    errors = rgb - ramp(metres[:, 0], metres[:, 1])
    for axis in (0, 1):
        rising = np.sign(np.mod(metres[:, axis], PERIOD_M) - PERIOD_M / 2)
        shift_m = (errors[:, axis] * rising)[smooth] / slope
        assert abs(shift_m.mean()) < 0.15 and np.percentile(np.abs(shift_m), 99) < 0.5


PLACES = {"Vienna": (16.37, 48.21), "60 N": (25.0, 60.2), "south": (-70.6, -33.4)}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("px", [256, 512])
def test_pixels_of_xyz_tiles_are_where_they_belong(tmp_path: Path, place: str, px: int) -> None:
    area = area_round(*PLACES[place])
    zone = metric_crs_for(*PLACES[place])
    with serve(xyz_world(zone, px)) as server:
        found = surveyed(server.url + "/{z}/{x}/{y}.png", tmp_path, area)
        assert found[0].path.tile_px == px
        assert 0.5 < found[0].gsd_m_per_px <= 1.02  # fine enough, and no finer than needed
        assert_in_place(*cut(found, area))
        assert server.most_at_once <= client.PARALLEL
        assert len(server.asked) == len(set(server.asked))
        assert all(seen["user-agent"].startswith("cvgl/") for seen in server.seen)


def test_rows_counted_from_the_south_and_other_pictures(tmp_path: Path) -> None:
    area = area_round(16.37, 48.21)
    for form in ("PNG", "WEBP", "JPEG"):
        with serve(xyz_world("EPSG:32633", form=form, south=True)) as server:
            found = surveyed(server.url + "/{z}/{x}/{-y}", tmp_path / form, area)
            rgb, metres, valid = cut(found, area)
        assert valid.all()
        assert np.abs(rgb - ramp(metres[:, 0], metres[:, 1])).mean() < (6 if form == "PNG" else 9)


def test_across_180_degrees(tmp_path: Path) -> None:
    area = area_round(180.0, -16.8)
    with serve(xyz_world("EPSG:32701")) as server:
        found = surveyed(server.url + "/{z}/{x}/{y}.png", tmp_path, area)
        assert_in_place(*cut(found, area, "EPSG:32701"))
        columns = {int(path.split("/")[2]) for path in server.asked}
        zoom = int(server.asked[0].split("/")[1])
        assert 0 in columns and 2**zoom - 1 in columns


def test_an_explicit_zoom(tmp_path: Path) -> None:
    area = area_round(16.37, 48.21)
    with serve(xyz_world("EPSG:32633")) as server:
        fine = surveyed(server.url + "/{z}/{x}/{y}.png", tmp_path, area, zoom=19)
        assert all(path.startswith("/19/") for path in server.asked)
        assert_in_place(*cut(fine, area))
        with pytest.raises(SettingsError, match="--zoom 99"):
            surveyed(server.url + "/{z}/{x}/{y}.png", tmp_path, area, zoom=99)


@pytest.mark.parametrize("lat", [0.0, 40.75, 60.0, -75.0])
@pytest.mark.parametrize("gsd", [0.1, 0.5625, 3.0])
def test_the_level_is_the_coarsest_that_is_fine_enough(lat: float, gsd: float) -> None:
    service = Service("xyz", "http://h/{z}/{x}/{y}")
    level = level_of(service, area_round(10.0, lat, 500.0), gsd, 72.0)
    zoom = int(level.label.split()[1])
    ground = [
        mercantile.CE * np.cos(np.radians(lat)) / 2**z / 256 for z in (zoom, max(zoom - 1, 0))
    ]
    assert ground[0] <= gsd * 1.03 and (ground[1] > gsd or zoom == 0)
    tiles = {(t.x, t.y) for t in mercantile.tiles(*area_round(10.0, lat, 500.0).bounds, zoom)}
    (col, row), (columns, rows) = level.first, level.count
    assert tiles <= {(col + i, row + j) for i in range(columns) for j in range(rows)}
    left, top = level.corner(col, row)
    upper = mercantile.xy_bounds(col, row, zoom)
    assert (left, top) == pytest.approx((upper.left, upper.top), abs=1e-3)


def without(handler: Handler, missing: Callable[[int, int, int], bool], status: int) -> Handler:
    def answer(path: str):
        z, x, y = (int(part) for part in path.strip("/").split(".")[0].split("/"))
        return (status, b"gone", {}) if missing(z, x, y) else handler(path)

    return answer


def test_a_missing_tile_is_a_hole_and_a_failing_server_an_error(tmp_path: Path) -> None:
    area = area_round(16.37, 48.21, 220.0)
    middle = mercantile.tile(16.37, 48.21, 17)
    world = xyz_world("EPSG:32633")
    handler = without(world, lambda z, x, y: x > middle.x, 404)
    with serve(handler) as server:
        found = surveyed(server.url + "/{z}/{x}/{y}.png", tmp_path / "a", area)
        rgb, metres, valid = cut(found, area)
    edge = mercantile.bounds(middle.x, middle.y, 17).east
    x_m = from_lonlat("EPSG:32633", [edge], [48.21])[0][0]
    assert 0.2 < valid.mean() < 0.9
    assert valid[metres[:, 0] < x_m - 5].all() and not valid[metres[:, 0] > x_m + 5].any()
    assert (rgb[~valid] == 0).all()
    with serve(without(world, lambda z, x, y: x > middle.x, 500)) as server:
        found = surveyed(server.url + "/{z}/{x}/{y}.png?key=secret", tmp_path / "b", area)
        with pytest.raises(SourceUnreachableError, match=r"127\.0\.0\.1.*500") as caught:
            cut(found, area)
        assert "secret" not in str(caught.value)
    with serve(lambda path: (404, b"", {})) as server:
        with pytest.raises(RasterOpenError, match="--zoom"):
            surveyed(server.url + "/{z}/{x}/{y}.png", tmp_path / "c", area)
        assert len(server.asked) <= 9


HOSTILE = {
    "vrt": b"<VRTDataset rasterXSize='256' rasterYSize='256'><VRTRasterBand dataType='Byte' "
    b"band='1' subClass='VRTRawRasterBand'><SourceFilename>/etc/passwd</SourceFilename>"
    b"</VRTRasterBand></VRTDataset>",
    "page": b"<html>please log in</html>",
    "tiff": b"II*\x00\x08\x00\x00\x00",
    "cut short": picture(np.zeros((256, 256, 3)))[:-20],
    "JPEG cut short": picture(np.zeros((256, 256, 3)), "JPEG")[:-70],
    "WebP cut short": picture(np.zeros((256, 256, 3)), "WEBP")[:-2],
    "long": picture(np.zeros((256, 128, 3))),
    "giant": picture(np.zeros((5000, 5000))),
    "16 bits": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_tile_is_refused(tmp_path: Path, name: str) -> None:
    body = HOSTILE[name]
    if name == "16 bits":
        stream = io.BytesIO()
        Image.fromarray(np.zeros((256, 256), np.uint16)).save(stream, "PNG")
        body = stream.getvalue()
    with serve(lambda path: (200, body, {})) as server:
        with pytest.raises(RasterOpenError, match=r"xyz:http://127"):
            surveyed(server.url + "/{z}/{x}/{y}", tmp_path, area_round(16.37, 48.21))


def test_fetched_once_and_a_build_that_fails_goes_on(tmp_path: Path) -> None:
    area = area_round(16.37, 48.21, 300.0)
    world, alive = xyz_world("EPSG:32633"), [True]

    def handler(path: str):
        return world(path) if alive[0] else (0, b"", {})

    settings = CutSettings(area=area)
    with serve(handler) as server:
        url = server.url + "/{z}/{x}/{y}.png"
        found = surveyed(url, tmp_path / "cache", area)

        def dies(stage: str, done: int, total: int) -> None:
            alive[0] = not (stage == "tiles" and done)

        with pytest.raises(SourceUnreachableError, match="goes on"):
            build_index(found, tmp_path / "city.cvgl", StubDescriber(), settings, progress=dies)
        alive[0] = True
        again = surveyed(url, tmp_path / "cache", area)
        build_index(again, tmp_path / "city.cvgl", StubDescriber(), settings)
        asked = list(server.asked)
        build_index(again, tmp_path / "other.cvgl", StubDescriber(), settings)
        assert server.asked == asked  # all of it lies in the cache
    city = tmp_path / "city.cvgl"
    assert folder_bytes(city / "shards") == folder_bytes(tmp_path / "other.cvgl" / "shards")
    source = Index.open(city).manifest.sources[0]
    assert source.driver == "XYZ" and source.name.startswith("xyz:127.0.0.1 zoom ")


def test_terms_area_and_a_word_about_both(tmp_path: Path, caplog) -> None:
    area = area_round(16.37, 48.21)
    with serve(xyz_world("EPSG:32633")) as server:
        sources = list_sources([server.url + "/{z}/{x}/{y}.png"])
        with pytest.raises(SettingsError, match=r"127\.0\.0\.1: .*--accept-terms 127\.0\.0\.1"):
            take_survey(sources, SurveySettings(wanted=Wanted(area)))
        with pytest.raises(SettingsError, match="--aoi"):
            take_survey(sources, SurveySettings(accepted=(HOST,)))
        assert server.asked == []
        with caplog.at_level(logging.WARNING):
            surveyed(server.url + "/{z}/{x}/{y}.png", tmp_path, area)
        assert "tiles will be fetched from 127.0.0.1" in caplog.text and "terms" in caplog.text
        far = surveyed(server.url + "/{z}/{x}/{y}.png", tmp_path, area_round(16.5, 48.21))
        with pytest.raises(EmptyCoverageError, match="outside"):
            cut(far, area)
    with pytest.raises(SettingsError, match="too many"):
        level_of(Service("xyz", "http://h/{z}/{x}/{y}"), box(0, 40, 20, 60), 0.5, 72.0)


def test_names_of_services() -> None:
    assert parse_service("https://h/{z}/{x}/{y}.png").kind == "xyz"
    assert parse_service("XYZ:https://h/{z}/{x}/{-y}").kind == "xyz"
    assert parse_service("wms:https://h/p?layers=a").name == "wms:h"
    for text in ("ortho.tif", "https://h/a.tif", "wms.tif", "xyz:ortho.tif", "s3://a/{x}"):
        assert parse_service(text) is None
    for text in ("https://h/{x}/{y}", "https://{s}.h/{z}/{x}/{y}", "https://h/{z}/{x}/{y}/{-y}"):
        with pytest.raises(SettingsError, match="z"):
            parse_service(text)
    service = parse_service("wms:https://user:pass@h/p?layers=a&key=secret")
    assert "pass" not in f"{service} {service!r}" and "secret" not in f"{service} {service!r}"


def wms_world(world: str) -> Handler:
    def answer(path: str) -> tuple[int, bytes, dict[str, str]]:
        asked = {k.lower(): v[0] for k, v in parse_qs(urlsplit(path).query).items()}
        assert asked["request"] == "GetMap" and asked["map"] == "ortho" and asked["width"] == "512"
        if asked["layers"] != "dop":
            text = "<ServiceExceptionReport>Layer not defined</ServiceExceptionReport>"
            return 200, text.encode(), {"Content-Type": "text/xml"}
        crs = asked.get("srs") or asked["crs"]
        bounds = tuple(float(part) for part in asked["bbox"].split(","))
        return 200, picture(world_at(crs, bounds, 512, world)), {}

    return answer


@pytest.mark.parametrize("more", ["", "&crs=EPSG:25833", "&crs=EPSG:25833&version=1.3.0"])
def test_pixels_of_wms_are_where_they_belong(tmp_path: Path, more: str) -> None:
    area = area_round(16.37, 48.21)
    with serve(wms_world("EPSG:32633")) as server:
        url = f"wms:{server.url}/cgi?MAP=ortho&layers=dop{more}"
        found = surveyed(url, tmp_path, area)
        assert found[0].crs == ("EPSG:25833" if more else "EPSG:3857")
        assert found[0].gsd_m_per_px == pytest.approx(1.0, rel=0.05)
        assert_in_place(*cut(found, area))
        with pytest.raises(RasterOpenError, match="Layer not defined"):
            surveyed(url.replace("=dop", "=dom"), tmp_path, area)
        for end in ("", "?layers=a&crs=EPSG:4326", "?layers=a&crs=EPSG:31468&version=1.3.0"):
            text = f"wms:{server.url}/cgi{end}"
            with pytest.raises(SettingsError):
                surveyed(text, tmp_path, area)


CAPABILITIES = """<Capabilities xmlns="http://www.opengis.net/wmts/1.0"
 xmlns:ows="http://www.opengis.net/ows/1.1"><Contents>
<Layer><ows:Identifier>dop 20</ows:Identifier><Style isDefault="true">
<ows:Identifier>normal</ows:Identifier></Style><Format>image/jpeg</Format><Format>image/png</Format>
<TileMatrixSetLink><TileMatrixSet>world</TileMatrixSet></TileMatrixSetLink>
<TileMatrixSetLink><TileMatrixSet>grid</TileMatrixSet></TileMatrixSetLink>{resource}</Layer>
<TileMatrixSet><ows:Identifier>world</ows:Identifier>
<ows:SupportedCRS>urn:ogc:def:crs:OGC:1.3:CRS84</ows:SupportedCRS></TileMatrixSet>
<TileMatrixSet><ows:Identifier>grid</ows:Identifier>
<ows:SupportedCRS>urn:ogc:def:crs:EPSG::{epsg}</ows:SupportedCRS>{matrices}</TileMatrixSet>
</Contents></Capabilities>"""
MATRIX = """<TileMatrix><ows:Identifier>L{n}</ows:Identifier><ScaleDenominator>{scale!r}
</ScaleDenominator><TopLeftCorner>{corner}</TopLeftCorner><TileWidth>256</TileWidth>
<TileHeight>256</TileHeight><MatrixWidth>{size}</MatrixWidth><MatrixHeight>{size}</MatrixHeight>
</TileMatrix>"""
TOP, SIDES = 6_000_000.0, (64.0, 8.0, 0.8)


def wmts_world(kind: str, host: str = "") -> Handler:
    """A WMTS in a national grid: "rest" by templates, "kvp" by queries, "north" with y first."""
    left, epsg = (4_000_000.0, 31468) if kind == "north" else (-500_000.0, 25832)
    corner = f"{TOP} {left}" if kind == "north" else f"{left} {TOP}"

    def answer(path: str) -> tuple[int, bytes, dict[str, str]]:
        parts = urlsplit(path)
        asked = {k.lower(): v[0] for k, v in parse_qs(parts.query).items()}
        if parts.path.endswith(".xml") or asked.get("request") == "GetCapabilities":
            matrices = "".join(
                MATRIX.format(n=n, scale=side / 0.00028, corner=corner, size=2**20)
                for n, side in enumerate(SIDES)
            )
            template = (
                f'<ResourceURL format="image/png" resourceType="tile" template="{host or HERE[0]}'
                '/t/{Style}/{TileMatrixSet}/{TileMatrix}/{TileRow}/{TileCol}.png"/>'
            )
            text = CAPABILITIES.format(
                epsg=epsg, matrices=matrices, resource="" if kind == "kvp" else template
            )
            return 200, text.encode(), {}
        if kind == "kvp":
            assert asked["layer"] == "dop 20" and asked["format"] == "image/png"
            name, row, col = asked["tilematrix"], asked["tilerow"], asked["tilecol"]
        else:
            _, _, style, grid, name, row, col = parts.path.removesuffix(".png").split("/")
            assert (style, grid) == ("normal", "grid")
        span = SIDES[int(name[1:])] * 256
        x, y = left + int(col) * span, TOP - int(row) * span
        bounds = (x, y - span, x + span, y)
        return 200, picture(world_at(f"EPSG:{epsg}", bounds, 256, "EPSG:32633")), {}

    return answer


HERE = [""]


@pytest.mark.parametrize("kind", ["rest", "kvp", "north"])
def test_pixels_of_wmts_are_where_they_belong(tmp_path: Path, kind: str) -> None:
    area = area_round(12.8, 48.21)
    with serve(wmts_world(kind)) as server:
        HERE[0] = server.url
        end = "caps.xml?" if kind == "rest" else "wmts?"
        found = surveyed(f"wmts:{server.url}/{end}layer=dop%2020", tmp_path, area)
        assert found[0].path.label.endswith("level L2")
        assert_in_place(*cut(found, area, "EPSG:32633"))


def test_a_wmts_may_not_lead_elsewhere(tmp_path: Path) -> None:
    area = area_round(12.8, 48.21)
    for host in ("http://elsewhere.example", "file:///etc", "ftp://127.0.0.1"):
        with serve(wmts_world("rest", host)) as server:
            with pytest.raises(SettingsError, match="another host"):
                surveyed(f"wmts:{server.url}/caps.xml?layer=dop%2020", tmp_path, area)
            assert len(server.asked) == 1
    with serve(wmts_world("rest")) as server:
        HERE[0] = server.url
        with pytest.raises(SettingsError, match="dop 20"):
            surveyed(f"wmts:{server.url}/caps.xml?layer=dom", tmp_path, area)
    entity = (
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><Capabilities>&b;</Capabilities>'
    )
    for body in (b"", b"hello", b"<Capabilities/>", entity):
        with serve(lambda path, body=body: (200, body, {})) as server:
            with pytest.raises(RasterOpenError, match="WMTS"):
                surveyed(f"wmts:{server.url}/caps.xml?layer=dop", tmp_path, area)


def test_from_the_command_line(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("tiling.engines.load_describer", lambda *args, **options: StubDescriber())
    area = ",".join(map(str, area_round(16.37, 48.21).bounds))
    with serve(xyz_world("EPSG:32633")) as server:
        url, city = server.url + "/{z}/{x}/{y}.png", tmp_path / "city.cvgl"
        command = ["build", url, "-o", str(city), "--aoi", area, "--json"]
        options = ["--accept-terms", HOST, "--tile-cache", str(tmp_path / "cache"), "--zoom", "18"]
        assert run(app, "cvgl-tile", command) == 11 and server.asked == []
        assert "--accept-terms 127.0.0.1" in capsys.readouterr().err
        assert run(app, "cvgl-tile", command + options) == 0
        out, err = capsys.readouterr()
        assert json.loads(out)["tiles"] > 0 and "127.0.0.1" in err
        assert all(path.startswith("/18/") for path in server.asked)
    assert any((tmp_path / "cache").rglob("*"))

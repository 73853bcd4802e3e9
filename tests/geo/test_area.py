"""Areas asked for: polygons of any shape, in any format, on either side of 180 degrees."""

import json
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from shapely.geometry import MultiPolygon, Point, Polygon, box, mapping

from cvgl_core.errors import SettingsError
from cvgl_core.geo.area import read_area, to_grid

RING = Polygon(box(16.30, 48.20, 16.34, 48.23).exterior, [box(16.31, 48.21, 16.33, 48.22).exterior])
PAIR = MultiPolygon([box(16.30, 48.20, 16.31, 48.21), box(16.33, 48.22, 16.34, 48.23)])
SHAPES = {"ring with a hole": RING, "two parts": PAIR}


def geojson(path: Path, *geometries: object, kind: str = "collection") -> Path:
    features = [
        {"type": "Feature", "properties": {}, "geometry": g and mapping(g)} for g in geometries
    ]
    document = {
        "collection": {"type": "FeatureCollection", "features": features},
        "feature": features[0],
        "geometry": features[0]["geometry"],
    }[kind]
    path.write_text(json.dumps(document))
    return path


def same(one: object, other: object, share: float = 1e-4) -> bool:
    return shapely.symmetric_difference(one, other).area < share * shapely.area(other)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(
    ("suffix", "crs"),
    [
        *((suffix, "EPSG:4326") for suffix in ("geojson", "gpkg", "shp", "fgb", "kml")),
        *((suffix, "EPSG:31287") for suffix in ("gpkg", "shp", "fgb")),  # the others are in degrees
    ],
)
def test_polygons_of_any_format(tmp_path: Path, name: str, suffix: str, crs: str) -> None:
    path = tmp_path / f"area.{suffix}"
    frame = geopandas.GeoDataFrame(geometry=[SHAPES[name], None], crs="EPSG:4326").to_crs(crs)
    if suffix in ("fgb", "kml"):
        frame = frame.iloc[:1]
    frame.to_file(path, driver={"kml": "KML", "fgb": "FlatGeobuf"}.get(suffix))
    bent = 2e-3 if crs != "EPSG:4326" else 1e-4  # edges are straight in the file's CRS
    assert same(read_area(str(path)), SHAPES[name], bent)


@pytest.mark.parametrize("kind", ["collection", "feature", "geometry"])
def test_the_kinds_of_geojson(tmp_path: Path, kind: str) -> None:
    assert same(read_area(str(geojson(tmp_path / "a.json", RING, kind=kind))), RING)
    mixed = geojson(
        tmp_path / "b.json", RING, None, Point(1, 2), shapely.LineString([(0, 0), (1, 1)])
    )
    assert same(read_area(str(mixed)), RING)


FIJI = box(179.9, -16.9, 180.1, -16.7)
SPLIT = MultiPolygon([box(179.9, -16.9, 180.0, -16.7), box(-180.0, -16.9, -179.9, -16.7)])


def test_across_180_degrees_however_it_is_written(tmp_path: Path) -> None:
    def saved(name: str, *shapes: object, crs: str = "EPSG:4326") -> Path:
        path = tmp_path / name
        geopandas.GeoDataFrame(geometry=list(shapes), crs=crs).to_file(path)
        return path

    pacific = geopandas.GeoSeries([FIJI], crs="EPSG:4326").to_crs("EPSG:3832")
    zone = geopandas.GeoSeries([FIJI], crs="EPSG:4326").to_crs("EPSG:32701")
    for path, tolerance in (
        (geojson(tmp_path / "split.json", SPLIT), 0.0),
        (geojson(tmp_path / "two.json", *SPLIT.geoms), 0.0),
        (geojson(tmp_path / "beyond.json", FIJI), 0.0),
        (saved("split.gpkg", SPLIT), 0.0),
        (saved("pacific.gpkg", *pacific, crs="EPSG:3832"), 1e-3),
        (saved("zone.shp", *zone, crs="EPSG:32701"), 1e-3),
    ):
        area = read_area(str(path))
        assert np.allclose(area.bounds, FIJI.bounds, atol=1e-4 + tolerance), path
        assert same(to_grid(area, "EPSG:32701"), to_grid(FIJI, "EPSG:32701")) or tolerance
        assert to_grid(area, "EPSG:32701").area == pytest.approx(
            to_grid(FIJI, "EPSG:32701").area, rel=0.01
        )
    assert read_area("179.9,-16.9,-179.9,-16.7").bounds == pytest.approx(FIJI.bounds)
    both = geojson(tmp_path / "far.json", box(-100, 0, -99, 1), box(50, 0, 51, 1))
    assert read_area(str(both)).bounds == (-100, 0, 51, 1)


BAD = {
    "edge.json": json.dumps(mapping(Polygon([(179, -17), (-179, -17), (-179, -16), (179, -16)]))),
    "metres.json": json.dumps(mapping(box(500_000, 5_400_000, 500_900, 5_400_900))),
    "points.json": json.dumps(mapping(Point(16, 48))),
    "list.json": "[1, 2]",
    "text.json": "hello",
    "text.gpkg": "hello",
    "list.csv": "x,y\n1,2\n",
    "disguised.gpkg": "<OGRVRTDataSource><OGRVRTLayer name='a'><SrcDataSource>/etc/passwd"
    "</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>",
    "disguised.kml": "<OGRVRTDataSource><!-- kml --></OGRVRTDataSource>",
}


@pytest.mark.parametrize("name", BAD)
def test_what_holds_no_area_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(BAD[name])
    with pytest.raises(SettingsError, match=name.replace(".", r"\.")):
        read_area(str(tmp_path / name))


def test_a_layer_without_a_coordinate_system(tmp_path: Path) -> None:
    geopandas.GeoDataFrame(geometry=[RING]).to_file(tmp_path / "a.shp")
    with pytest.raises(SettingsError, match="coordinate system"):
        read_area(str(tmp_path / "a.shp"))

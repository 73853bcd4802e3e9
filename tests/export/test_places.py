"""One row per photo on the map, and the search grid, read back by other programs."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import geopandas
import pyarrow.parquet as pq
import pyogrio
import pytest
from shapely.geometry import shape

from cvgl_core.errors import OutputError
from cvgl_core.export.geojson import write_geojson
from cvgl_core.export.geopackage import write_geopackage
from cvgl_core.export.grid_file import write_grid
from cvgl_core.export.heatmap import write_heatmap
from cvgl_core.export.places import write_parquet, write_places
from cvgl_core.export.rows import COLUMNS
from cvgl_core.export.saved import read_saved
from cvgl_core.export.search_grid import SHADES, read_search_grid
from cvgl_core.types import Failure

FAILURE = Failure("b.jpg", "PhotoOpenError", "b.jpg: is damaged; copy it again", 31)


@pytest.fixture
def rows(tmp_path, make):
    """A photo with a heatmap, one that failed, one on the antimeridian without a heatmap."""
    for name, lon in (("a", 8.54), ("c", 179.99995)):
        write_geojson(tmp_path / f"{name}.geojson", make(lon).result)
    write_heatmap(tmp_path / "a.heatmap.tif", make().result)
    first, last = read_saved([tmp_path / "a.geojson", tmp_path / "c.geojson"])
    return [first, FAILURE, last]


def test_a_feature_per_photo_in_order(tmp_path, rows):
    write_places(tmp_path / "all.geojson", rows)
    features = json.loads((tmp_path / "all.geojson").read_text("utf-8"))["features"]
    assert [f["properties"]["status"] for f in features] == ["done", "failed", "done"]
    assert all(list(f["properties"]) == list(COLUMNS) for f in features)
    assert features[0]["geometry"]["coordinates"] == [8.54, 47.37]
    assert features[1]["geometry"] is None
    assert features[1]["properties"]["error"] == "PhotoOpenError"
    assert "copy it again" in features[1]["properties"]["message"]


def test_the_same_as_parquet(tmp_path, rows):
    path = tmp_path / "all.parquet"
    write_parquet(path, rows)
    frame = geopandas.read_parquet(path)
    assert frame.crs.to_epsg() == 4326
    assert list(frame["status"]) == ["done", "failed", "done"]
    assert list(frame.geometry.isna()) == [False, True, False]
    assert frame.geometry.x[2] == pytest.approx(179.99995)


def test_types_of_columns_do_not_depend_on_the_values(tmp_path, rows):
    kinds = []
    for number, some in enumerate((rows, [FAILURE], [])):
        write_parquet(tmp_path / f"{number}.parquet", some)
        schema = pq.read_schema(tmp_path / f"{number}.parquet")
        kinds.append([str(schema.field(name).type) for name in COLUMNS])
    assert kinds[0] == kinds[1] == kinds[2]


def test_cells_are_ranked_coloured_and_there_to_be_filled_in(tmp_path, rows):
    write_grid(tmp_path / "grid.geojson", rows, 20.0)
    features = json.loads((tmp_path / "grid.geojson").read_text("utf-8"))["features"]
    cells = [f for f in features if f["properties"]["status"] == "done"]
    expected = read_search_grid(tmp_path / "a.heatmap.tif", 20.0)
    assert [f["properties"]["rank"] for f in cells] == [cell.rank for cell in expected]
    first, last = cells[0]["properties"], cells[-1]["properties"]
    assert first["probability"] == pytest.approx(expected[0].probability, abs=1e-6)
    assert (first["shade"], first["fill"]) == (len(SHADES), SHADES[-1].colour)
    assert last["shade"] < first["shade"]
    assert (first["searched"], first["searched_by"], first["note"]) == (False, None, None)
    assert all(shape(f["geometry"]).is_valid for f in cells)
    missing = [f for f in features if f["geometry"] is None]
    assert [f["properties"]["error"] for f in missing] == ["PhotoOpenError", "ResultFileError"]


def test_qgis_finds_the_colours(tmp_path, rows):
    write_grid(tmp_path / "grid.geojson", rows)
    write_geopackage(tmp_path / "all.gpkg", rows)
    style = ET.parse(tmp_path / "grid.qml").getroot()
    renderer = style.find("renderer-v2")
    assert renderer.get("attr") == "shade"
    values = [category.get("value") for category in renderer.iter("category")]
    assert values == ["1", "2", "3", "4", "5"]
    fills = [option.get("value") for option in renderer.iter("Option")
             if option.get("name") == "color"]  # fmt: skip
    assert fills[-1] == "255,93,93,191"
    kept = pyogrio.read_dataframe(tmp_path / "all.gpkg", layer="layer_styles")
    assert list(kept["f_table_name"]) == ["estimate", "search_cell"]
    assert kept["useAsDefault"].all()
    for name, qml in zip(kept["f_table_name"], kept["styleQML"], strict=True):
        attribute = ET.fromstring(qml).find("renderer-v2").get("attr")
        assert attribute in pyogrio.read_info(tmp_path / "all.gpkg", layer=name)["fields"]
    cells = pyogrio.read_dataframe(tmp_path / "all.gpkg", layer="search_cell")
    assert set(cells["result"]) == {"a"}
    assert cells["rank"].min() == 1


def test_more_photos_than_are_held_at_a_time(tmp_path, rows):
    write_geopackage(tmp_path / "all.gpkg", rows * 101)
    assert pyogrio.read_info(tmp_path / "all.gpkg", layer="estimate")["features"] == 202
    assert pyogrio.read_info(tmp_path / "all.gpkg", layer="failure")["features"] == 101


@pytest.mark.parametrize("write", [write_places, write_parquet, write_grid])
def test_a_folder_that_cannot_be_made_is_named(tmp_path, rows, write):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/out.*: cannot be written"):
        write(tmp_path / "file" / "out", rows)

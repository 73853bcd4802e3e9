"""Results as a GeoPackage that QGIS opens coloured: a layer for each kind of shape.

``estimate``, ``candidate``, ``credible_region``, ``search_cell`` (the ranked search grid, where
there are heatmaps) and ``failure``. Every row names its photo (``photo``) and, but for failures,
its result (``result``), so that layers can be joined.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import geopandas
import pandas
from pyogrio import write_dataframe
from pyogrio.errors import DataSourceError
from shapely.geometry import MultiPolygon, Polygon, shape

from cvgl_core.errors import OutputError
from cvgl_core.export.grid_file import cell_rows
from cvgl_core.export.qgis_style import cells_qml, estimates_qml
from cvgl_core.export.rows import ESTIMATE_COLUMNS, NUMBER, TEXT, WHOLE, columns_of
from cvgl_core.export.saved import Row, SavedResult
from cvgl_core.fsio import output_errors, write_bytes
from cvgl_core.geo import geometry
from cvgl_core.types import Failure

CRS = "EPSG:4326"
_NAMES = {"result": TEXT, "photo": TEXT}
_ANALYST = {"analyst_confidence": TEXT, "analyst_note": TEXT}
LAYERS = {
    "estimate": {"result": TEXT} | ESTIMATE_COLUMNS,
    "candidate": _NAMES
    | {"rank": WHOLE, "retrieval_rank": WHOLE, "tile_id": TEXT, "index_id": TEXT}
    | dict.fromkeys(("score", "retrieval_score", "match_score", "presence_score"), NUMBER)
    | {"probability": NUMBER}
    | dict.fromkeys(("lon", "lat", "heading_deg"), NUMBER)
    | _ANALYST,
    "credible_region": _NAMES | {"level": NUMBER, "area_m2": NUMBER},
    "search_cell": _NAMES
    | {"verdict": TEXT, "rank": WHOLE, "probability": NUMBER, "shade": WHOLE}
    | {"searched": "boolean", "searched_by": TEXT, "note": TEXT},
    "failure": {"photo": TEXT, "error": TEXT, "message": TEXT, "exit_code": WHOLE},
}
_GEOMETRY, _STYLES = "geom", "layer_styles"
_AT_A_TIME = 100
"""Photos held in memory."""


def write_geopackage(path: Path, rows: Iterable[Row], cell_m: float | None = None) -> None:
    """Write the layers atomically, in degrees; a layer of which there is nothing is left out.

    Raises:
        ResultFileError: a heatmap cannot be read.
        OutputError: the disk is full or the folder cannot be written.
    """
    remaining = iter(rows)
    with TemporaryDirectory() as folder, output_errors(path):
        package = _Package(Path(folder) / "results.gpkg", set())  # GDAL wants the suffix
        try:
            while part := list(islice(remaining, _AT_A_TIME)):
                for layer in LAYERS:
                    package.add(layer, [one for row in part for one in _rows(row, layer, cell_m)])
            package.finish()
        except DataSourceError as error:
            raise OutputError(f"{path}: cannot be made ({error})") from error
        write_bytes(path, package.path.read_bytes())


@dataclass(frozen=True)
class _Package:
    """A GeoPackage that grows, and the layers that it has."""

    path: Path
    layers: set[str]

    def add(self, layer: str, rows: list[dict[str, Any]]) -> None:
        """Append rows to a layer."""
        if not rows:
            return
        table: pandas.DataFrame = pandas.DataFrame(columns_of(rows, LAYERS[layer]))
        if "geometry" in rows[0]:
            shapes = geopandas.GeoSeries([row["geometry"] for row in rows], crs=CRS)
            table = geopandas.GeoDataFrame(table, geometry=shapes)
        new = layer not in self.layers
        options = {"GEOMETRY_NAME": _GEOMETRY} if new and "geometry" in rows[0] else {}
        self.layers.add(layer)
        write_dataframe(
            table, self.path, layer=layer, append=not new, use_arrow=True, layer_options=options
        )

    def finish(self) -> None:
        """Add the styles of the layers, in the table where QGIS looks for them."""
        styles = {"estimate": estimates_qml(), "search_cell": cells_qml()}
        found = [
            {
                "f_table_catalog": "",
                "f_table_schema": "",
                "f_table_name": layer,
                "f_geometry_column": _GEOMETRY,
                "styleName": "cvgl",
                "styleQML": qml,
                "styleSLD": "",
                "useAsDefault": True,
                "description": "colours of cvgl",
                "owner": "",
                "ui": "",
            }
            for layer, qml in styles.items()
            if layer in self.layers
        ]
        if found:
            table = pandas.DataFrame(found)
            table["update_time"] = pandas.Timestamp(0)  # the same results give the same rows
            write_dataframe(table, self.path, layer=_STYLES)


def _rows(row: Row, layer: str, cell_m: float | None) -> Iterator[dict[str, Any]]:
    """Yield what a photo adds to a layer: values and geometry; polygons as one type."""
    if isinstance(row, Failure):
        if layer == "failure":
            yield asdict(row) | {"photo": row.item}
        return
    found = _cells(row, cell_m) if layer == "search_cell" else _shapes(row, layer)
    for values, place in found:
        if isinstance(place, Polygon):
            place = MultiPolygon([place])
        yield {"result": row.name, "photo": row.estimate["photo"]} | values | {"geometry": place}


def _shapes(result: SavedResult, kind: str) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield a result's features of a kind: properties and shape."""
    for feature in result.features(kind):
        yield feature["properties"], shape(feature["geometry"])


def _cells(result: SavedResult, cell_m: float | None) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield the cells of a result's search grid: properties and shape."""
    for values in cell_rows(result, cell_m):
        yield values, shape(geometry(values["polygons"]))

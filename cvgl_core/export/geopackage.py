"""Results as a GeoPackage: layers ``estimate``, ``candidate``, ``credible_region``, ``failure``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import geopandas
import pandas
from pyogrio import write_dataframe
from pyogrio.errors import DataSourceError
from shapely.geometry import MultiPolygon, Polygon, shape

from cvgl_core.errors import OutputError
from cvgl_core.export.saved import SavedResult
from cvgl_core.fsio import output_errors, write_bytes
from cvgl_core.types import Failure

CRS = "EPSG:4326"
KINDS = ("estimate", "candidate", "credible_region")


def write_geopackage(
    path: Path, results: Sequence[SavedResult], failures: Sequence[Failure]
) -> None:
    """Write the layers atomically, in degrees; a layer of which there is nothing is left out.

    Every row names its photo (``photo``) and its result (``result``), so that layers can be joined.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    with TemporaryDirectory() as folder, output_errors(path):
        made = Path(folder) / "results.gpkg"  # GDAL wants the suffix, a temporary name has another
        try:
            for kind in KINDS:
                rows = [row for result in results for row in _rows(result, kind)]
                if rows:
                    frame = geopandas.GeoDataFrame(rows, geometry="geometry", crs=CRS)
                    write_dataframe(frame, made, layer=kind)
            if failures:
                table = pandas.DataFrame([asdict(one) for one in failures])
                write_dataframe(table, made, layer="failure")
        except DataSourceError as error:
            raise OutputError(f"{path}: cannot be made ({error})") from error
        write_bytes(path, made.read_bytes())


def _rows(result: SavedResult, kind: str) -> list[dict[str, Any]]:
    """Return a result's features of a kind: properties and geometry; polygons as one type."""
    rows = []
    for feature in result.features(kind):
        place = shape(feature["geometry"])
        if isinstance(place, Polygon):
            place = MultiPolygon([place])
        photo = {"result": result.name, "photo": result.estimate["photo"]}
        rows.append(photo | feature["properties"] | {"geometry": place})
    return rows

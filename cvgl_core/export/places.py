"""One row per photo on the map: a single GeoJSON, or GeoParquet 1.0 for those who analyse many.

Points in degrees, WGS 84; photos that failed are rows without a place.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from shapely.geometry import Point

from cvgl_core.export.geojson import to_line
from cvgl_core.export.rows import COLUMNS, columns_of, row_values
from cvgl_core.export.saved import Row
from cvgl_core.fsio import atomic_path, write_bytes

CRS = "EPSG:4326"


def write_places(path: Path, rows: Iterable[Row]) -> None:
    """Write a FeatureCollection of points atomically, a feature a line; null ones have no place.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    features = []
    for row in rows:
        values = row_values(path, row)
        place = None
        if values["lon"] is not None:
            place = {"type": "Point", "coordinates": [values["lon"], values["lat"]]}
        features.append(to_line({"type": "Feature", "geometry": place, "properties": values}))
    text = '{"type":"FeatureCollection","features":[\n' + ",\n".join(features) + "\n]}\n"
    write_bytes(path, text.encode())


def write_parquet(path: Path, rows: Iterable[Row]) -> None:
    """Write the same as GeoParquet atomically; the types of columns never depend on the values.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    import geopandas

    values = [row_values(path, row) for row in rows]
    places = [
        None if row["lon"] is None else Point(row["lon"], row["lat"])  # a photo that failed
        for row in values
    ]
    frame = geopandas.GeoDataFrame(columns_of(values, COLUMNS), geometry=places, crs=CRS)
    with atomic_path(path) as temporary:
        frame.to_parquet(temporary, index=False)

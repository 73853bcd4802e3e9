"""Reads OpenStreetMap extracts (.osm, .osm.pbf, .osm.gz) through GDAL's driver."""

from __future__ import annotations

import gzip
import re
import shutil
import tempfile
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from shapely import make_valid, transform
from shapely.geometry import LineString, MultiLineString, Polygon, box
from shapely.geometry.base import BaseGeometry

from cvgl_core.errors import SettingsError
from cvgl_core.geo.crs import metric_crs_for
from cvgl_core.types import FloatArray

_TAG = re.compile(r'"((?:[^"\\]|\\.)*)"=>"((?:[^"\\]|\\.)*)"')
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_LAYERS = ("points", "lines", "multipolygons")
_CELL_M = 50.0
_MARGIN_M = 30.0


@dataclass(frozen=True)
class Feature:
    """One object of the map: its shape in the city frame, and its tags."""

    shape: BaseGeometry
    tags: dict[str, str]


@dataclass(frozen=True)
class Extract:
    """What an extract holds inside one square, and where that square lies."""

    crs: str
    east_m: float
    north_m: float
    points: tuple[Feature, ...]
    lines: tuple[Feature, ...]
    polygons: tuple[Feature, ...]


def parse_tags(text: str) -> dict[str, str]:
    """Return the pairs of GDAL's ``other_tags`` text (``"key"=>"value","key"=>"value"``)."""
    pairs = _TAG.findall(text)
    return {re.sub(r"\\(.)", r"\1", k): re.sub(r"\\(.)", r"\1", v) for k, v in pairs}


@contextmanager
def _plain_file(path: Path) -> Iterator[Path]:
    """Yield the path of an uncompressed copy of a ``.gz`` file, or the path itself."""
    if path.suffix != ".gz":
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="cvgl-osm-") as folder:
        target = Path(folder) / path.stem
        try:
            with gzip.open(path, "rb") as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink)
        except (OSError, EOFError, zlib.error) as error:
            raise SettingsError(f"{path}: not a whole gzip file ({error})") from error
        yield target


def _read_layers(path: Path) -> tuple[Any, ...]:
    """Return GDAL's three tables of an extract.

    Raises:
        SettingsError: GDAL cannot read the file as OpenStreetMap data.
    """
    import pyogrio

    problem: Exception | None = None
    with _plain_file(path) as plain, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for fast in ("YES", "NO"):  # the fast way asks for nodes in ascending order
            pyogrio.set_gdal_config_options({"OSM_USE_CUSTOM_INDEXING": fast})
            try:
                return tuple(
                    pyogrio.read_dataframe(plain, layer=layer, on_invalid="ignore")
                    for layer in _LAYERS
                )
            except (RuntimeError, ValueError) as error:
                problem = error
            finally:
                pyogrio.set_gdal_config_options({"OSM_USE_CUSTOM_INDEXING": None})
    raise SettingsError(
        f"{path}: cannot be read as an OpenStreetMap extract ({problem}); "
        "give an .osm, .osm.pbf or .osm.gz file"
    ) from problem


def _features(table: Any, crs: str) -> list[Feature]:
    """Return a table's rows in a metric CRS; a hostile or broken row is left out."""
    table = table[table.geometry.notna()]
    if len(table) == 0:
        return []
    table = table.to_crs(crs)
    skip = {"geometry", "other_tags", "osm_id", "osm_way_id", "z_order"}
    names = [c for c in table.columns if c not in skip]
    columns = {c: table[c].tolist() for c in names}
    others = table["other_tags"].tolist() if "other_tags" in table else [None] * len(table)
    out = []
    for i, shape in enumerate(table.geometry):
        if shape.is_empty or not np.isfinite(shape.bounds).all():
            continue
        tags = parse_tags(str(others[i])) if isinstance(others[i], str) else {}
        tags.update({c: v[i] for c, v in columns.items() if isinstance(v[i], str)})
        out.append(Feature(shape, tags))
    return out


def _valid(shape: BaseGeometry) -> BaseGeometry:
    """Return the shape, mended if it crosses itself."""
    return shape if shape.is_valid else make_valid(shape)


def _densest_corner(places: FloatArray, size_m: float) -> tuple[float, float]:
    """Return west and north of the square that holds most of the places ``[N, 2]``."""
    import cv2

    low = places.min(axis=0)
    cells = np.floor((places - low) / _CELL_M).astype(int)
    shape = cells.max(axis=0) + 1
    if shape.prod() > 40_000_000:
        raise SettingsError("the extract spans too large an area; cut it to one city first")
    count = np.zeros((int(shape[1]), int(shape[0])), np.float32)
    np.add.at(count, (cells[:, 1], cells[:, 0]), 1.0)
    count = np.minimum(count, 40.0)
    span = max(1, round(size_m / _CELL_M)) | 1
    dense = cv2.boxFilter(count, -1, (span, span), normalize=False, borderType=cv2.BORDER_CONSTANT)
    best = dense >= dense.max() - 1e-3
    row, col = np.argwhere(best).mean(axis=0)
    centre = low + (np.array([col, row]) + 0.5) * _CELL_M
    return float(round(centre[0] - size_m / 2)), float(round(centre[1] + size_m / 2))


def read_extract(path: Path, size_m: float) -> Extract:
    """Return what lies in the square of ``size_m`` around the densest part of an extract.

    Raises:
        SettingsError: the file is missing, unreadable, or holds neither streets nor buildings.
    """
    if not path.is_file():
        raise SettingsError(f"{path}: no such OpenStreetMap extract")
    tables = _read_layers(path)
    shapes = tables[1].geometry
    shapes = shapes[shapes.notna()]
    if len(shapes) == 0:
        raise SettingsError(f"{path}: holds no streets; give an extract of a town")
    median = shapes.bounds.median()
    crs = metric_crs_for(float(median.iloc[0]), float(median.iloc[1]))
    points, lines, polygons = (_features(table, crs) for table in tables)
    towns = [f for f in polygons if "building" in f.tags]
    towns = towns or [f for f in lines if "highway" in f.tags]
    if not towns:
        raise SettingsError(f"{path}: no buildings and no streets; give an extract of a town")
    places = np.array([f.shape.representative_point().coords[0] for f in towns])
    east, north = _densest_corner(places, size_m)
    square = box(-_MARGIN_M, -_MARGIN_M, size_m + _MARGIN_M, size_m + _MARGIN_M)

    def moved(features: list[Feature]) -> tuple[Feature, ...]:
        flip = np.array([1.0, -1.0])
        shift = np.array([east, north])
        out = (
            Feature(_valid(transform(f.shape, lambda c: (c - shift) * flip)), f.tags)
            for f in features
        )
        return tuple(f for f in out if f.shape.intersects(square))

    return Extract(crs, east, north, moved(points), moved(lines), moved(polygons))


def number_of(tags: dict[str, str], key: str, low: float, high: float) -> float | None:
    """Return the first number of a tag if it lies between two bounds."""
    found = _NUMBER.search(tags.get(key, "")[:40])
    value = float(found.group()) if found else None
    return value if value is not None and low <= value <= high else None


def polygons_of(shape: BaseGeometry) -> Iterator[Polygon]:
    """Yield the simple polygons of any shape."""
    if isinstance(shape, Polygon):
        if not shape.is_empty and shape.area > 0.5:
            yield shape
    else:
        for part in getattr(shape, "geoms", ()):
            yield from polygons_of(part)


def rings_of(polygon: Polygon) -> tuple[FloatArray, tuple[FloatArray, ...]]:
    """Return a polygon's outline and holes, ``[N, 2]`` each, without the closing point."""
    holes = tuple(np.asarray(r.coords)[:-1, :2] for r in polygon.interiors)
    return np.asarray(polygon.exterior.coords)[:-1, :2], holes


def lines_of(shape: BaseGeometry) -> Iterator[FloatArray]:
    """Yield the lines ``[N, 2]`` of a shape that are longer than a metre."""
    parts = shape.geoms if isinstance(shape, MultiLineString) else [shape]
    for part in parts:
        if isinstance(part, LineString) and part.length > 1.0:
            yield np.asarray(part.coords)[:, :2]


def below_ground(tags: dict[str, str]) -> bool:
    """Tell whether a feature lies in a tunnel or under the ground."""
    hidden = tags.get("tunnel", "no") not in ("no", "building_passage")
    return hidden or tags.get("layer", "0").startswith("-") or tags.get("location") == "underground"

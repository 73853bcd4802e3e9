"""Point clouds of places: PLY, LAS and LAZ in, centred points out."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from cvgl_core.errors import DatasetError, MissingDependencyError
from cvgl_core.types import Float32Array, FloatArray

SUFFIXES = frozenset({".ply", ".las", ".laz"})
_MOST_POINTS = 200_000


def read_points(path: Path) -> Float32Array:
    """Return the points ``[N, 3]`` of a file: east, north, up, as far as it says.

    Their origin is moved to the middle of the bounding box in plan, and to the lowest point (the
    first percentile, for outliers). Of more than 200,000 points evenly spaced ones are taken.

    Raises:
        DatasetError: the file is missing, damaged, of another kind, or holds fewer than 16 points.
        MissingDependencyError: the reader is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise DatasetError(f"{path}: not a point cloud that can be read ({', '.join(SUFFIXES)})")
    try:
        xyz = _ply(path) if path.suffix.lower() == ".ply" else _las(path)
    except MissingDependencyError:
        raise
    except Exception as error:  # whatever a reader throws at hostile bytes
        raise DatasetError(f"{path}: cannot be read as a point cloud ({error!r})") from error
    if xyz.ndim != 2 or xyz.shape[0] < 16 or not np.isfinite(xyz).all():
        raise DatasetError(f"{path}: fewer than 16 points, or some that are not finite")
    xyz = xyz[:: -(-len(xyz) // _MOST_POINTS)]
    middle = (xyz.min(axis=0) + xyz.max(axis=0)) / 2
    middle[2] = np.percentile(xyz[:, 2], 1)
    return np.asarray(xyz - middle, np.float32)


def _ply(path: Path) -> FloatArray:
    trimesh = _reader("trimesh")
    with path.open("rb") as stream:
        found = trimesh.load(stream, file_type="ply", process=False)
    return np.asarray(found.vertices, np.float64).reshape(-1, 3)


def _las(path: Path) -> FloatArray:
    found = _reader("laspy").read(path)
    return np.stack([np.asarray(found[axis], np.float64) for axis in "xyz"], axis=1)


def _reader(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingDependencyError(
            f"point clouds need {name}; run: pip install 'cvgl[points]'"
        ) from error

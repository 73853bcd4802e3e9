"""CVACT (Liu and Li, CVPR 2019): panoramas of Canberra over Google tiles of zoom 20.

``ACT_data.mat`` holds ``panoIds``, ``utm`` (metres of zone 55 south) and the 1-based indices of
the training and validation parts; images lie in ``ANU_data_small``, those of the test in
``ANU_data_test``, which is listed by its folders. The camera stands in the middle of its tile.
This is the door to MATLAB files (version 5: numbers and words, nothing that runs).
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cvgl_core.data.listing import names_in, require_rows, skip
from cvgl_core.data.pairset import PairSet
from cvgl_core.data.webmercator import metres_per_px
from cvgl_core.errors import DatasetError, MissingDependencyError
from cvgl_core.geo import to_lonlat
from cvgl_core.types import Failure, FloatArray, IntArray

ZOOM = 20
TILE_PX = 1200
CRS = "EPSG:32755"
EASTING_M, NORTHING_M = (1e5, 9e5), (1e6, 1e7)
VIEWS, VIEW_END = "streetview", "_grdView.jpg"
TILES, TILE_END = "satview_polish", "_satView_polish.jpg"


@dataclass(frozen=True)
class _Table:
    """What ``ACT_data.mat`` says of all pairs, ``[M]``; indices count from 0."""

    path: Path
    ids: tuple[str, ...]
    utm_m: FloatArray
    parts: dict[str, IntArray]


def load_cvact(root: Path, split: Literal["train", "val", "test"]) -> PairSet:
    """Read a split of CVACT; pairs of which an image is missing are skipped and reported.

    Args:
        root: the folder with ``ACT_data.mat`` and ``ANU_data_small`` or ``ANU_data_test``.
        split: part to load.

    Raises:
        DatasetError: the table is missing or malformed, or none of its images exist.
        MissingDependencyError: SciPy is not installed.
    """
    table = _read_table(Path(root) / "ACT_data.mat")
    folder = Path(root) / ("ANU_data_test" if split == "test" else "ANU_data_small")
    pairs, skipped = _complete_pairs(_listed(table, split, folder), folder)
    require_rows(pairs, skipped, folder if split == "test" else table.path)
    places = _places(table, list(pairs))
    count = len(pairs)
    return PairSet(
        name=f"CVACT {split}",
        labels="centre",
        tile_paths=tuple(folder / TILES / (pair + TILE_END) for pair in pairs),
        tile_lonlat_deg=places,
        tile_side_m=TILE_PX * metres_per_px(places[:, 1], ZOOM),
        view_paths=tuple(folder / VIEWS / (pair + VIEW_END) for pair in pairs),
        view_lonlat_deg=places,
        positive=np.arange(count),
        semi_positive=np.full((count, 3), -1, np.int64),
        camera_uv=np.full((count, 2), 0.5),
        ground_elevation_deg=(90.0, -90.0),
        skipped=tuple(skipped),
        tile_listed=tuple(pairs.values()),
        view_listed=tuple(pairs.values()),
    )


def _listed(table: _Table, split: str, folder: Path) -> list[tuple[str, str]]:
    """Return the names of a part's pairs and where each is listed; the test's by its folders."""
    if split != "test":
        part = table.parts[split]
        return [(table.ids[index], f"{table.path}:panoIds({index + 1})") for index in part]
    names = names_in(folder / VIEWS) | names_in(folder / TILES)
    found = {name.removesuffix(VIEW_END).removesuffix(TILE_END) for name in names}
    return [(pair, str(folder / VIEWS / (pair + VIEW_END))) for pair in sorted(found)]


def _complete_pairs(
    listed: list[tuple[str, str]], folder: Path
) -> tuple[dict[str, str], list[Failure]]:
    """Return pairs that have both images and where each is listed, and what is left out."""
    ends = {VIEWS: VIEW_END, TILES: TILE_END}
    on_disk = {kind: names_in(folder / kind) for kind in ends}
    pairs: dict[str, str] = {}
    skipped: list[Failure] = []
    for pair, where in listed:
        absent = [kind for kind, end in ends.items() if pair + end not in on_disk[kind]]
        if absent:
            kind = absent[0]
            skipped.append(skip(where, f"{pair + ends[kind]} is not in {folder / kind}"))
        elif pair in pairs:
            skipped.append(skip(where, f"{pair} is listed twice"))
        else:
            pairs[pair] = where
    return pairs, skipped


def _places(table: _Table, pairs: list[str]) -> FloatArray:
    """Return longitude and latitude ``[n, 2]``; NaN for pairs that the table does not hold."""
    position = {pair: index for index, pair in enumerate(table.ids)}
    known = np.array([pair in position for pair in pairs], np.bool_)
    places = np.full((len(pairs), 2), np.nan)
    utm_m = table.utm_m[[position[pair] for pair in pairs if pair in position]]
    places[known] = np.stack(to_lonlat(CRS, utm_m[:, 0], utm_m[:, 1]), axis=1)
    return places


def _read_table(path: Path) -> _Table:
    """Read ``ACT_data.mat``.

    Raises:
        DatasetError: it is missing, damaged, or does not hold what it should.
        MissingDependencyError: SciPy is not installed.
    """
    content = _load(path)
    try:
        ids = tuple(str(pair).strip() for pair in np.atleast_1d(content["panoIds"]))
        utm_m = np.asarray(content["utm"], np.float64).reshape(len(ids), 2)
        parts = {
            part: np.atleast_1d(content[f"{part}Set"][f"{part}Ind"].item()).astype(np.int64) - 1
            for part in ("train", "val")
        }
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{path}: panoIds, utm, trainSet.trainInd and valSet.valInd are not as in CVACT's"
            f" file ({type(error).__name__}: {error}); download it again"
        ) from error
    _check_table(path, ids, utm_m, parts)
    return _Table(path, ids, utm_m, parts)


def _check_table(
    path: Path, ids: tuple[str, ...], utm_m: FloatArray, parts: dict[str, IntArray]
) -> None:
    """Refuse coordinates that are not in the zone and indices beyond the list.

    Raises:
        DatasetError: names the first that is wrong.
    """
    low, high = np.array([EASTING_M, NORTHING_M]).T
    outside = ~((utm_m >= low) & (utm_m <= high)).all(axis=1)
    if outside.any():
        index = int(outside.argmax())
        raise DatasetError(
            f"{path}:utm({index + 1}): {utm_m[index]} is not easting, northing in metres of {CRS}"
        )
    for part, indices in parts.items():
        wrong = indices[(indices < 0) | (indices >= len(ids))]
        if len(wrong):
            raise DatasetError(
                f"{path}: {part}Set names pair {wrong[0] + 1}, but panoIds has {len(ids)}"
            )


def _load(path: Path) -> dict[str, Any]:
    """Return the variables of a MATLAB file.

    Raises:
        DatasetError: it is missing or cannot be read.
        MissingDependencyError: SciPy is not installed.
    """
    try:
        loadmat = importlib.import_module("scipy.io").loadmat
    except ImportError as error:
        raise MissingDependencyError(
            f"{path}: reading it needs SciPy; pip install 'cvgl[cvact]'"
        ) from error
    if not path.is_file():
        raise DatasetError(f"{path}: no such file; check the folder's layout (docs/datasets.md)")
    try:
        content: dict[str, Any] = loadmat(
            path, squeeze_me=True, variable_names=["panoIds", "utm", "trainSet", "valSet"]
        )
    except Exception as error:  # whatever the reader throws at damaged bytes
        raise DatasetError(
            f"{path}: not a MATLAB file of version 5 ({error}); download it again"
        ) from error
    return content

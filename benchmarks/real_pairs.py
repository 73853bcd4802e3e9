"""Three real photos against real imagery: what simulation-trained weights make of them.

    python benchmarks/real_pairs.py SAMPLES [--model FILE]

SAMPLES is a folder of openly licensed samples: ``helsinki_pairs/manifest.csv`` names photos, their
compass headings and the imagery around each; all GeoTIFFs with three bands below SAMPLES make the
gallery (several zones, so several indexes, searched as ``cvgl locate --index A --index B`` does).
Fields of view are not recorded: 70 degrees are taken. Prints where each photo is placed, the rank
of its own tile among all by descriptor, and the verdict, with and without its compass.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from cvgl_core.geo import from_lonlat, geodesic_distance_m
from cvgl_core.index import Index
from cvgl_core.localization import Localizer
from cvgl_core.localization.several import SeveralLocalizer
from cvgl_core.models import Engine, load_engine
from cvgl_core.photo import read_photo
from cvgl_core.types import Photo

FOV_DEG = 70.0
PATTERNS = (
    "helsinki_pairs/tiles/*.tif",
    "autzen/*rgb*.tif",
    "zurich/*rgb*.tif",
    "chia/nadir_mosaic*.tif",
    "brighton_beach/*/odm_orthophoto.tif",
)


def main() -> None:
    options = parse()
    engine = load_engine(options.model, "cpu")
    with tempfile.TemporaryDirectory() as folder:
        indexes = build(options.samples, Path(folder), options.model)
        tiles = sum(len(index.rows) for index in indexes)
        print(
            f"{len(indexes)} indexes, {tiles} tiles; field of view taken as {FOV_DEG:.0f} degrees"
        )
        print(
            f"{'photo':>16} {'heading':>9} {'verdict':>12} {'stated':>7} {'off m':>11} {'rank':>5}"
        )
        for row in pairs(options.samples):
            photo = read_photo(options.samples / "helsinki_pairs" / row["ground"])
            for heading_deg in (float(row["compass_deg"]), None):
                print(line(indexes, engine, photo, row, heading_deg), flush=True)


def line(
    indexes: list[Index],
    engine: Engine,
    photo: Photo,
    row: dict[str, str],
    heading_deg: float | None,
) -> str:
    """Locate a photo and compare with the truth."""
    lon, lat = float(row["lon"]), float(row["lat"])
    searched = heading_deg is None
    found = (
        SeveralLocalizer(indexes, engine)
        .localize(photo, heading_deg=heading_deg, search_heading=searched, fov_deg=FOV_DEG)
        .result
    )
    place = found.estimate
    off_m = float(geodesic_distance_m(lon, lat, place.lon, place.lat))
    ranks = rank(indexes, engine, photo, heading_deg, lon, lat)
    told = "compass" if heading_deg is not None else "searched"
    return (
        f"{row['id']:>16} {told:>9} {place.verdict.value:>12} {place.probability:7.3f} "
        f"{off_m:11,.0f} {ranks:5d}"
    )


def rank(
    indexes: list[Index],
    engine: Engine,
    photo: Photo,
    heading_deg: float | None,
    lon: float,
    lat: float,
) -> int:
    """Return the rank of the tile nearest to the camera among all tiles by descriptor, 1 best."""
    scores, own = [], -np.inf
    for number, index in enumerate(indexes):
        localizer = Localizer(index, engine)
        view = localizer.view(photo, heading_deg, heading_deg is None, FOV_DEG)
        asked = localizer.rank(view).query.descriptors
        cosines = (np.asarray(index.descriptors[:], np.float32) @ asked.T).max(axis=1)
        scores.append(cosines)
        if number == 0:  # the photos' own imagery
            x_m, y_m = from_lonlat(index.grid.crs, [lon], [lat])
            away_m = np.hypot(*np.subtract(index.grid.centre(index.rows, index.cols), (x_m, y_m)))
            own = float(cosines[away_m.argmin()])
    return 1 + int((np.concatenate(scores) > own).sum())


def build(samples: Path, folder: Path, model: str) -> list[Index]:
    """Index the imagery of each place; that of the photos comes first."""
    indexes = []
    for number, pattern in enumerate(PATTERNS):
        rasters = sorted(str(path) for path in samples.glob(pattern))
        path = folder / f"{number}.cvgl"
        command = ["build", *rasters, "-o", str(path), "--model", model, "--precision", "float32"]
        code = "from tiling.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, *command], capture_output=True, text=True
        )
        if done.returncode:
            print(f"{pattern}: left out: {done.stderr.strip().splitlines()[-1]}")
            continue
        indexes.append(Index.open(path))
    return indexes


def pairs(samples: Path) -> list[dict[str, str]]:
    """Return the rows of the manifest."""
    with (samples / "helsinki_pairs" / "manifest.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("samples", type=Path)
    parser.add_argument("--model", default="unifygeo-lite0")
    return parser.parse_args()


if __name__ == "__main__":
    main()

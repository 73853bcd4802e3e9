"""Where real drone photos are put, against the position in their files.

    cvgl-tile build SAMPLES/chia/nadir_mosaic_0.15m.tif -o chia.cvgl
    python benchmarks/drone_photos.py SAMPLES chia.cvgl --site chia --picture chia.jpg

SAMPLES is a folder of sites, each with ``images/`` and ``poses.csv`` (columns ``file``,
``gimbal_pitch``, ``rel_alt``). Prints a line a photo, and the medians, with and without refinement
by local features. The truth is the photo's own GPS: some metres off itself, and where the imagery
was made from the same photos by their poses, off by the same.
"""

from __future__ import annotations

import argparse
import csv
import logging
from pathlib import Path

import cv2
import numpy as np

from cvgl_core.geo import from_lonlat
from cvgl_core.index import Index
from cvgl_core.localization.fromabove import OverheadLocalizer
from cvgl_core.localization.localfeatures import LocalFeatures, matcher_of
from cvgl_core.models import Engine, load_engine
from cvgl_core.photo import read_photo
from cvgl_core.photo.overhead import STEEP_DEG
from cvgl_core.types import LocalizationResult

WAYS = {
    "coarse": LocalFeatures.NONE,
    "sift": LocalFeatures.SIFT,
    "xfeat": LocalFeatures.XFEAT,
}
NADIR_DEG = -80.0


class Remembering(OverheadLocalizer):
    """Searches for a photo once, however often its last metre is looked for."""

    def __init__(self, found: dict, index: Index, engine: Engine, features: LocalFeatures) -> None:
        super().__init__(index, engine, match=matcher_of(features))
        self._found = found

    def search(self, photo, *rest):  # noqa: ANN001, ANN002, ANN201
        if photo.sha256 not in self._found:
            self._found[photo.sha256] = super().search(photo, *rest)
        return self._found[photo.sha256]


def localizers(index: Index, ways: list[str]) -> dict[str, OverheadLocalizer]:
    engine = load_engine(index.manifest.model, "cpu")
    found: dict = {}
    return {way: Remembering(found, index, engine, WAYS[way]) for way in ways}


def draw(path: Path, index: Index, found: list[tuple[LocalizationResult, bool]]) -> None:
    """Draw GPS (white) and answers (green straight down, yellow oblique) on the imagery."""
    bounds = index.snapped(index.bounds())
    rgb, _ = index.mosaic(bounds)
    gsd_m, times = index.manifest.gsd_m_per_px, max(1, round(1400 / rgb.shape[1]))
    picture = cv2.resize(rgb, None, fx=times, fy=times)[..., ::-1].copy()

    def at(lon: float, lat: float) -> tuple[int, int]:
        x, y = from_lonlat(index.grid.crs, [lon], [lat])
        col, row = (x[0] - bounds.left_m) / gsd_m, (bounds.top_m - y[0]) / gsd_m
        return round(col * times), round(row * times)

    for result, nadir in found:
        truth = at(result.metadata.exif_lon, result.metadata.exif_lat)
        place = at(result.estimate.lon, result.estimate.lat)
        sure = result.estimate.verdict.value == "located"
        colour = (60, 230, 60) if nadir else (40, 210, 250)
        cv2.line(picture, truth, place, (255, 255, 255), 1, cv2.LINE_AA)
        cv2.circle(picture, truth, 3, (255, 255, 255), -1, cv2.LINE_AA)
        cv2.circle(picture, place, 6, colour, 2 if sure else 1, cv2.LINE_AA)
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 85])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("samples", type=Path)
    parser.add_argument("index", type=Path)
    parser.add_argument("--site", default="chia")
    parser.add_argument("--ways", nargs="+", default=["coarse", "sift"], choices=WAYS)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--picture", type=Path)
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    with (asked.samples / asked.site / "poses.csv").open() as table:
        rows = [row for row in csv.DictReader(table) if float(row["gimbal_pitch"]) <= STEEP_DEG]
    by_way = localizers(Index.open(asked.index), asked.ways)
    errors: dict[tuple[str, bool], list[float]] = {}
    sure: dict[tuple[str, bool], list[bool]] = {}
    drawn = []
    for row in rows[:: asked.every]:
        photo = read_photo(asked.samples / asked.site / "images" / row["file"], 2048)
        nadir = float(row["gimbal_pitch"]) <= NADIR_DEG
        line = [f"{row['file']} {row['gimbal_pitch']:>6} deg {row['rel_alt']:>7} m"]
        for way, localizer in by_way.items():
            result = localizer.localize(photo)
            estimate = result.estimate
            errors.setdefault((way, nadir), []).append(result.exif_distance_m or 0.0)
            sure.setdefault((way, nadir), []).append(estimate.verdict.value == "located")
            line.append(f"{way}: {result.exif_distance_m:.1f} m, p {estimate.probability:.2f}")
            if way != "coarse":
                line.append(result.provenance.settings["refined"])
            else:
                off_deg = (estimate.heading_deg - photo.metadata.heading_deg + 180) % 360 - 180
                line.append(f"{estimate.verdict.value}, heading off by {off_deg:+.0f} deg")
        drawn.append((result, nadir))
        print(" | ".join(line), flush=True)
    for (way, nadir), values in sorted(errors.items()):
        located = np.array(sure[way, nadir])
        among = np.array(values)[located]
        print(
            f"{asked.site}, {'straight down' if nadir else 'oblique'}, {way}: {len(values)} photos,"
            f" median {np.median(values):.1f} m, 9 in 10 within {np.quantile(values, 0.9):.1f} m;"
            f" {located.sum()} called located, of them"
            f" {np.mean(among < 15) if len(among) else 0:.0%} within 15 m"
        )
    if asked.picture:
        draw(asked.picture, by_way[asked.ways[-1]].index, drawn)


if __name__ == "__main__":
    main()

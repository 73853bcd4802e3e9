"""How far off the first tiles of two rows of ``distance_aware.py`` are, as a picture.

    python benchmarks/distance_figure.py --packs runs/cities --answers runs/distance-aware \
        --rows full dycl --out distance.jpg [--seed 1] [--count 4]

Above: the share of views whose first tile's centre lies within so many metres of the camera. Below:
every n-th view (no choice by hand) of which the two rows put other tiles first, and at least one of
them wrongly: the street strip, the right tile, and the first tile of each row.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from distance_aware import TILE_PX as GRID_PX
from distance_aware import answers, held_out, load_scores

from cvgl_core.evaluation.evalset import CityGrid
from cvgl_core.types import FloatArray, UInt8Array

WIDTH = 1320
CHART_PX = 400
TILE_PX = 190
STRIP_PX = (710, 166)
COLOURS = ((60, 60, 60), (30, 110, 220))
LEVELS_M = [25.0, 75.0, 200.0]
TICKS_M = (10, 20, 50, 100, 200, 500, 1000)
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 20, 40


def text(picture: UInt8Array, words: str, at: tuple[int, int], colour: tuple[int, ...]) -> None:
    """Write words, ``at`` their lower left corner."""
    cv2.putText(picture, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)


def chart(distances_m: dict[str, FloatArray]) -> UInt8Array:
    """Return the curves of all rows, on a logarithmic axis of metres."""
    picture = np.full((CHART_PX, WIDTH, 3), 255, np.uint8)
    across, up = WIDTH - LEFT - RIGHT, CHART_PX - TOP - BOTTOM
    low, high = np.log(8.0), np.log(1500.0)

    def x(metres: float) -> int:
        return round(LEFT + across * (np.log(metres) - low) / (high - low))

    for metres in TICKS_M:
        cv2.line(picture, (x(metres), TOP), (x(metres), TOP + up), (225, 225, 225), 1)
        text(picture, f"{metres} m", (x(metres) - 18, CHART_PX - 14), (60, 60, 60))
    for share in range(0, 101, 20):
        y = round(TOP + up * (1 - share / 100))
        cv2.line(picture, (LEFT, y), (WIDTH - RIGHT, y), (225, 225, 225), 1)
        text(picture, f"{share} %", (14, y + 5), (60, 60, 60))
    for number, ((row, metres), colour) in enumerate(
        zip(distances_m.items(), COLOURS, strict=True)
    ):
        places = np.exp(np.linspace(low, high, 400))
        shares = np.searchsorted(np.sort(metres), places, side="right") / len(metres)
        points = [
            (x(place), round(TOP + up * (1 - share)))
            for place, share in zip(places, shares, strict=True)
        ]
        cv2.polylines(picture, [np.array(points)], False, colour, 2, cv2.LINE_AA)
        p75, p90 = np.percentile(metres, [75, 90])
        words = f"{row}: three quarters within {p75:.0f} m, nine tenths within {p90:.0f} m"
        text(picture, words, (760, TOP + up - 60 + 24 * number), colour)
    return picture


def example(strip: UInt8Array, tiles: list[UInt8Array], words: list[str]) -> UInt8Array:
    """Return a view and three tiles side by side, each with its words above."""
    picture = np.full((TILE_PX + 34, WIDTH, 3), 255, np.uint8)
    wide, high = STRIP_PX
    picture[24 : 24 + high, :wide] = cv2.resize(strip, STRIP_PX, interpolation=cv2.INTER_CUBIC)
    text(picture, words[0], (0, 16), (60, 60, 60))
    for number, (tile, said) in enumerate(zip(tiles, words[1:], strict=True)):
        left = WIDTH - (3 - number) * (TILE_PX + 10) + 10
        large = cv2.resize(tile, (TILE_PX, TILE_PX), interpolation=cv2.INTER_CUBIC)
        picture[24 : 24 + TILE_PX, left : left + TILE_PX] = large
        text(picture, said, (left, 16), (60, 60, 60))
    return picture


def examples(
    args: argparse.Namespace, stored: dict[str, dict[str, FloatArray]]
) -> Iterator[UInt8Array]:
    """Yield some views of which the rows put other tiles first."""
    first, second = stored.values()
    differs = first["top-1 tile"] != second["top-1 tile"]
    wrong = (first["R@1"] + second["R@1"]) < 2
    views = np.flatnonzero(differs & wrong)
    chosen = views[:: max(1, len(views) // args.count)][: args.count].tolist()
    start = 0
    for pack in held_out(args.held_out, args.packs):
        grid = CityGrid.of(pack, GRID_PX)
        own, truth, _ = grid.covered()
        for view in (v - start for v in chosen if start <= v < start + len(own)):
            tiles = [truth[view], *(int(v["top-1 tile"][start + view]) for v in stored.values())]
            words = [f"{pack.name.split('-')[1]}, view {own[view]}", "the right tile"]
            words += [f"{row}: {v['top-1 m'][start + view]:.0f} m" for row, v in stored.items()]
            yield example(pack.ground[own[view]], list(grid.cut(np.array(tiles))), words)
        start += len(own)


def main() -> None:
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packs", type=Path, required=True, help="folder of rendered cities")
    parser.add_argument("--answers", type=Path, required=True, help="of distance_aware.py")
    parser.add_argument("--rows", nargs=2, default=["full", "dycl"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--held-out", nargs="+", type=int, default=[80001, 80002, 80003, 80004])
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    cities = held_out(args.held_out, args.packs)
    stored = {
        row: answers(load_scores(args.answers / f"{row}-{args.seed}.npz"), cities, LEVELS_M)
        for row in args.rows
    }
    parts = [chart({row: values["top-1 m"] for row, values in stored.items()})]
    picture = np.concatenate([*parts, *examples(args, stored)])[..., ::-1]
    cv2.imwrite(str(args.out), picture, [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()

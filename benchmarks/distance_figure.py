"""What DyCL's terms change, as a picture of what ``distance_aware.py`` found.

    python benchmarks/distance_aware.py ... --out runs/heads | tee lines.jsonl
    python benchmarks/distance_figure.py --packs runs/cities --answers runs/heads \
        --lines lines.jsonl --rows full dycl --out distance.jpg [--seed 1] [--count 4]

Above: each row's differences to the baseline, with their intervals. Below: every n-th view (no
choice by hand) of which two rows put other tiles first, and at least one of them wrongly: the
street strip, the right tile, and the first tile of each row.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from distance_aware import TILE_PX as GRID_PX
from distance_aware import answers, held_out, load_scores

from cvgl_core.evaluation.evalset import CityGrid
from cvgl_core.types import FloatArray, UInt8Array

WIDTH = 1320
TILE_PX = 190
STRIP_PX = (710, 166)
GREY, BETTER, WORSE = (60, 60, 60), (30, 110, 220), (210, 50, 40)
LEVELS_M = [25.0, 75.0, 200.0]
FIGURES = {"R@1": 100, "R@10": 100, "NDCG": 100, "H-AP": 100, "ASI": 100, "R@1 re-ranked": 100}
LEFT, TOP, STEP_PX = 250, 40, 26


def text(picture: UInt8Array, words: str, at: tuple[int, int], colour: tuple[int, ...]) -> None:
    """Write words, ``at`` their lower left corner."""
    cv2.putText(picture, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)


def chart(lines: list[dict[str, Any]]) -> UInt8Array:
    """Return a panel for each figure, in which each row has its difference and its interval."""
    high = TOP + STEP_PX * len(lines) + 10
    picture = np.full((high, WIDTH, 3), 255, np.uint8)
    for number, line in enumerate(lines):
        text(picture, str(line["row"]), (0, TOP + STEP_PX * number + 14), GREY)
    wide = (WIDTH - LEFT) // len(FIGURES)
    for number, (name, unit) in enumerate(FIGURES.items()):
        found = [[unit * value for value in line["over"][name]] for line in lines]
        panel(picture, LEFT + number * wide, wide - 30, name, found)
    return picture


def panel(picture: UInt8Array, left: int, wide: int, name: str, found: list[list[float]]) -> None:
    """Draw the differences of one figure; blue if better than chance, red if worse."""
    reach = max(abs(value) for values in found for value in values) * 1.05
    bottom = picture.shape[0] - 10

    def x(value: float) -> int:
        return round(left + wide * (value + reach) / (2 * reach))

    text(picture, f"{name}, up to {reach:.1f}", (left, 16), GREY)
    cv2.line(picture, (x(0), TOP - 8), (x(0), bottom), (200, 200, 200), 1)
    for number, (value, low, high) in enumerate(found):
        y = TOP + STEP_PX * number + 9
        colour = BETTER if low > 0 else WORSE if high < 0 else GREY
        cv2.line(picture, (x(low), y), (x(high), y), colour, 2, cv2.LINE_AA)
        cv2.circle(picture, (x(value), y), 5, colour, -1, cv2.LINE_AA)


def example(strip: UInt8Array, tiles: list[UInt8Array], words: list[str]) -> UInt8Array:
    """Return a view and three tiles side by side, each with its words above."""
    picture = np.full((TILE_PX + 34, WIDTH, 3), 255, np.uint8)
    wide, high = STRIP_PX
    picture[24 : 24 + high, :wide] = cv2.resize(strip, STRIP_PX, interpolation=cv2.INTER_CUBIC)
    text(picture, words[0], (0, 16), GREY)
    for number, (tile, said) in enumerate(zip(tiles, words[1:], strict=True)):
        left = WIDTH - (3 - number) * (TILE_PX + 10) + 10
        large = cv2.resize(tile, (TILE_PX, TILE_PX), interpolation=cv2.INTER_CUBIC)
        picture[24 : 24 + TILE_PX, left : left + TILE_PX] = large
        text(picture, said, (left, 16), GREY)
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
            words += [f"{v['top-1 m'][start + view]:.0f} m: {row}" for row, v in stored.items()]
            yield example(pack.ground[own[view]], list(grid.cut(np.array(tiles))), words)
        start += len(own)


def main() -> None:
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packs", type=Path, required=True, help="folder of rendered cities")
    parser.add_argument("--answers", type=Path, required=True, help="of distance_aware.py")
    parser.add_argument("--lines", type=Path, required=True, help="what distance_aware.py printed")
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
    lines = [json.loads(line) for line in args.lines.read_text(encoding="utf-8").splitlines()]
    parts = [chart(lines[1:]), *examples(args, stored)]
    picture = np.concatenate(parts)[..., ::-1]
    cv2.imwrite(str(args.out), picture, [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()

"""Views that were placed far off, in pictures: what the network saw, chose, and should have chosen.

    python benchmarks/failures.py --cities runs/cities --out failures.jpg [--model FILE] [--count 8]

Searches the test part of simcity-v1 with the default depth, takes every n-th view whose winning
tile does not show the camera (no choice by hand), and draws a row for each: the street strip, the
winner with its heatmap, the right tile with its heatmap and the camera.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

from cvgl_core.data.citypack import open_pack
from cvgl_core.data.simcity import simcity_specs
from cvgl_core.evaluation.evalset import CitySet, tiles_at
from cvgl_core.evaluation.network import Network
from cvgl_core.evaluation.ranking import rank_after, ranks
from cvgl_core.evaluation.store import TileStore
from cvgl_core.index.search import exact_search
from cvgl_core.models import load_engine
from cvgl_core.models.presence import log_presence
from cvgl_core.types import DEFAULT_DEPTH

TILE_PX = 256
STRIP_PX = (1024, 192)
TEXT_PX = 22


def main() -> None:
    options = parse()
    torch.set_num_threads(1)
    network = Network(load_engine(options.model, "cpu"))
    packs = [open_pack(spec, options.cities) for spec in simcity_specs(network.card, "test")]
    data = CitySet("test", [pack for pack in packs if pack is not None], network.card)
    store = TileStore(data, network)
    count = len(data.positive)
    ground = network.views(data.views(0, count))
    descriptors = ground.descriptor.float().numpy()
    found = exact_search(store.descriptors, descriptors, DEFAULT_DEPTH)
    calibration = network.card.calibration
    weight = 1.0 if calibration is None else calibration.match_weight
    scores = found.scores + weight * store.match(ground.columns[0], found.indices)
    winners = np.take_along_axis(found.indices, scores.argmax(axis=1)[:, None], axis=1)[:, 0]
    before = ranks(store.descriptors, descriptors, data.positive, data.semi_positive).rank
    after = rank_after(scores, found.indices, data.positive, before, DEFAULT_DEPTH)
    off_m = np.abs(data.offset_m(np.arange(count), winners)).max(axis=1)
    lost = np.flatnonzero(off_m > data.tile_side_m[winners] / 2)
    print(f"{len(lost)} of {count} views: the winning tile does not show the camera")
    rows = []
    for view in lost[:: max(1, len(lost) // options.count)][: options.count]:
        columns = tuple(level[view] for level in ground.columns)
        pair = np.array([winners[view], data.positive[view]])
        logits = store.decode(columns, pair)
        heat = np.exp(logits - log_presence(logits)[:, None, None])
        pixels = tiles_at(data, pair)
        camera = data.offset_m(np.array([view]), pair[1:])[0] / data.tile_side_m[pair[1]]
        words = f"view {view}: right tile {before[view] + 1} -> {after[view] + 1}"
        rows.append(draw(data.views(view, view + 1)[0], pixels, heat, camera, words))
    picture = np.concatenate(rows)[..., ::-1]
    cv2.imwrite(str(options.out), picture, [cv2.IMWRITE_JPEG_QUALITY, 85])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cities", type=Path, required=True, help="rendered packs of simcity-v1")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="unifygeo-lite0")
    parser.add_argument("--count", type=int, default=8)
    return parser.parse_args()


def draw(
    strip: np.ndarray, tiles: np.ndarray, heat: np.ndarray, camera: np.ndarray, words: str
) -> np.ndarray:
    """Return one row of the picture; ``camera`` is east and north of the right tile's centre."""
    ground = cv2.resize(strip, STRIP_PX, interpolation=cv2.INTER_CUBIC)
    margin = np.full((TILE_PX - STRIP_PX[1] - TEXT_PX, STRIP_PX[0], 3), 255, np.uint8)
    text = np.full((TEXT_PX, STRIP_PX[0], 3), 255, np.uint8)
    cv2.putText(text, words, (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (20, 20, 20), 1, cv2.LINE_AA)
    parts = [np.concatenate([text, ground, margin])]
    for tile, probability in zip(tiles, heat, strict=True):
        parts += [np.full((TILE_PX, 8, 3), 255, np.uint8), overlaid(tile, probability)]
    at = (round((0.5 + camera[0]) * TILE_PX), round((0.5 - camera[1]) * TILE_PX))
    cv2.drawMarker(parts[-1], at, (0, 255, 255), cv2.MARKER_CROSS, 18, 2, cv2.LINE_AA)
    row = np.concatenate(parts, axis=1)
    return np.concatenate([row, np.full((10, row.shape[1], 3), 255, np.uint8)])


def overlaid(tile: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return a tile with its heatmap in red."""
    large = cv2.resize(tile, (TILE_PX, TILE_PX), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    share = cv2.resize(probability / probability.max(), (TILE_PX, TILE_PX))[..., None]
    share = 0.75 * np.sqrt(share)
    return np.ascontiguousarray(large * (1 - share) + np.array([255, 40, 0]) * share, np.uint8)


if __name__ == "__main__":
    main()

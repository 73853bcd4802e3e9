"""The rows of the paper's ablations and the two baselines, trained alike and scored on one city.

Run: ``python benchmarks/ablations.py --packs runs/cities --out ablations.jsonl [--minutes 5]
[--rows baseline ul ...] [--threads 1]``. Every row trains the small network for the same time on
the training cities of simcity-v1 that the folder holds, then searches the views of a city that it
never saw. One JSON line a row; shares in [0, 1], distances in metres.

``sample4geo+localizer`` is the second baseline: the first one's best tile, and on it the place that
a separately trained localizer says (so twice the training time). Where a network was not trained
to localize, its place is the centre of the tile, as in the paper's Table VII.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from cvgl_core.data.citypack import CityPack, open_pack
from cvgl_core.data.simcity import simcity_specs
from cvgl_core.errors import SettingsError
from cvgl_core.evaluation.gallery import Gallery, Scores
from cvgl_core.evaluation.metrics import rank_of, recall_at, within
from cvgl_core.models import create_model
from cvgl_core.models.weights import save_weights
from cvgl_core.training.config import TrainConfig, load_train_config
from cvgl_core.training.loop import Trainer
from cvgl_core.training.rows import ROWS
from cvgl_core.types import FloatArray, IntArray

TABLES = ("baseline", "ul", "fa", "ul-fa", "paper", "localizer", "sample4geo", "full")
PAIR = ("sample4geo", "localizer")
DEPTHS = (5, 50)
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Trained:
    """A row's answers on the held-out city; tiles are numbers in its gallery.

    Attributes:
        scores: of all views with all tiles, None if it was not trained to retrieve.
        gallery: to place cameras with, None if it was not trained to localize.
        facts: of the training.
    """

    scores: Scores | None
    gallery: Gallery | None
    facts: dict[str, float]


def configuration(row: str, args: argparse.Namespace) -> TrainConfig:
    """Return the configuration of a row, on the packs that are there."""
    card = create_model("unifygeo-lite0").card()
    seeds = [s.seed for s in simcity_specs(card, "train") if open_pack(s, args.packs) is not None]
    if not seeds:
        raise SettingsError(f"{args.packs}: holds no training city of simcity-v1")
    changes = [
        f"data.cache={json.dumps(str(args.packs))}",
        f"data.seeds={seeds}",
        f"batch.size={args.batch}",
        "optimiser.warmup_steps=20",
        f"run.seed={args.seed}",
        f"run.threads={args.threads}",
        f"run.minutes={args.minutes}",
        *([f"run.max_steps={args.steps}"] if args.steps else []),
    ]
    whole = load_train_config("simcity", row, changes)
    return whole.model_copy(update={"data": whole.data.model_copy(update={"simcity": None})})


def held_out(seed: int, packs: Path) -> CityPack:
    """Return the city that rows are scored on."""
    card = create_model("unifygeo-lite0").card()
    for part in ("validation", "elsewhere", "test"):
        for spec in simcity_specs(card, part):
            pack = open_pack(spec, packs)
            if spec.seed == seed and pack is not None:
                return pack
    raise SettingsError(f"{packs}: holds no city {seed}; render it, or name another by --held-out")


def train(row: str, pack: CityPack, views: IntArray, args: argparse.Namespace) -> Trained:
    """Train a row and ask it about the held-out city."""
    trainer = Trainer(configuration(row, args))
    with ExitStack() as stack:
        trainer.source.open(stack)
        for _ in trainer.steps():
            pass
    if args.keep:
        save_weights(args.keep / f"{row}.safetensors", trainer.model, trainer.card)
    state = trainer.state
    facts = {
        "minutes": round(state.minutes, 2),
        "steps": state.step,
        "pairs": state.step * args.batch,
        "parameters": trainer.card.parameters,
    }
    gallery = Gallery(trainer.model, trainer.card, pack, CPU)
    return Trained(
        gallery.score(pack.ground[views]) if ROWS[row].retrieves else None,
        gallery if ROWS[row].localizes else None,
        facts,
    )


class City:
    """Truth about the held-out city, and figures of answers about it."""

    def __init__(self, pack: CityPack, limit: int) -> None:
        card = create_model("unifygeo-lite0").card()
        any_network = Gallery(create_model(card.name), card, pack, CPU)
        views, truth = any_network.truth()
        self.pack, self.views, self.truth = pack, views[:limit], truth[:limit]
        self._centres_px = any_network.centres_px

    def centres_m(self) -> FloatArray:
        """Return the tiles' centres in the frame of the cameras ``[N, 2]``."""
        return self._centres_px * self.pack.gsd_m_per_px

    def figures(self, retrieving: Trained | None, localizing: Trained | None) -> dict[str, float]:
        """Return all figures that a retrieving and a localizing row have together."""
        result: dict[str, float] = {"tiles": len(self._centres_px), "views": len(self.views)}
        if localizing is not None:
            given_m = self._errors_m(localizing.gallery, self.truth)
            result["given tile mean m"] = float(np.mean(given_m))
            result["given tile median m"] = float(np.median(given_m))
        if retrieving is None or retrieving.scores is None:
            return result
        scores = retrieving.scores
        ranks = rank_of(scores.retrieval, self.truth)
        result |= {f"r@{k}": recall_at(ranks, k) for k in (1, 5, 10)}
        gallery = localizing.gallery if localizing is not None else None
        result |= self._places("", scores.retrieval.argmax(axis=1), gallery)
        if localizing is retrieving:
            for depth in DEPTHS:
                reranked = scores.reranked(depth)
                name = f", re-ranked {depth}"
                result[f"r@1{name}"] = recall_at(rank_of(reranked, self.truth), 1)
                result |= self._places(name, reranked.argmax(axis=1), gallery)
        return result

    def _places(self, name: str, tiles: IntArray, gallery: Gallery | None) -> dict[str, float]:
        errors_m = self._errors_m(gallery, tiles)
        return {f"within {m} m{name}": within(errors_m, m) for m in (1, 5, 10)}

    def _errors_m(self, gallery: Gallery | None, tiles: IntArray) -> FloatArray:
        """Return the distance of the place on each tile to the camera; its centre if no gallery."""
        if gallery is not None:
            return gallery.errors_m(self.views, tiles)
        off_m = self.centres_m()[tiles] - self.pack.xy_m[self.views]
        return np.hypot(*off_m.T)


def lines(args: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Yield the result of each row, and of the baseline that joins two of them."""
    city = City(held_out(args.held_out, args.packs), args.views)
    kept: dict[str, Trained] = {}
    for row in args.rows:
        trained = train(row, city.pack, city.views, args)
        if row in PAIR:
            kept[row] = trained
        localizing = trained if trained.gallery is not None else None
        figures = city.figures(trained, localizing)
        yield {"row": row, "about": ROWS[row].about} | trained.facts | figures
    if len(kept) == len(PAIR):
        first, second = (kept[name] for name in PAIR)
        facts = {name: first.facts[name] + second.facts[name] for name in first.facts}
        about = "the best tile of one network, the place by another"
        yield {"row": "+".join(PAIR), "about": about} | facts | city.figures(first, second)


def main() -> None:
    """Train and score the rows that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packs", type=Path, required=True, help="folder of rendered cities")
    parser.add_argument("--out", type=Path, required=True, help="JSON lines are appended here")
    parser.add_argument("--minutes", type=float, default=5.0, help="of training, each row")
    parser.add_argument("--steps", type=int, help="optimiser steps each row, in place of minutes")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(TABLES))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--held-out", type=int, default=9001, help="seed of the city to score on")
    parser.add_argument("--views", type=int, default=400, help="views to score at most")
    parser.add_argument("--keep", type=Path, help="folder for the rows' weights")
    args = parser.parse_args()
    for line in lines(args):
        text = json.dumps(
            {key: round(v, 4) if isinstance(v, float) else v for key, v in line.items()}
        )
        print(text, flush=True)
        with args.out.open("a", encoding="utf-8") as stream:
            stream.write(text + "\n")


if __name__ == "__main__":
    main()

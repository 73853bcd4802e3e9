"""DyCL's terms off and on, beside UnifyGeo's losses and alone, on cities that no row saw.

Run: ``python benchmarks/distance_aware.py --packs runs/cities --out runs/distance-aware --steps 200
[--train whole|bundled-heads|fresh-heads] [--seeds 1 2 3] [--rows full dycl ...]``. Every row takes
as many steps with each seed, and ranks the tiles of each held-out city for its views, by
descriptors and after re-ranking. ``whole`` trains whole networks from ImageNet on fresh batches;
the others train only the last layers of the descriptors, on kept features of the bundled weights'
frozen trunk (``descriptor_heads``), going on from the bundled ones or from random ones.

A row may change settings of ``[distance_aware]``: ``dycl@weight=30``, ``dycl@ranking=0,proxies=0``;
with heads, ``/areas`` after it draws its batches from two areas: ``full/areas``. Answers are kept
in ``--out``, so that an interrupted comparison goes on, and rows or seeds can be added later.

One JSON line a row: value and 95 % interval, and ``over``: the same of the difference to the
baseline (the first row), bootstrapped over views and seeds together, paired: a view and a seed are
the same in both.
"""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from descriptor_heads import Encoder, kept_batches, trained_heads
from paired import Values, compared

from cvgl_core.data.citypack import CityPack, open_pack
from cvgl_core.data.relevance import relevance_levels
from cvgl_core.data.simcity import simcity_specs
from cvgl_core.errors import SettingsError
from cvgl_core.evaluation.evalset import CityGrid
from cvgl_core.evaluation.gallery import Gallery, Scores
from cvgl_core.evaluation.graded import asi, hierarchical_ap, ndcg
from cvgl_core.evaluation.metrics import rank_of
from cvgl_core.models import UnifyGeo, create_model
from cvgl_core.models.weights import bundled_path, load_model
from cvgl_core.training.config import TrainConfig, load_train_config
from cvgl_core.training.device import autocast_for
from cvgl_core.training.loop import Trainer
from cvgl_core.types import DEFAULT_DEPTH

ROWS = (
    "full",
    "dycl",
    "dycl@contrast=0",
    "dycl@ranking=0",
    "dycl@proxies=0",
    "dycl-alone",
    "triplet-alone",
)
DEPTHS = (1, 10, DEFAULT_DEPTH)
MEANS = (*(f"R@{k}" for k in DEPTHS), "NDCG", "H-AP", "ASI", "R@1 re-ranked")
PERCENTILES = (50, 75, 90)
AREAS = "/areas"
MATCH_WEIGHT = 2.0  # of a match over a cosine, nearly as calibrated for the bundled weights
TILE_PX = create_model("unifygeo-lite0").card().aerial_px
HEADS = ("bundled-heads", "fresh-heads")

Maps = list[tuple[torch.Tensor, torch.Tensor]]


def configuration(row: str, seed: int, args: argparse.Namespace) -> TrainConfig:
    """Return the configuration of a row, on the packs that are there."""
    name, _, settings = row.removesuffix(AREAS).partition("@")
    card = create_model("unifygeo-lite0").card()
    cities = [s.seed for s in simcity_specs(card, "train") if open_pack(s, args.packs) is not None]
    if not cities:
        raise SettingsError(f"{args.packs}: holds no training city of simcity-v1")
    changes = [
        f"data.cache={json.dumps(str(args.packs))}",
        f"data.seeds={cities[: args.cities]}",
        f"batch.size={args.batch}",
        f"optimiser.learning_rate={args.learning_rate}",
        "optimiser.warmup_steps=20",
        f"run.seed={seed}",
        f"run.threads={args.threads}",
        f"run.max_steps={args.steps}",
        *(f"distance_aware.{change}" for change in settings.split(",") if change),
    ]
    if args.train in HEADS:
        unused = ("localization", "matching", "ranking")
        changes += ["model.start=bundled", *(f"loss.{term}=0" for term in unused)]
    if row.endswith(AREAS):
        changes.append("batch.areas=2")
    whole = load_train_config("simcity", name, changes)
    return whole.model_copy(update={"data": whole.data.model_copy(update={"simcity": None})})


class Whole:
    """Trains whole networks."""

    def __init__(self, cities: list[CityPack], args: argparse.Namespace) -> None:
        self._cities, self._args = cities, args

    def scores(self, row: str, seed: int) -> list[Scores]:
        """Train a row; return its scores of each city's views with its tiles."""
        trainer = Trainer(configuration(row, seed, self._args))
        with ExitStack() as stack:
            trainer.source.open(stack)
            for _ in trainer.steps():
                pass
        return [all_scores(trainer.model, pack) for pack in self._cities]


class OnlyHeads:
    """Trains what makes descriptors, on features that are kept; the rest is as bundled."""

    def __init__(self, cities: list[CityPack], args: argparse.Namespace) -> None:
        self._args = args
        path = bundled_path("unifygeo-lite0")
        assert path is not None
        model, _ = load_model(path)  # as it was trained, whatever is new since
        before = args.out / "bundled.npz"
        if not before.exists():
            save_scores(before, [all_scores(model, pack) for pack in cities])
        self._match = [scores.match for scores in load_scores(before)]
        self._encoder = Encoder(model)
        self._maps: Maps = [self._encoder.city(pack) for pack in cities]

    def scores(self, row: str, seed: int) -> list[Scores]:
        """Train a row; return its scores of each city's views with its tiles."""
        args = self._args
        drawn_from = AREAS if row.endswith(AREAS) else ""
        plain = configuration(f"full{drawn_from}", 1, args)
        folder = f"batches{drawn_from.replace('/', '-')}"
        batches = kept_batches(plain, self._encoder, args.batches, args.out / folder)
        fresh = args.train == "fresh-heads"
        heads = trained_heads(configuration(row, seed, args), batches, fresh)
        pairs = zip(self._maps, self._match, strict=True)
        return [Scores(heads.scores(*city), match) for city, match in pairs]


def all_scores(model: UnifyGeo, pack: CityPack) -> Scores:
    """Return the scores of a city's covered views with all of its tiles."""
    card, cpu = model.card(), torch.device("cpu")
    views, _, _ = CityGrid.of(pack, card.aerial_px).covered()
    with autocast_for("auto", cpu):
        return Gallery(model, card, pack, cpu).score(pack.ground[views])


def save_scores(path: Path, cities: list[Scores]) -> None:
    """Keep the scores of all cities."""
    arrays = {f"retrieval-{k}": scores.retrieval for k, scores in enumerate(cities)}
    arrays |= {f"match-{k}": scores.match for k, scores in enumerate(cities)}
    np.savez(path, **arrays)


def load_scores(path: Path) -> list[Scores]:
    """Return what ``save_scores`` kept."""
    with np.load(path, allow_pickle=False) as stored:
        count = len(stored.files) // 2
        return [Scores(stored[f"retrieval-{k}"], stored[f"match-{k}"]) for k in range(count)]


def answers(scores: list[Scores], cities: list[CityPack], levels_m: list[float]) -> Values:
    """Return the figures of each view, searched in the tiles of its own city."""
    parts = [
        _city_answers(score, CityGrid.of(pack, TILE_PX), levels_m)
        for score, pack in zip(scores, cities, strict=True)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _city_answers(scores: Scores, grid: CityGrid, levels_m: list[float]) -> Values:
    views, truth, _ = grid.covered()
    away_m = grid.centres_m()[None] - grid.cameras_m()[views][:, None]
    apart_m = np.hypot(away_m[..., 0], away_m[..., 1])
    order = np.argsort(-scores.retrieval, axis=1, kind="stable")
    ranked_m = np.take_along_axis(apart_m, order, axis=1)
    ranked = relevance_levels(ranked_m, levels_m)
    rank = rank_of(scores.retrieval, truth)
    weighted = Scores(scores.retrieval, MATCH_WEIGHT * scores.match)
    reranked = weighted.reranked(DEFAULT_DEPTH)
    first = reranked.argmax(axis=1)
    return {
        **{f"R@{k}": (rank < k).astype(np.float64) for k in DEPTHS},
        "NDCG": ndcg(ranked),
        "H-AP": hierarchical_ap(ranked, len(levels_m)),
        "ASI": asi(ranked),
        "R@1 re-ranked": (rank_of(reranked, truth) < 1).astype(np.float64),
        "top-1 m": ranked_m[:, 0],
        "top-1 re-ranked m": apart_m[np.arange(len(first)), first],
        "top-1 tile": order[:, 0].astype(np.float64),
    }


def statistics(values: Values) -> dict[str, float]:
    """Return means and percentiles of answers ``[seeds, views]``."""
    found = {name: float(np.mean(values[name])) for name in MEANS}
    for name in ("top-1", "top-1 re-ranked"):
        for share in PERCENTILES:
            found[f"{name} p{share} m"] = float(np.percentile(values[f"{name} m"], share))
    return found


def held_out(seeds: list[int], packs: Path) -> list[CityPack]:
    """Return the cities that rows are scored on.

    Raises:
        SettingsError: one is not in the folder.
    """
    card = create_model("unifygeo-lite0").card()
    specs = {s.seed: s for part in ("validation", "test") for s in simcity_specs(card, part)}
    found = [open_pack(specs[seed], packs) if seed in specs else None for seed in seeds]
    missing = [str(seed) for seed, pack in zip(seeds, found, strict=True) if pack is None]
    if missing:
        raise SettingsError(f"{packs}: holds no city {', '.join(missing)}; render simcity-v1 first")
    return [pack for pack in found if pack is not None]


def main() -> None:
    """Train what is missing, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packs", type=Path, required=True, help="folder of rendered cities")
    parser.add_argument("--out", type=Path, required=True, help="folder of the answers")
    parser.add_argument("--train", choices=("whole", *HEADS), default="whole")
    parser.add_argument("--rows", nargs="+", default=list(ROWS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3, 4, 5])
    parser.add_argument("--levels-m", nargs="+", type=float, default=[25.0, 75.0, 200.0])
    parser.add_argument("--steps", type=int, default=1000, help="optimiser steps, each")
    parser.add_argument("--learning-rate", type=float, default=1.5e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--batches", type=int, default=96, help="kept, with heads")
    parser.add_argument("--cities", type=int, default=24, help="to train on, at most")
    parser.add_argument("--held-out", nargs="+", type=int, default=[80001, 80002, 80003, 80004])
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cities = held_out(args.held_out, args.packs)
    trainer: Whole | OnlyHeads | None = None
    args.out.mkdir(parents=True, exist_ok=True)
    base: Values | None = None
    for row in args.rows:
        stored = []
        for seed in args.seeds:
            path = args.out / f"{row.replace('/', '+')}-{seed}.npz"
            if not path.exists():
                trainer = trainer or (Whole if args.train == "whole" else OnlyHeads)(cities, args)
                save_scores(path, trainer.scores(row, seed))
            stored.append(answers(load_scores(path), cities, args.levels_m))
        values = {name: np.stack([one[name] for one in stored]) for name in stored[0]}
        base = base or values
        seeds, views = values["R@1"].shape
        line: dict[str, object] = {"row": row, "seeds": seeds, "views": views}
        line |= compared(values, base, statistics, np.arange(views))
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()

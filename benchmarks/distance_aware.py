"""DyCL's terms off and on, beside UnifyGeo's losses and alone, on a city that no row saw.

Run: ``python benchmarks/distance_aware.py --packs runs/cities --out runs/distance-aware
[--seeds 1 2 3 4 5] [--minutes 5 | --steps 1000] [--rows full dycl ...]``. Every row trains the
small network for the same time on the training cities of simcity-v1 that the folder holds, once
for each seed, and ranks the held-out city's tiles for its views by descriptors. Answers are kept in
``--out``, so that an interrupted comparison goes on, and more rows or seeds can be added later.

One JSON line a row: means over seeds and views with 95 % intervals, and ``over full``: the
difference to ``full`` (UnifyGeo's losses alone), bootstrapped over views and seeds together, a view
and a seed being the same in both.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from ablations import City, held_out, train

from cvgl_core.data.relevance import relevance_levels
from cvgl_core.evaluation.graded import asi, hierarchical_ap, ndcg
from cvgl_core.evaluation.metrics import rank_of
from cvgl_core.types import FloatArray

ROWS = (
    "full",
    "dycl",
    "dycl-no-contrast",
    "dycl-no-ranking",
    "dycl-no-proxies",
    "dycl-areas",
    "dycl-scales",
    "dycl-alone",
    "infonce-alone",
    "triplet-alone",
)
MEANS = ("R@1", "R@10", "NDCG", "H-AP", "ASI")
PERCENTILES = (50, 75, 90)
ROUNDS = 1000


def answers(row: str, city: City, args: argparse.Namespace) -> dict[str, FloatArray]:
    """Train a row and return its figures for each view of the held-out city."""
    scores = train(row, city.pack, city.views, args).scores
    assert scores is not None
    away_m = city.centres_m()[None] - city.pack.xy_m[city.views].astype(np.float64)[:, None]
    apart_m = np.hypot(away_m[..., 0], away_m[..., 1])
    order = np.argsort(-scores.retrieval, axis=1, kind="stable")
    ranked_m = np.take_along_axis(apart_m, order, axis=1)
    ranked = relevance_levels(ranked_m, args.levels_m)
    rank = rank_of(scores.retrieval, city.truth)
    return {
        "R@1": (rank < 1).astype(np.float64),
        "R@10": (rank < 10).astype(np.float64),
        "NDCG": ndcg(ranked),
        "H-AP": hierarchical_ap(ranked, len(args.levels_m)),
        "ASI": asi(ranked),
        "top-1 m": ranked_m[:, 0],
    }


def kept(row: str, seed: int, city: City, args: argparse.Namespace) -> dict[str, FloatArray]:
    """Return the answers of a row and seed, made now or before."""
    path = args.out / f"{row}-{seed}.npz"
    if not path.exists():
        found = answers(row, city, argparse.Namespace(**{**vars(args), "seed": seed}))
        args.out.mkdir(parents=True, exist_ok=True)
        np.savez(path, **found)
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def statistics(values: dict[str, FloatArray]) -> dict[str, float]:
    """Return means and percentiles of answers ``[seeds, views]``."""
    means = {name: float(np.mean(values[name])) for name in MEANS}
    return means | {
        f"top-1 p{share} m": float(np.percentile(values["top-1 m"], share)) for share in PERCENTILES
    }


def drawn(values: dict[str, FloatArray], rounds: int) -> list[dict[str, float]]:
    """Return the statistics of bootstrap samples; the same draws whatever the row."""
    rng = np.random.default_rng(0)
    seeds, views = values["R@1"].shape
    samples = []
    for _ in range(rounds):
        chosen = np.ix_(rng.integers(0, seeds, seeds), rng.integers(0, views, views))
        samples.append(statistics({name: value[chosen] for name, value in values.items()}))
    return samples


def interval(samples: list[float]) -> list[float]:
    """Return the middle 95 %."""
    return [round(float(value), 4) for value in np.percentile(samples, [2.5, 97.5])]


def main() -> None:
    """Train what is missing, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packs", type=Path, required=True, help="folder of rendered cities")
    parser.add_argument("--out", type=Path, required=True, help="folder of the answers")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3, 4, 5])
    parser.add_argument("--levels-m", nargs="+", type=float, default=[25.0, 75.0, 200.0])
    parser.add_argument("--minutes", type=float, default=5.0, help="of training, each")
    parser.add_argument("--steps", type=int, help="optimiser steps each, in place of minutes")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--held-out", type=int, default=9001, help="seed of the city to score on")
    parser.add_argument("--views", type=int, default=400, help="views to score at most")
    parser.add_argument("--keep", type=Path, help="folder for the rows' weights (of the last seed)")
    args = parser.parse_args()
    city = City(held_out(args.held_out, args.packs), args.views)
    base: list[dict[str, float]] | None = None
    for row in args.rows:
        found = [kept(row, seed, city, args) for seed in args.seeds]
        values = {name: np.stack([one[name] for one in found]) for name in found[0]}
        samples = drawn(values, ROUNDS)
        line: dict[str, object] = {"row": row, "seeds": len(args.seeds), "views": len(city.views)}
        for name, value in statistics(values).items():
            line[name] = [round(value, 4), *interval([sample[name] for sample in samples])]
        if row == "full":
            base = samples
        elif base is not None:
            line["over full"] = {
                name: interval([s[name] - b[name] for s, b in zip(samples, base, strict=True)])
                for name in samples[0]
            }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()

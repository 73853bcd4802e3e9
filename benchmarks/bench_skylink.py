"""SkyLink's modules off and on: street photos searched in tiles of buildings in unseen cities.

Run: ``cvgl simulate university -o runs/university``, then ``python benchmarks/bench_skylink.py
--root runs/university --out runs/skylink [--steps 400] [--seeds 1 2 3 4 5] [--rows plain all]``.
Every row trains the small network for as many steps from the same start, with each seed, and
searches the test part: street to satellite, without and with test-time augmentation. Answers are
kept in ``--out``, so that an interrupted comparison goes on, and rows or seeds can be added later.

One JSON line a row: the CPU seconds of a step over those of the first row; shares in percent with
their 95 % interval, and ``over``: the same of the difference to the first row, bootstrapped over
places and seeds, in pairs. Also works on the real University-1652 (no scene rows without point
clouds).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from paired import Values, compared
from place_heads import Kept, only_heads

from cvgl_core.data.university1652 import PlaceTask, load_task
from cvgl_core.evaluation.describing import PlaceDescriber
from cvgl_core.evaluation.places import place_ranks
from cvgl_core.models.skylink import SkyLink
from cvgl_core.training.skylink import SkyLinkTrainer
from cvgl_core.training.skylink_config import load_skylink_config

BASELINE = "plain"
_PLAIN = {
    "skylink.aggregator": "mean",
    "places.extra": "none",
    "loss.street_drone": "0",
    "loss.satellite_drone": "0",
    "loss.within": "0",
    "loss.scene": "0",
}
_ON = {
    "pafa": ("skylink.aggregator",),
    "grem": ("places.extra",),
    "drone": ("loss.street_drone", "loss.satellite_drone"),
    "within": ("loss.within",),
    "scene": ("loss.scene",),
}


def _row(modules: set[str]) -> dict[str, str]:
    """Return the changes of the preset that leave only some modules on."""
    on = {key for module in modules for key in _ON[module]}
    return {key: value for key, value in _PLAIN.items() if key not in on}


_ALL = set(_ON)
ROWS = {
    BASELINE: _row(set()),
    **{f"+{name}": _row({name}) for name in ("pafa", "grem", "drone", "within")},
    "+drone+scene": _row({"drone", "scene"}),
    "all": _row(_ALL),
    **{f"all-{name}": _row(_ALL - {name}) for name in ("pafa", "grem", "within", "scene")},
    "all-drone": _row(_ALL - {"drone", "scene"}),
}
DEPTHS = (1, 5, 10)


def train(row: str, seed: int, args: argparse.Namespace, kept: list[Kept]) -> tuple[SkyLink, float]:
    """Train a row; return its network and the CPU seconds of a step."""
    changes = ROWS[row] | {
        "places.root": json.dumps(str(args.root)),
        "places.held_out": "0",
        "batch.size": str(args.batch),
        "run.folder": json.dumps(str(args.out / f"{row}-{seed}")),
        "run.seed": str(seed),
        "run.max_steps": str(args.steps),
        "run.threads": str(args.threads),
        "run.device": args.device,
    }
    settings = [f"{key}={value}" for key, value in changes.items()]
    trainer = SkyLinkTrainer(load_skylink_config(args.preset, settings))
    if args.heads:
        trainer.model.tokens.requires_grad_(False)
        kept[:] = [only_heads(trainer, kept[0] if kept else None)]
    started = time.process_time()
    for _ in range(args.steps):
        trainer.step()
    return trainer.model, (time.process_time() - started) / args.steps


def answers(model: SkyLink, task: PlaceTask, device: str) -> Values:
    """Return how each query did, without and with test-time augmentation."""
    result: Values = {}
    for name, augmented in (("", False), (" tta", True)):
        describer = PlaceDescriber(model, model.config.sees, device, augmented)
        asked, searched = (describer.images(part.paths) for part in (task.query, task.gallery))
        found = place_ranks(asked, searched, task.query.place, task.gallery.place)
        result |= {f"r@{k}{name}": 100.0 * (found.best < k) for k in DEPTHS}
        result[f"ap{name}"] = 100.0 * found.average_precision
    return result


def stored(
    row: str, seed: int, task: PlaceTask, args: argparse.Namespace, kept: list[Kept]
) -> Values:
    """Return the answers of a row and seed, made now or before."""
    path = args.out / f"{row}-{seed}.npz"
    if not path.exists():
        model, seconds = train(row, seed, args, kept)
        found = answers(model, task, "cpu" if args.device == "auto" else args.device)
        args.out.mkdir(parents=True, exist_ok=True)
        np.savez(path, **found, cpu_s=np.full(len(task.query.place), seconds))
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def means(values: Values) -> dict[str, float]:
    """Return the mean of each figure."""
    return {name: float(np.mean(value)) for name, value in values.items() if name != "cpu_s"}


def main() -> None:
    """Train what is missing, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="of the data set")
    parser.add_argument("--test-root", type=Path, help="to search in, if not the same")
    parser.add_argument("--out", type=Path, required=True, help="folder of the answers")
    parser.add_argument("--preset", default="skylink-lite0")
    parser.add_argument("--steps", type=int, default=400, help="of each row")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--heads", action="store_true", help="keep the backbone as it starts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    task = load_task(args.test_root or args.root)
    base: Values | None = None
    kept: list[Kept] = []
    for row in args.rows:
        found = [stored(row, seed, task, args, kept) for seed in args.seeds]
        values = {name: np.stack([one[name] for one in found]) for name in found[0]}
        base = base or values
        line: dict[str, object] = {"row": row, "seeds": len(args.seeds), "steps": args.steps}
        line |= {"queries": len(task.query.place), "gallery": len(task.gallery.place)}
        line["step cost"] = round(float(values["cpu_s"].mean() / base["cpu_s"].mean()), 2)
        line |= compared(values, base, means, task.query.place)
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()

"""SkyLink's modules off and on: street photos searched in tiles of buildings in unseen cities.

Run: ``cvgl simulate university -o runs/university``, then ``python benchmarks/bench_skylink.py
--root runs/university --out skylink.jsonl [--steps 400] [--seeds 1 2 3 4 5] [--rows plain all]``.
Every row trains the small network for as many steps from the same start, with each seed, and
searches the test part: street to satellite, without and with test-time augmentation. One JSON line
a row and seed; shares in percent with the 95 % interval over places. At the end a table: means
over seeds, their least and most, and the CPU time of a step over that of ``plain``. Also works on
the real University-1652 (no scene rows without point clouds).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

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
FIGURES = ("r@1", "r@5", "r@10", "ap")


def train(row: str, seed: int, args: argparse.Namespace) -> tuple[SkyLink, dict[str, float]]:
    """Train a row; return its network and the CPU seconds of a step."""
    changes = ROWS[row] | {
        "places.root": json.dumps(str(args.root)),
        "places.held_out": "0",
        "batch.size": str(args.batch),
        "run.folder": json.dumps(str(args.out.with_suffix("") / f"{row}-{seed}")),
        "run.seed": str(seed),
        "run.max_steps": str(args.steps),
        "run.threads": str(args.threads),
        "run.device": args.device,
    }
    settings = [f"{key}={value}" for key, value in changes.items()]
    trainer = SkyLinkTrainer(load_skylink_config(args.preset, settings))
    started = time.process_time()
    losses = [float(trainer.step().street_satellite.detach()) for _ in range(args.steps)]
    seconds = (time.process_time() - started) / args.steps
    last = float(np.mean(losses[-10:]))
    return trainer.model, {"cpu_s_per_step": round(seconds, 3), "loss": round(last, 4)}


def figures(model: SkyLink, task: PlaceTask, device: str) -> dict[str, list[float]]:
    """Return value, low and high in percent of each figure, without and with augmentation."""
    result: dict[str, list[float]] = {}
    for name, augmented in (("", False), (" tta", True)):
        describer = PlaceDescriber(model, model.config.sees, device, augmented)
        asked, searched = (describer.images(part.paths) for part in (task.query, task.gallery))
        found = place_ranks(asked, searched, task.query.place, task.gallery.place).figures()
        for figure in FIGURES:
            value = found[figure]
            result[figure + name] = [
                round(100 * v, 2) for v in (value.value, value.low, value.high)
            ]
    return result


def table(lines: list[dict[str, object]], names: list[str]) -> str:
    """Return means over seeds with their range, and the cost of a step over the baseline's."""
    rows = [f"{'row':14} {'step cost':>9}" + "".join(f"{name:>22}" for name in names)]
    cost = {
        row: float(np.mean([line["cpu_s_per_step"] for line in lines if line["row"] == row]))
        for row in ROWS
        if any(line["row"] == row for line in lines)
    }
    for row in cost:
        own = [line for line in lines if line["row"] == row]
        ratio = cost[row] / cost[BASELINE] if BASELINE in cost else float("nan")
        cells = []
        for name in names:
            values = [line[name][0] for line in own]
            cells.append(f"{np.mean(values):8.2f} ({min(values):.1f}-{max(values):.1f})")
        rows.append(f"{row:14} {ratio:8.2f}x" + "".join(f"{cell:>22}" for cell in cells))
    return "\n".join(rows)


def main() -> None:
    """Train and score the rows that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="of the data set")
    parser.add_argument("--out", type=Path, required=True, help="JSON lines are appended here")
    parser.add_argument("--preset", default="skylink-lite0")
    parser.add_argument("--steps", type=int, default=400, help="of each row")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    task = load_task(args.root)
    device = "cpu" if args.device == "auto" else args.device
    lines: list[dict[str, object]] = []
    for row in args.rows:
        for seed in args.seeds:
            model, facts = train(row, seed, args)
            line = {"row": row, "seed": seed, "steps": args.steps, **facts}
            line |= {"queries": len(task.query.paths), "gallery": len(task.gallery.paths)}
            line |= figures(model, task, device)
            lines.append(line)
            text = json.dumps(line)
            print(text, flush=True)
            with args.out.open("a", encoding="utf-8") as stream:
                stream.write(text + "\n")
    print(table(lines, [*FIGURES, "r@1 tta"]))


if __name__ == "__main__":
    main()

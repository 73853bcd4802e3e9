"""``cvgl evaluate --dataset da-campus``, or any other with ``--levels-m``: graded figures."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cvgl_core.commands.accuracy import DatasetChoice
from cvgl_core.console import one_line, progress_bar
from cvgl_core.data.relevance import DA_CAMPUS_LEVELS_M
from cvgl_core.errors import SettingsError, WeightsError
from cvgl_core.evaluation.evalset import EvalSet
from cvgl_core.evaluation.metrics import Interval
from cvgl_core.evaluation.msrerank import msrerank
from cvgl_core.evaluation.nearness import Nearness, Ranking, measure_nearness
from cvgl_core.evaluation.network import Network
from cvgl_core.export.accuracy import Row, Table
from cvgl_core.fsio import write_bytes
from cvgl_core.models import DEFAULT_MODEL, load_engine
from cvgl_core.types import Float32Array, FloatArray, IntArray, Progress, UInt8Array

log = logging.getLogger(__name__)

_CHUNK = 256


@dataclass(frozen=True)
class NearnessChoice:
    """How to grade; see ``cvgl evaluate --help``."""

    data: DatasetChoice
    levels_m: str | None
    reranked: bool
    output: Path | None


def measure_graded(choice: NearnessChoice, model: str | None, device: str, machine: bool) -> str:
    """Measure, write ``nearness.json`` where asked, and return what to say.

    Raises:
        SettingsError: a name is not known, or the levels are no distances.
        DatasetError: the data set cannot be used.
        WeightsError: the weights cannot be used, or none are named for DA-Campus.
        OutputError: the file cannot be written.
    """
    data = choice.data
    campus = data.name == "da-campus"
    if campus and model is None:
        raise WeightsError(
            "no weights for DA-Campus come with the program: name a file by --model; "
            "`cvgl train da-campus` makes one"
        )
    levels_m = _levels(choice.levels_m)
    network = Network(load_engine(model or DEFAULT_MODEL, device))
    opened = data.open(network.card)
    for failure in opened.skipped:
        log.info("left out: %s", one_line(failure.message))
    with progress_bar() as progress:
        views, tiles = _described(opened.data, network, data.limit, progress)
        rankings = _rankings(opened.data, views, tiles, both=campus, reranked=choice.reranked)
        found = [measure_nearness(ranking, levels_m) for ranking in rankings]
    head = {
        "data": opened.data.name,
        "model": network.card.name,
        "weights_sha256": network.card.weights_sha256,
        "reranked": choice.reranked,
        "skipped": len(opened.skipped),
        "levels_m": levels_m,
    }
    facts = head | {"directions": [_facts(direction) for direction in found]}
    line = json.dumps(facts, allow_nan=False)
    if choice.output is not None:
        write_bytes(choice.output / "nearness.json", line.encode())
    return line if machine else _table(str(head["data"]), found).text()


def _levels(text: str | None) -> tuple[float, ...]:
    """Read distances.

    Raises:
        SettingsError: they are none.
    """
    if text is None:
        return DA_CAMPUS_LEVELS_M
    try:
        levels_m = tuple(float(word) for word in text.split(","))
    except ValueError:
        levels_m = ()
    if not levels_m or not all(0 < limit_m < math.inf for limit_m in levels_m):
        raise SettingsError(f"--levels-m {text!r}: write distances in metres, such as 3,200,500")
    return levels_m


def _described(
    data: EvalSet, network: Network, limit: int | None, progress: Progress
) -> tuple[Float32Array, Float32Array]:
    """Return descriptors of views ``[Q, D]`` and of the whole gallery ``[N, D]``."""

    def run(stage: str, count: int, describe: Callable[[int, int], Float32Array]) -> Float32Array:
        parts = []
        for start in range(0, count, _CHUNK):
            progress(stage, start, count)
            parts.append(describe(start, min(start + _CHUNK, count)))
        progress(stage, count, count)
        return np.concatenate(parts)

    def views(start: int, stop: int) -> Float32Array:
        return _numpy(network.views(_own(data.views(start, stop))).descriptor)

    def tiles(start: int, stop: int) -> Float32Array:
        return _numpy(network.tiles(_own(data.tiles(start, stop))).descriptor)

    count = len(data.positive) if limit is None else min(limit, len(data.positive))
    return run("views", count, views), run("tiles", len(data.tile_side_m), tiles)


def _own(pixels: UInt8Array) -> UInt8Array:
    return np.ascontiguousarray(pixels)


def _numpy(descriptors: object) -> Float32Array:
    import torch

    assert isinstance(descriptors, torch.Tensor)
    found: Float32Array = descriptors.float().cpu().numpy()
    return found


def _rankings(
    data: EvalSet, views: Float32Array, tiles: Float32Array, *, both: bool, reranked: bool
) -> list[Ranking]:
    """Return views asking tiles, and where there are many views of a tile the other way round."""

    def apart_m(view: IntArray, tile: IntArray) -> FloatArray:
        return np.asarray(np.hypot(*data.offset_m(view, tile).T))

    def back_m(tile: IntArray, view: IntArray) -> FloatArray:
        return apart_m(view, tile)

    place = data.positive[: len(views)]
    made = [
        Ranking(
            "drone to satellite" if both else "views to tiles",
            views,
            tiles,
            place,
            apart_m,
            msrerank(views, tiles) if reranked else None,
        )
    ]
    if both:
        own = np.arange(len(tiles))
        distance = msrerank(tiles, views) if reranked else None
        made.append(Ranking("satellite to drone", tiles, views, own, back_m, distance))
    return made


def _facts(found: Nearness) -> dict[str, object]:
    """Return a direction for programs; what is not a number is null."""
    return {
        "direction": found.name,
        "queries": found.queries,
        "items": found.items,
        "figures": {
            name: [
                round(part, 5) if math.isfinite(part) else None
                for part in (value.value, value.low, value.high)
            ]
            for name, value in found.figures().items()
        },
    }


def _table(title: str, found: list[Nearness]) -> Table:
    columns = [direction.figures() for direction in found]
    limits = ", ".join(f"{limit_m:g}" for limit_m in found[0].levels_m)
    return Table(
        f"{title}: how near the answers are",
        tuple(f"{d.name} ({d.queries:,} in {d.items:,})" for d in found),
        tuple(
            Row(name, tuple(_cell(name, figures[name]) for figures in columns))
            for name in columns[0]
        ),
        f"levels of relevance: within {limits} m, the nearest the highest; in percent, but top-1 in"
        " metres; in brackets the middle 95 % of 1,000 bootstrap samples",
    )


def _cell(name: str, value: Interval) -> str:
    scale, digits = (1.0, 1) if name.endswith(" m") else (100.0, 2)
    parts = (value.value, value.low, value.high)
    shown = [f"{scale * p:.{digits}f}" if math.isfinite(p) else "-" for p in parts]
    return f"{shown[0]} [{shown[1]}, {shown[2]}]"

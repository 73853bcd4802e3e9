"""``simcity-v1``: a benchmark of simulated cities with fixed seeds, so that results compare.

Nothing is downloaded: the cities come back from their seeds. ``docs/simcity.md`` has the protocols
and says when the name must change.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from cvgl_core.data.citypack import CitySpec, open_pack, render_pack
from cvgl_core.simulation import Look
from cvgl_core.types import ModelCard, Progress, no_progress

NAME = "simcity-v1"
Part = Literal["train", "validation", "elsewhere", "test", "same", "foreign"]
PARTS: tuple[Part, ...] = get_args(Part)

_SIZE_M = 1224.0
_GSD_M_PER_PX = 0.25
_TRAIN_SEEDS = tuple(range(1, 25))
_TRAIN_VIEWS = 1200
_HELD_OUT_SEEDS: dict[Part, tuple[int, ...]] = {
    "validation": (9001,),
    "elsewhere": (9002,),
    "test": (80001, 80002, 80003, 80004),
    "foreign": (81001, 81002),
}
_HELD_OUT_VIEWS = 400
_SAME_AREA_VIEWS = 100
_FRESH_CAMERAS = 70_000


def simcity_specs(card: ModelCard, part: Part) -> tuple[CitySpec, ...]:
    """Return the cities of one part, at the sizes a model takes.

    Args:
        card: says how large tiles and street views are.
        part: ``train``; ``validation`` and ``elsewhere`` (whose views belong nowhere in the
            validation city); ``test`` (cross-area); ``same`` (same-area: the training cities,
            photographed by fresh cameras); ``foreign`` (drawn by other rules).
    """
    if part in ("train", "same"):
        train = tuple(_spec(card, seed, _TRAIN_VIEWS) for seed in _TRAIN_SEEDS)
        return train if part == "train" else tuple(map(_photographed_again, train))
    look: Look = "foreign" if part == "foreign" else "plain"
    return tuple(
        replace(_spec(card, seed, _HELD_OUT_VIEWS), look=look) for seed in _HELD_OUT_SEEDS[part]
    )


def _spec(card: ModelCard, seed: int, views: int) -> CitySpec:
    return CitySpec(seed, views, _SIZE_M, _GSD_M_PER_PX, card.gsd_m_per_px, card.ground)


def _photographed_again(spec: CitySpec) -> CitySpec:
    """Return the same city on the same days, seen by other cameras."""
    return replace(spec, views=_SAME_AREA_VIEWS, camera_seed=_FRESH_CAMERAS + spec.seed)


def render_packs(
    specs: Sequence[CitySpec], cache: Path, processes: int = 1, progress: Progress = no_progress
) -> int:
    """Render the packs that ``cache`` lacks, and return how many those were.

    An interrupted call goes on where it stopped when it is repeated; every pack appears whole.

    Args:
        specs: cities.
        cache: folder of the packs.
        processes: how many cities to render at the same time, one thread and about 1 GB each.
        progress: called after each city.

    Raises:
        OutputError: the folder cannot be written.
        SettingsError: a city cannot be simulated.
    """
    missing = [spec for spec in specs if open_pack(spec, cache) is None]
    done = len(specs) - len(missing)
    progress("cities", done, len(specs))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(missing)) or 1, mp_context=context) as pool:
        tasks = [pool.submit(_render, spec, cache) for spec in missing]
        try:
            for task in as_completed(tasks):
                task.result()
                done += 1
                progress("cities", done, len(specs))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return len(missing)


def _render(spec: CitySpec, cache: Path) -> None:
    """Render one pack on one thread, in a process of its own."""
    import torch

    torch.set_num_threads(1)
    render_pack(spec, cache)

"""``cvgl evaluate --dataset university-1652 | uavm2025``: a SkyLink network on images of places."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass
from pathlib import Path

from cvgl_core.console import one_line, progress_bar
from cvgl_core.data.uavm2025 import ANSWERS, load_challenge, write_answers
from cvgl_core.data.university1652 import load_task
from cvgl_core.errors import SettingsError, WeightsError
from cvgl_core.evaluation.describing import PlaceDescriber
from cvgl_core.evaluation.places import PlaceRanks, best_of, place_ranks
from cvgl_core.fsio import write_bytes
from cvgl_core.models import resolve_device
from cvgl_core.models.skylink import SkyLinkCard, load_skylink

log = logging.getLogger(__name__)

_NAMES = {"r@1": "R@1", "r@5": "R@5", "r@10": "R@10", "r@1%": "R@1%", "ap": "AP"}


@dataclass(frozen=True)
class PlacesChoice:
    """A data set of places and how to ask it; see ``cvgl evaluate --help``."""

    root: Path
    model: str | None
    device: str
    augmented: bool
    output: Path | None


def measure_places(
    dataset: str, choice: PlacesChoice, direction: str | None, part: str, for_programs: bool
) -> str:
    """Measure a direction of University-1652, or answer UAVM 2025; return what to say.

    Raises:
        SettingsError: no such direction or part, or no folder for the answers.
        CvglError: as the two below.
    """
    if dataset == "university-1652":
        return measure_university(choice, direction or "street-satellite", part, for_programs)
    if choice.output is None:
        raise SettingsError("uavm2025: name a folder for answer.txt and answer.zip by -o DIR")
    return answer_challenge(choice, choice.output, for_programs)


def measure_university(choice: PlacesChoice, direction: str, part: str, for_programs: bool) -> str:
    """Measure one direction of University-1652; return what to say.

    Raises:
        SettingsError: no such direction or part.
        DatasetError: the data set cannot be used.
        WeightsError: no weights are named, or they are no SkyLink network's.
        OutputError: ``accuracy.json`` cannot be written.
    """
    task = load_task(choice.root, direction, part)
    skipped = (*task.query.skipped, *task.gallery.skipped)
    for failure in skipped:
        log.info("left out: %s", one_line(failure.message))
    describer, card = _describer(choice)
    with progress_bar() as progress:
        asked, searched = (
            describer.images(images.paths, progress=progress, stage=images.folder.name)
            for images in (task.query, task.gallery)
        )
    found = place_ranks(asked, searched, task.query.place, task.gallery.place)
    facts = _facts(task.name, card, choice.augmented, found, len(skipped))
    line = json.dumps(facts, allow_nan=False)
    if choice.output is not None:
        write_bytes(choice.output / "accuracy.json", line.encode())
    return line if for_programs else _text(task.name, card, found)


def answer_challenge(choice: PlacesChoice, output: Path, for_programs: bool) -> str:
    """Answer the queries of UAVM 2025; return what to say.

    Raises:
        DatasetError: the data set cannot be used.
        WeightsError: no weights are named, or they are no SkyLink network's.
        OutputError: the answers cannot be written.
    """
    challenge = load_challenge(choice.root)
    describer, _ = _describer(choice)
    with progress_bar() as progress:
        asked = describer.images(
            challenge.query_paths, challenge.query_listed, progress, stage="queries"
        )
        searched = describer.images(challenge.gallery_paths, progress=progress, stage="gallery")
    path = write_answers(output, challenge, best_of(asked, searched, ANSWERS))
    if for_programs:
        return json.dumps({"answers": str(path), "queries": len(asked), "gallery": len(searched)})
    return (
        f"{path}: {len(asked):,} queries, the best {ANSWERS} of {len(searched):,}; hand in "
        f"{path.with_suffix('.zip').name}"
    )


def _describer(choice: PlacesChoice) -> tuple[PlaceDescriber, SkyLinkCard]:
    if choice.model is None:
        raise WeightsError(
            "no SkyLink weights come with the program: name a file by --model; "
            "`cvgl train skylink` makes one"
        )
    model, card = load_skylink(Path(choice.model))
    device = resolve_device(choice.device)
    return PlaceDescriber(model, model.config.sees, device, choice.augmented), card


def _facts(
    name: str, card: SkyLinkCard, augmented: bool, found: PlaceRanks, skipped: int
) -> dict[str, object]:
    """Return what was measured, for programs."""
    return {
        "data": name,
        "model": card.name,
        "weights_sha256": card.weights_sha256,
        "test_time_augmentation": augmented,
        "queries": len(found.best),
        "queries_without_match": found.without_match,
        "gallery_size": found.gallery_size,
        "skipped": skipped,
        "figures": {
            name: [_number(value.value), _number(value.low), _number(value.high)]
            for name, value in found.figures().items()
        },
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _text(name: str, card: SkyLinkCard, found: PlaceRanks) -> str:
    """Return the figures in percent, each with the 95 % interval of its bootstrap over places."""
    lines = [
        f"{name}: {len(found.best):,} queries, {found.gallery_size:,} images, {card.name} "
        f"{(card.weights_sha256 or '')[:12]}"
    ]
    if found.without_match:
        lines.append(f"{found.without_match:,} queries have no match and count as failures")
    for key, value in found.figures().items():
        shown = " ".join(f"{100 * part:6.2f}" for part in (value.value, value.low, value.high))
        lines.append(f"{_NAMES[key]:5} {shown}")
    return "\n".join(lines)

"""The data sets that an evaluation knows by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from cvgl_core.data import simcity
from cvgl_core.data.citypack import CityPack, open_pack
from cvgl_core.data.datasets import DATASETS, PLACE_DATASETS, Labels, Split, load_pairs
from cvgl_core.data.pairset import PairImages
from cvgl_core.errors import DatasetError, SettingsError
from cvgl_core.evaluation.evalset import CitySet, EvalSet, ListedSet, StrangerSet
from cvgl_core.types import Failure, ModelCard

NAMES = (simcity.NAME, *DATASETS)
PROTOCOLS = ("cross", "same", "foreign")
"""Of ``simcity-v1``; the others have theirs in their name."""


@dataclass(frozen=True)
class Benchmark:
    """A data set, ready to be searched.

    Attributes:
        data: tiles and views.
        labels: where the true places come from.
        published: the protocol of ``published_tables`` that this is, or "" if it is none of them.
        skipped: rows of the data set that could not be used.
        strangers: views that belong nowhere in the gallery, for calibration; None without any.
    """

    data: EvalSet
    labels: str
    published: str
    skipped: tuple[Failure, ...] = ()
    strangers: EvalSet | None = None


def open_benchmark(
    name: str, root: Path, card: ModelCard, *, protocol: str, split: str, labels: str
) -> Benchmark:
    """Open a data set at the sizes that a model takes.

    Args:
        name: one of ``NAMES``.
        root: its folder; for ``simcity-v1`` that of the rendered cities.
        card: of the model.
        protocol: of ``simcity-v1``: one of ``PROTOCOLS``.
        split: "val" or "test".
        labels: of VIGOR: "corrected" or "original".

    Raises:
        SettingsError: a name is not known, or the data set has no such part.
        DatasetError: files are missing or contradict one another.
    """
    if name == simcity.NAME:
        return _simcity(root, card, protocol, split)
    if name not in NAMES:
        known = ", ".join((*NAMES, *PLACE_DATASETS))
        raise SettingsError(f"no data set {name!r}; known: {known}")
    pairs = load_pairs(name, root, cast(Split, split), cast(Labels, labels))
    as_published = split == "test" or name == "cvact"
    # The paper's metres are those of the corrected labels, and its CVUSA has one test set.
    if name.startswith("vigor") and pairs.labels != "corrected":
        as_published = False
    published = f"cvact-{split}" if name == "cvact" else name
    data = ListedSet(PairImages(pairs, card), card)
    return Benchmark(data, pairs.labels, published if as_published else "", pairs.skipped)


def _simcity(root: Path, card: ModelCard, protocol: str, split: str) -> Benchmark:
    """Open the cities of a part of ``simcity-v1``.

    Raises:
        SettingsError: there is no such part.
        DatasetError: a city has not been rendered.
    """
    parts: dict[tuple[str, str], simcity.Part] = {
        ("cross", "test"): "test",
        ("cross", "val"): "validation",
        ("same", "test"): "same",
        ("foreign", "test"): "foreign",
    }
    part = parts.get((protocol, split))
    if part is None:
        known = ", ".join(f"{protocol} {split}" for protocol, split in parts)
        raise SettingsError(f"{simcity.NAME} has no {protocol} {split}; it has {known}")
    data = CitySet(f"{simcity.NAME} {protocol}-area {split}", _packs(root, card, part), card)
    # Calibrations were fitted with strangers from `elsewhere`; the test asks others.
    others = _packs(root, card, "elsewhere" if part == "validation" else "validation")
    strangers = StrangerSet(data, CitySet("strangers", others, card))
    return Benchmark(data, "exact", "", strangers=strangers)


def _packs(root: Path, card: ModelCard, part: simcity.Part) -> list[CityPack]:
    """Open the rendered cities of a part.

    Raises:
        DatasetError: one has not been rendered.
    """
    packs: list[CityPack] = []
    for spec in simcity.simcity_specs(card, part):
        pack = open_pack(spec, root)
        if pack is None:
            raise DatasetError(
                f"{root / spec.name}: this city has not been rendered; "
                f"`cvgl simulate benchmark {simcity.NAME} -o {root} --part {part}` renders it"
            )
        packs.append(pack)
    return packs

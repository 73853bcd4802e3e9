"""The data sets that an evaluation knows by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from cvgl_core.data import simcity
from cvgl_core.data.citypack import CityPack, open_pack
from cvgl_core.data.datasets import DATASETS, Labels, Split, load_pairs
from cvgl_core.data.pairset import PairImages
from cvgl_core.errors import DatasetError, SettingsError
from cvgl_core.evaluation.evalset import CitySet, EvalSet, ListedSet
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
    """

    data: EvalSet
    labels: str
    published: str
    skipped: tuple[Failure, ...] = ()


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
        raise SettingsError(f"no data set {name!r}; known: {', '.join(NAMES)}")
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
    packs: list[CityPack] = []
    for spec in simcity.simcity_specs(card, part):
        pack = open_pack(spec, root)
        if pack is None:
            raise DatasetError(
                f"{root / spec.name}: this city has not been rendered; "
                f"`cvgl simulate benchmark {simcity.NAME} -o {root} --part {part}` renders it"
            )
        packs.append(pack)
    data = CitySet(f"{simcity.NAME} {protocol}-area {split}", packs, card)
    return Benchmark(data, "exact", "")

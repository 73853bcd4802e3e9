"""The door to listed data sets: a name and a folder in, a checked ``PairSet`` out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from cvgl_core.data.cvact import load_cvact
from cvgl_core.data.cvusa import load_cvusa
from cvgl_core.data.da_campus import load_da_campus
from cvgl_core.data.pairset import PairSet
from cvgl_core.data.vigor import load_vigor
from cvgl_core.errors import SettingsError

PLACE_DATASETS = ("university-1652", "uavm2025")
"""Images of places, read by ``university1652`` and ``uavm2025``: they make no pairs."""

DATASETS = ("vigor-same", "vigor-cross", "cvusa", "cvact", "da-campus")

Split = Literal["train", "val", "test"]
Labels = Literal["corrected", "original"]


def load_pairs(
    dataset: str, root: Path, split: Split = "test", labels: Labels = "corrected"
) -> PairSet:
    """Read the lists of a data set and check them against the files on disk.

    Args:
        dataset: one of ``DATASETS``.
        root: folder of the data set, laid out as ``docs/datasets.md`` says.
        split: part to load; CVUSA has one part to test on, and so has DA-Campus: "val" is "test".
        labels: which labels of VIGOR; the others have one kind.

    Raises:
        SettingsError: no data set, split or labels of that name.
        DatasetError: files are missing, or their contents contradict one another.
        MissingDependencyError: CVACT without SciPy.
    """
    for kind, value, known in (
        ("data set", dataset, DATASETS),
        ("split", split, get_args(Split)),
        ("labels", labels, get_args(Labels)),
    ):
        if value not in known:
            raise SettingsError(f"no {kind} {value!r}; known: {', '.join(known)}")
    if dataset == "vigor-same":
        return load_vigor(root, "same", split, labels)
    if dataset == "vigor-cross":
        return load_vigor(root, "cross", split, labels)
    if labels != "corrected":
        raise SettingsError(f"{dataset} has no {labels} labels; leave the setting out")
    if dataset == "da-campus":
        return load_da_campus(root, split)
    return load_cvusa(root, split) if dataset == "cvusa" else load_cvact(root, split)

"""The door to listed data sets: a name and a folder in, a checked ``PairSet`` out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cvgl_core.data.pairset import PairSet

DATASETS = ("vigor-same", "vigor-cross", "cvusa", "cvact")

Split = Literal["train", "val", "test"]
Labels = Literal["corrected", "original"]


def load_pairs(
    dataset: str, root: Path, split: Split = "test", labels: Labels = "corrected"
) -> PairSet:
    """Read the lists of a data set and check them against the files on disk.

    Args:
        dataset: one of ``DATASETS``.
        root: folder of the data set, laid out as ``docs/datasets.md`` says.
        split: part to load; CVUSA has no "test" of its own and gives "val" for it.
        labels: which labels of VIGOR; the others have one kind.

    Raises:
        SettingsError: no data set of that name.
        DatasetError: files are missing, or their contents contradict one another.
    """
    raise NotImplementedError

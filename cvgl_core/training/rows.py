"""The rows of an ablation: what each changes of a whole configuration (UnifyGeo, Tables V-VII).

The paper's UL (unified learning) is training all terms together, FA its feature aggregator, and
L_R the ranking loss. Re-ranking is no matter of training: ``cvgl evaluate`` reports both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_RETRIEVAL_ALONE = {"localization": 0, "matching": 0, "ranking": 0}
_WITHOUT_RANKING = {"ranking": 0}
_LOCALIZATION_ALONE = {"retrieval": 0, "ranking": 0}


@dataclass(frozen=True)
class Row:
    """One network of a comparison.

    Attributes:
        about: what it is, with its place in the paper's tables.
        changes: values by section, over those of the configuration.
        retrieves, localizes: what it was trained for.
    """

    about: str
    changes: Mapping[str, Mapping[str, Any]]
    retrieves: bool = True
    localizes: bool = True


ROWS: dict[str, Row] = {
    "baseline": Row(
        "average pooling, retrieval alone (V 1, VII 1)",
        {"model": {"variant": "mean"}, "loss": _RETRIEVAL_ALONE},
        localizes=False,
    ),
    "ul": Row(
        "UL (V 2, VI 2, VII 3)",
        {"model": {"variant": "mean"}, "loss": _WITHOUT_RANKING},
    ),
    "fa": Row(
        "FA (V 3, VII 2)",
        {"model": {"variant": "paper"}, "loss": _RETRIEVAL_ALONE},
        localizes=False,
    ),
    "ul-fa": Row(
        "UL and FA, without and with re-ranking (V 4 and 6, VI 3, VII 4 and 6)",
        {"model": {"variant": "paper"}, "loss": _WITHOUT_RANKING},
    ),
    "paper": Row(
        "UL, FA, L_R: the paper's network (V 5 and Ours, VI Ours, VII 5 and Ours)",
        {"model": {"variant": "paper"}},
    ),
    "localizer": Row(
        "the detailed pathway alone, as CCVPE: L_D and L_M (VI 1)",
        {"model": {"variant": "mean"}, "loss": _LOCALIZATION_ALONE},
        retrieves=False,
    ),
    "sample4geo": Row(
        "Sample4Geo's way: one encoder for both views, average pooling, retrieval alone",
        {"model": {"variant": "shared"}, "loss": _RETRIEVAL_ALONE},
        localizes=False,
    ),
    "full": Row("the configuration as it is", {}),
}

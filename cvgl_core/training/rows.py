"""The rows of an ablation: what each changes of a whole configuration (UnifyGeo, Tables V-VII).

The rows of DyCL's terms are for tiles of about 72 m: the own place, what its tile overlaps, and the
streets around it are the levels.

The paper's UL (unified learning) is training all terms together, FA its feature aggregator, and
L_R the ranking loss. Re-ranking is no matter of training: ``cvgl evaluate`` reports both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PAPER = {"presence": 0}
_RETRIEVAL_ALONE = _PAPER | {"localization": 0, "matching": 0, "ranking": 0}
_WITHOUT_RANKING = _PAPER | {"ranking": 0}
_LOCALIZATION_ALONE = _PAPER | {"retrieval": 0, "ranking": 0}
_NONE = _RETRIEVAL_ALONE | {"retrieval": 0}
_DYCL = {"levels_m": [25, 75, 200], "weight": 10}


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
        {"model": {"variant": "paper"}, "loss": _PAPER},
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
    "dycl": Row("with DyCL's three terms", {"distance_aware": _DYCL}),
    "dycl-no-contrast": Row(
        "with DyCL's terms but the dynamic margins", {"distance_aware": _DYCL | {"contrast": 0}}
    ),
    "dycl-no-ranking": Row(
        "with DyCL's terms but the smooth H-AP", {"distance_aware": _DYCL | {"ranking": 0}}
    ),
    "dycl-no-proxies": Row(
        "with DyCL's terms but the proxies", {"distance_aware": _DYCL | {"proxies": 0}}
    ),
    "dycl-areas": Row(
        "with DyCL's terms, each batch from two areas of 200 m radius",
        {"distance_aware": _DYCL, "batch": {"areas": 2}},
    ),
    "dycl-scales": Row(
        "with DyCL's terms, on tiles of half, the same and twice the side",
        {"distance_aware": _DYCL, "batch": {"tile_scales": [0.5, 1, 2]}},
    ),
    "dycl-alone": Row(
        "DyCL's terms alone", {"loss": _NONE, "distance_aware": _DYCL}, localizes=False
    ),
    "infonce-alone": Row("retrieval by InfoNCE alone", {"loss": _RETRIEVAL_ALONE}, localizes=False),
    "triplet-alone": Row(
        "retrieval by soft-margin triplets alone",
        {
            "loss": _NONE,
            "distance_aware": _DYCL | {"contrast": 0, "ranking": 0, "proxies": 0, "triplet": 1},
        },
        localizes=False,
    ),
}

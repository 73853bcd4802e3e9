"""Tables I to VII of the UnifyGeo paper (arXiv 2505.07622), to stand beside our own figures.

Shares in percent, errors in metres; None where the paper leaves a dash. In the paper R@1 of
UnifyGeo is after re-ranking 5 tiles; R@5, R@10, R@1% and the hit rate are before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SOURCE = "UnifyGeo, arXiv 2505.07622"
OWN_NAME = "UnifyGeo"

Values = tuple[float | None, ...]

_RETRIEVAL = ("r@1", "r@5", "r@10", "r@1%")
_RETRIEVAL_HIT = (*_RETRIEVAL, "hit")
_METRIC = ("mean_m", "median_m")
_PIPELINE = ("r@1m", "r@10m")


@dataclass(frozen=True)
class PublishedTable:
    """The part of one of the paper's tables that belongs to one protocol.

    Attributes:
        number: as the paper counts, such as "II".
        title: what it shows.
        protocol: "vigor-same", "vigor-cross", "cvusa", "cvact-val" or "cvact-test".
        columns: names of the figures.
        rows: the methods' values, in the order of ``columns``.
    """

    number: str
    title: str
    protocol: str
    columns: tuple[str, ...]
    rows: Mapping[str, Values]


def published_tables(protocol: str) -> tuple[PublishedTable, ...]:
    """Return the paper's tables of a protocol; none for a data set that it does not use."""
    return tuple(table for table in _TABLES if table.protocol == protocol)


def _parts(
    number: str,
    title: str,
    protocols: Sequence[str],
    columns: tuple[str, ...],
    rows: Mapping[str, Values],
) -> list[PublishedTable]:
    """Split a table whose rows hold the columns of all protocols one after the other."""
    width = len(columns)
    tables = []
    for i, protocol in enumerate(protocols):
        part = {method: values[i * width : (i + 1) * width] for method, values in rows.items()}
        tested = {method: values for method, values in part.items() if values != (None,) * width}
        tables.append(PublishedTable(number, title, protocol, columns, tested))
    return tables


_VIGOR = ("vigor-same", "vigor-cross")

_TABLES = [
    *_parts(
        "I",
        "Whole pipeline on VIGOR (%)",
        _VIGOR,
        _PIPELINE,
        {
            "VIGOR": (0.55, 25.50, 0.06, 6.20),
            "PaSS-KD": (1.53, 46.50, 0.43, 16.20),
            "Sample4Geo": (0.24, 20.84, 0.23, 17.81),
            "Sample4Geo + CCVPE": (29.90, 73.10, 18.61, 56.71),
            "Sample4Geo + HC-Net": (35.92, 74.91, 19.28, 59.23),
            OWN_NAME: (39.64, 81.37, 25.58, 66.24),
        },
    ),
    *_parts(
        "II",
        "Retrieval on VIGOR (%)",
        _VIGOR,
        _RETRIEVAL_HIT,
        {
            "SAFA": (33.93, 58.42, 68.12, 98.24, 36.87, 8.20, 19.59, 26.36, 77.61, 8.85),
            "VIGOR": (41.07, 65.81, 74.05, 98.37, 44.71, 11.00, 23.56, 30.76, 80.22, 11.64),
            "TransGeo": (61.48, 87.54, 91.88, 99.56, 73.09, 18.99, 38.24, 46.91, 88.94, 21.21),
            "PaSS-KD": (52.90, 76.60, None, None, 57.00, 21.00, 39.70, None, None, 22.20),
            "GeoDTR": (56.51, 80.37, 86.21, 99.25, 61.76, 30.02, 52.67, 61.45, 94.40, 30.19),
            "Sample4Geo": (77.86, 95.66, 97.21, 99.61, 89.82, 61.70, 83.50, 88.00, 98.17, 69.87),
            OWN_NAME: (82.80, 94.92, 96.57, 99.47, 88.72, 67.58, 81.60, 86.02, 97.26, 68.24),
        },
    ),
    *_parts(
        "III",
        "Metric localization on VIGOR (m)",
        _VIGOR,
        _METRIC,
        {
            "CVR": (8.99, 7.81, 8.89, 7.73),
            "MCC": (6.94, 3.64, 9.05, 5.14),
            "SliceMatch": (5.18, 2.58, 5.53, 2.55),
            "GGCVT": (4.12, 1.34, 5.16, 1.40),
            "CCVPE": (3.60, 1.36, 4.97, 1.68),
            "HC-Net": (2.65, 1.17, 3.36, 1.59),
            OWN_NAME: (2.26, 1.13, 3.05, 1.39),
        },
    ),
    *_parts(
        "IV",
        "Retrieval on CVUSA and CVACT (%)",
        ("cvusa", "cvact-val", "cvact-test"),
        _RETRIEVAL,
        {
            "SAFA (polar transform)": (
                *(89.84, 96.93, 98.14, 99.64),
                *(81.03, 92.80, 94.84, 98.17),
                *(55.50, 79.94, 85.08, 94.49),
            ),
            "SEH (polar transform)": (
                *(95.11, 98.45, 99.00, 99.78),
                *(84.75, 93.97, 95.46, 98.11),
                *(None, None, None, None),
            ),
            "TransGeo": (
                *(94.08, 98.36, 99.04, 99.77),
                *(84.95, 94.14, 95.78, 98.37),
                *(None, None, None, None),
            ),
            "PaSS-KD": (
                *(94.09, 98.42, 99.13, 99.77),
                *(87.20, 94.30, 95.67, 97.85),
                *(66.81, 88.03, 90.87, 98.02),
            ),
            "GeoDTR (polar transform)": (
                *(95.43, 98.86, 99.34, 99.86),
                *(86.21, 95.44, 96.72, 98.77),
                *(64.52, 88.59, 91.96, 98.74),
            ),
            "Sample4Geo": (
                *(98.68, 99.68, 99.78, 99.87),
                *(90.81, 96.74, 97.48, 98.77),
                *(71.51, 92.42, 94.45, 98.70),
            ),
            OWN_NAME: (
                *(98.91, 99.62, 99.72, 99.84),
                *(91.38, 96.27, 97.04, 98.45),
                *(73.42, 92.46, 94.27, 98.43),
            ),
        },
    ),
    *_parts(
        "V",
        "Ablation of retrieval on VIGOR (%)",
        _VIGOR,
        _RETRIEVAL_HIT,
        {
            "1: neither": (74.12, 93.44, 95.62, 99.48, 85.43, 51.73, 74.63, 80.74, 96.80, 58.10),
            "2: UL": (75.54, 94.08, 96.15, 99.51, 86.53, 53.99, 76.31, 82.26, 96.98, 60.57),
            "3: FA": (77.19, 94.31, 96.20, 99.45, 87.68, 58.83, 80.10, 85.01, 97.28, 65.90),
            "4: UL, FA": (78.01, 94.80, 96.48, 99.49, 88.48, 60.21, 81.13, 85.69, 97.38, 67.53),
            "5: UL, FA, L_R": (
                *(78.44, 94.92, 96.57, 99.47, 88.72),
                *(61.18, 81.60, 86.02, 97.26, 68.24),
            ),
            "6: UL, FA, re-rank": (
                *(80.97, 94.80, 96.48, 99.49, 88.48),
                *(64.57, 81.13, 85.69, 97.38, 67.53),
            ),
            OWN_NAME: (82.80, 94.92, 96.57, 99.47, 88.72, 67.58, 81.60, 86.02, 97.26, 68.24),
        },
    ),
    *_parts(
        "VI",
        "Ablation of metric localization on VIGOR (m)",
        _VIGOR,
        _METRIC,
        {
            "1: localization alone": (2.59, 1.00, 4.30, 1.50),
            "2: UL": (2.63, 1.18, 4.22, 1.43),
            "3: UL, FA": (2.41, 1.12, 3.31, 1.42),
            OWN_NAME: (2.26, 1.13, 3.05, 1.39),
        },
    ),
    *_parts(
        "VII",
        "Ablation of the whole pipeline on VIGOR (%)",
        _VIGOR,
        _PIPELINE,
        {
            "1: neither": (0.24, 20.16, 0.21, 15.26),
            "2: FA": (0.24, 20.58, 0.22, 16.99),
            "3: UL": (34.64, 73.51, 19.48, 52.24),
            "4: UL, FA": (36.63, 76.07, 21.88, 58.46),
            "5: UL, FA, L_R": (37.37, 76.74, 22.81, 59.63),
            "6: UL, FA, re-rank": (38.48, 79.47, 23.98, 63.17),
            OWN_NAME: (39.64, 81.37, 25.58, 66.24),
        },
    ),
]

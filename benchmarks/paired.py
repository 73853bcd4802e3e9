"""Rows of a comparison with intervals, and how they differ from a baseline's, in pairs.

Values of a row are ``[seeds, queries]`` by name. Seeds and groups of queries (photos of one place
are not independent) are drawn together with replacement, the same ones for every row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from cvgl_core.types import FloatArray, IntArray

Values = dict[str, FloatArray]
Statistics = Callable[[Values], dict[str, float]]
ROUNDS = 1000


def compared(
    values: Values, base: Values, statistics: Statistics, group: IntArray
) -> dict[str, object]:
    """Return the figures of a row as ``[value, low, high]``, and their differences as ``over``.

    Args:
        values: of the row.
        base: of the baseline, for the same seeds and queries.
        statistics: of values, such as means.
        group: of each query ``[Q]``.
    """
    own, other = statistics(values), statistics(base)
    samples = [(statistics(s), statistics(b)) for s, b in _drawn(values, base, group)]
    line: dict[str, object] = {
        name: _interval(value, [sample[name] for sample, _ in samples])
        for name, value in own.items()
    }
    line["over"] = {
        name: _interval(own[name] - other[name], [s[name] - b[name] for s, b in samples])
        for name in own
    }
    return line


def _drawn(values: Values, base: Values, group: IntArray) -> Iterator[tuple[Values, Values]]:
    rng = np.random.default_rng(0)
    seeds = len(next(iter(values.values())))
    members = [np.flatnonzero(group == one) for one in np.unique(group)]
    for _ in range(ROUNDS):
        some = rng.integers(0, seeds, seeds)
        queries = np.concatenate([members[k] for k in rng.integers(0, len(members), len(members))])
        chosen = np.ix_(some, queries)
        own, other = ({name: v[chosen] for name, v in part.items()} for part in (values, base))
        yield own, other


def _interval(value: float, samples: list[float]) -> list[float]:
    """Return a value and the middle 95 % of its samples."""
    return [round(float(v), 4) for v in (value, *np.percentile(samples, [2.5, 97.5]))]

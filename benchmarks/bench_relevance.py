"""The matrix of relevance by distance, against a geodesic for each pair as the public code of DyCL.

Run: ``python benchmarks/bench_relevance.py [--places 10000]``. The loop is timed on a sample of
pairs; CPU seconds of one thread.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from pyproj import Geod

from cvgl_core.data.relevance import DA_CAMPUS_LEVELS_M, relevance_matrix


def main() -> None:
    """Time both, and compare what they say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--places", type=int, default=10_000)
    parser.add_argument("--sample", type=int, default=200, help="places of the loop")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    places = np.stack(
        [rng.uniform(118.9, 119.0, args.places), rng.uniform(32.1, 32.2, args.places)], axis=1
    )
    started = time.process_time()
    matrix = relevance_matrix(places, places)
    whole = time.process_time() - started
    geod, few = Geod(ellps="WGS84"), places[: args.sample]
    started = time.process_time()
    slow = [
        [sum(geod.inv(*a, *b)[2] <= m for m in DA_CAMPUS_LEVELS_M) for b in few.tolist()]
        for a in few.tolist()
    ]
    each = (time.process_time() - started) / args.sample**2
    wrong = int((matrix[: args.sample, : args.sample] != np.array(slow)).sum())
    print(f"{args.places:,} x {args.places:,} levels: {whole:.2f} CPU seconds")
    print(f"one pair at a time: {each * args.places**2:,.0f} CPU seconds (from {args.sample:,}^2)")
    print(f"ratio {each * args.places**2 / whole:,.0f}; pairs that differ: {wrong}")


if __name__ == "__main__":
    main()

"""Intervals of comparisons, on values whose differences are known."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "paired.py"


@pytest.fixture(scope="module")
def compared():
    spec = importlib.util.spec_from_file_location("paired", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.compared


def mean(values):
    return {"score": float(values["score"].mean())}


def test_the_same_queries_and_seeds_are_drawn_for_both(compared):
    """A difference that is the same everywhere has no width, however far the values scatter."""
    base = {"score": np.random.default_rng(0).normal(size=(3, 50))}
    line = compared({"score": base["score"] + 2.0}, base, mean, np.arange(50))
    assert line["over"]["score"] == pytest.approx([2.0, 2.0, 2.0])
    value, low, high = line["score"]
    assert low < value < high
    assert value == pytest.approx(base["score"].mean() + 2.0, abs=1e-4)


def test_photos_of_one_place_are_drawn_together(compared):
    """Twenty copies of five places tell no more than five do."""
    place = np.repeat(np.arange(5), 20)
    values = {"score": place[None].astype(float)}
    nothing = {"score": np.zeros((1, 100))}
    _, low, high = compared(values, nothing, mean, place)["over"]["score"]
    _, near, far = compared(values, nothing, mean, np.arange(100))["over"]["score"]
    assert high - low > 2 * (far - near)

import numpy as np
import pytest

from cvgl_core.data.hierarchy import HierarchyRules, areas_of, hierarchical_batches

STEP_DEG = 400 / 111_200  # 400 m


def lattice(*campuses):
    """Places 400 m apart in a row on each campus, campuses a degree apart."""
    return np.array(
        [(10.0 + c, 50.0 + STEP_DEG * k) for c, n in enumerate(campuses) for k in range(n)]
    )


def test_areas_are_joined_by_steps():
    """A row of places is one area although its ends are far apart."""
    rng = np.random.default_rng(0)
    order = rng.permutation(9)
    expected = np.array([0] * 5 + [1] * 1 + [2] * 3)[order]
    found = areas_of(lattice(5, 1, 3)[order], 500.0)
    assert len(set(found)) == 3
    assert len(set(zip(found, expected, strict=True))) == 3
    assert len(set(areas_of(lattice(5), 300.0))) == 5


def test_places_without_coordinates_are_alone():
    assert areas_of(np.array([[np.nan, np.nan], [10.0, 50.0], [np.nan, 1.0]]), 500.0).tolist() == [
        0,
        1,
        2,
    ]


@pytest.mark.parametrize("seed", range(5))
def test_batches_hold_every_level(seed):
    """Two areas, an even share of each, four views of every place."""
    campuses = (6, 5, 8, 4)
    area = np.repeat(np.arange(4), campuses)
    place = np.repeat(np.arange(sum(campuses)), 60)
    shuffled = np.random.default_rng(seed).permutation(place)
    rules = HierarchyRules(size=32)
    batches = hierarchical_batches(shuffled, area, rules, np.random.default_rng(seed))
    assert batches.shape == (6 * 4, 32)
    combinations = set()
    for batch in batches:
        assert len(set(batch)) == 32
        places = shuffled[batch]
        assert (np.bincount(places)[np.unique(places)] == 4).all()
        numbers, counts = np.unique(area[places], return_counts=True)
        assert counts.tolist() == [16, 16]
        combinations.add(tuple(numbers))
    assert len(combinations) == 6


def test_small_areas_are_filled_up():
    place = np.repeat(np.arange(4), 5)
    area = np.array([0, 1, 1, 1])
    rules = HierarchyRules(size=16, per_place=2, repeats=1)
    (batch,) = hierarchical_batches(place, area, rules, np.random.default_rng(0))
    assert len(set(batch)) == 16
    assert set(batch[:5]) == set(range(5))


def test_of_many_combinations_some_are_drawn():
    """A thousand places on their own would make 2 million batches an epoch."""
    place = np.repeat(np.arange(1000), 2)
    rules = HierarchyRules(size=4, per_place=2)
    batches = hierarchical_batches(place, np.arange(1000), rules, np.random.default_rng(0))
    assert batches.shape == (4 * 500, 4)
    assert all(len(set(place[batch])) == 2 for batch in batches)


def test_one_area_alone():
    rules = HierarchyRules(size=8, per_place=2, repeats=3)
    place = np.repeat(np.arange(6), 4)
    batches = hierarchical_batches(place, np.zeros(6, int), rules, np.random.default_rng(0))
    assert batches.shape == (3, 8)


def test_too_few_pairs_make_no_batch():
    batches = hierarchical_batches(
        np.arange(3), np.zeros(3, int), HierarchyRules(size=4), np.random.default_rng(0)
    )
    assert batches.shape == (0, 4)

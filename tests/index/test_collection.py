from pathlib import Path

import numpy as np
import pytest

from cvgl_core.errors import WeightsMismatchError
from cvgl_core.index import Collection, Index, exact_search
from cvgl_core.types import Bounds
from tests.index.conftest import BLOCKS


@pytest.fixture
def pair(make_index) -> Collection:
    """Two neighbours that share the middle block, described differently there."""
    west = make_index("west.cvgl", blocks=BLOCKS[:2])
    east = make_index("east.cvgl", blocks=BLOCKS[1:], seed=1, index_id="1" * 32)
    return Collection([Index.open(west), Index.open(east)])


def test_tiles_of_all_are_numbered_one_after_the_other(pair: Collection) -> None:
    west, east = pair.members
    assert len(pair) == 18 + 18 == len(pair.rows) == len(pair.cols)
    assert pair.member_of(17) == (west, 17) and pair.member_of(18) == (east, 0)
    assert pair.tile_id(20) == east.tile_id(2)
    wanted = np.array([30, 2, 18, 17])
    assert np.array_equal(pair.tile_pixels(wanted)[[0, 2]], east.tile_pixels([12, 0]))
    assert np.array_equal(pair.tile_pixels(wanted)[[1, 3]], west.tile_pixels([2, 17]))
    assert np.array_equal(pair.descriptors[[30]], east.descriptors[[12]])
    with pytest.raises(IndexError):
        pair.tile_pixels([36])


def test_maps_come_from_the_index_of_each_tile(pair: Collection) -> None:
    wanted = np.array([30, 2, 18, 17, 3])
    found = {
        int(place): codes
        for p, m in pair.tile_maps(wanted)
        for place, codes in zip(p, m.codes, strict=True)
    }
    assert sorted(found) == [0, 1, 2, 3, 4] and pair.has_maps
    for place, tile in enumerate(wanted.tolist()):
        member, number = pair.member_of(tile)
        ((_, alone),) = member.tile_maps([number])
        assert np.array_equal(found[place], alone.codes[0])


@pytest.mark.parametrize("filtered", [False, True])
def test_search_is_that_of_one_large_gallery(pair: Collection, filtered: bool) -> None:
    rng = np.random.default_rng(0)
    queries = rng.normal(size=(3, pair.descriptors.shape[1])).astype(np.float32)
    where = rng.random(len(pair)) < 0.5 if filtered else None
    whole = np.concatenate([member.descriptors[:] for member in pair.members])
    expected = exact_search(whole, queries, 9, where)
    found = pair.search(queries, 9, where)
    assert np.array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)


def test_an_index_in_which_nothing_is_allowed_is_left_out(pair: Collection) -> None:
    where = np.arange(len(pair)) == 35
    found = pair.search(np.ones((1, pair.descriptors.shape[1]), np.float32), 4, where)
    assert found.indices.tolist() == [[35]]


def test_the_mosaic_is_of_all(pair: Collection, make_index) -> None:
    whole = Index.open(make_index("whole.cvgl"))
    assert pair.bounds() == whole.bounds()
    bounds = pair.snapped(pair.bounds())
    for mine, theirs in zip(pair.mosaic(bounds, 2), whole.mosaic(bounds, 2), strict=True):
        assert np.array_equal(mine, theirs)
    corner = Bounds(bounds.left_m, bounds.bottom_m, bounds.left_m + 8, bounds.bottom_m + 8)
    assert pair.mosaic(corner)[1].any()  # only the second has picture there


@pytest.mark.parametrize(
    "other",
    [{"weights_sha256": "c" * 64}, {"precision": "bfloat16"}, {"shared_trunk": True}],
)
def test_other_descriptors_are_refused(city: Path, make_index, other: dict) -> None:
    another = make_index("other.cvgl", **other)
    with pytest.raises(
        WeightsMismatchError, match=rf"city\.cvgl and .*other\.cvgl.*{next(iter(other))}"
    ):
        Collection([Index.open(city), Index.open(another)])


def test_another_runtime_is_no_other_network(city: Path, make_index) -> None:
    """Its descriptors differ in the fourth digit, far less than those of neighbouring tiles."""
    another = make_index("other.cvgl", runtime="openvino", index_id="1" * 32)
    assert len(Collection([Index.open(city), Index.open(another)])) == 2 * len(Index.open(city))

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvgl_core.index.order import hilbert, place

PLACES = st.integers(-(2**24), 2**24 - 1)


@settings(deadline=None)
@given(PLACES, PLACES, st.sampled_from([1, 4, 16, 64]))
def test_a_square_of_the_curve_is_walked_without_a_jump(row: int, col: int, side: int) -> None:
    """An aligned square of 4^n blocks is one stretch of the curve, each step to a neighbour."""
    top, left = row // side * side, col // side * side
    blocks = [(r, c) for r in range(top, top + side) for c in range(left, left + side)]
    walked = sorted(blocks, key=lambda block: hilbert(*block))
    distances = [hilbert(*block) for block in walked]
    assert distances == list(range(distances[0], distances[0] + side * side))
    assert distances[0] % (side * side) == 0
    assert (np.abs(np.diff(walked, axis=0)).sum(axis=1) == 1).all()


def test_the_ends_of_the_square_are_steps_too() -> None:
    """Where one aligned square ends the next begins beside it, whatever its size."""
    side = 32
    walked = sorted(
        ((r, c) for r in range(-side, side) for c in range(-side, side)),
        key=lambda block: hilbert(*block),
    )
    steps = np.abs(np.diff(walked, axis=0)).sum(axis=1)
    assert (
        steps > 1
    ).sum() <= 3  # the four squares round the origin need not be neighbours in turn


def test_neighbours_are_nearer_than_row_by_row() -> None:
    """Most squares of 4 x 4 blocks of a 64 x 64 area lie within a third of what rows need."""
    side, small = 64, 4
    walked = sorted(np.ndindex(side, side), key=lambda block: hilbert(*block))
    rank = np.empty((side, side), int)
    rank[tuple(np.array(walked).T)] = np.arange(side * side)
    squares = np.lib.stride_tricks.sliding_window_view(rank, (small, small))
    spans = np.ptp(squares.reshape(-1, small * small), axis=1)
    assert np.median(spans) < (side * (small - 1) + small) / 3


def test_places_of_names() -> None:
    assert place("r-9375c812-" + "0" * 16) == (-9375, 812)
    with pytest.raises(ValueError, match="no name"):
        place("x")

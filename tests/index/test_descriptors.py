import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvgl_core.index.descriptors import Descriptors


def lined_up(counts: list[int], opened: list[int]) -> tuple[Descriptors, np.ndarray]:
    whole = np.arange(sum(counts) * 3).reshape(-1, 3).astype(np.float16)
    offsets = np.cumsum([0, *counts])

    def load(number: int) -> np.ndarray:
        opened.append(number)
        return whole[offsets[number] : offsets[number + 1]]

    return Descriptors(counts, 3, load), whole


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 7), min_size=1, max_size=6), st.data())
def test_parts_read_as_one_array(counts: list[int], data: st.DataObject) -> None:
    rows, whole = lined_up(counts, [])
    assert rows.shape == whole.shape and len(rows) == len(whole)
    start, stop = data.draw(st.integers(-9, 50)), data.draw(st.integers(-9, 50))
    assert np.array_equal(rows[start:stop], whole[start:stop])
    wanted = data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=9))
    assert np.array_equal(rows[wanted], whole[np.array(wanted, np.int64)])


def test_a_part_is_opened_once_and_only_when_it_is_asked_for() -> None:
    opened: list[int] = []
    rows, whole = lined_up([4, 4, 4], opened)
    assert opened == []
    assert np.array_equal(rows[[9, 8, 9]], whole[[9, 8, 9]]) and opened == [2]
    assert np.array_equal(rows[:], whole) and opened == [2, 0, 1]


def test_a_row_that_is_not_there_is_an_error() -> None:
    rows, _ = lined_up([2, 2], [])
    with pytest.raises(IndexError):
        rows[[4]]

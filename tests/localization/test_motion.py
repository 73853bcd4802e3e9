"""Kernels of a walk: as wide as they say, centred where they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvgl_core.errors import SettingsError
from cvgl_core.localization.motion import Step, walked


@given(st.floats(0, 60), st.floats(0.5, 10), st.floats(0.5, 4))
def test_a_kernel_shares_out_one_and_loses_next_to_nothing(reach, std, cell):
    step = Step(reach_m=reach, std_m=std)
    kernel = step.kernel(cell)
    assert kernel.sum() == pytest.approx(1.0)
    assert kernel.shape[0] == kernel.shape[1] and kernel.shape[0] % 2 == 1
    edges = [kernel[0], kernel[-1], kernel[:, 0], kernel[:, -1]]
    assert max(edge.max() for edge in edges) <= 0.02 * kernel.max()
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1])


def test_within_reach_all_is_alike_and_beyond_it_fades():
    kernel = Step(reach_m=20.0).kernel(1.0)
    middle = len(kernel) // 2
    ray = kernel[middle, middle:] / kernel[middle, middle]
    np.testing.assert_allclose(ray[:21], 1.0)
    assert ray[24] == pytest.approx(np.exp(-0.5))
    assert np.all(np.diff(ray[20:]) < 0)


@given(st.floats(-0.9, 0.9), st.floats(-0.9, 0.9))
def test_a_known_offset_is_the_mean_of_the_kernel(east, south):
    kernel = Step(std_m=3.0).kernel(1.0, east, south)
    offsets = np.arange(len(kernel)) - len(kernel) // 2
    assert kernel.sum(axis=0) @ offsets == pytest.approx(east, abs=0.05)
    assert kernel.sum(axis=1) @ offsets == pytest.approx(south, abs=0.05)


def test_the_way_back():
    step = Step(3.0, -4.0, 5.0, 2.0)
    assert step.back() == Step(-3.0, 4.0, 5.0, 2.0)
    assert step.back().back() == step


def test_walking_takes_time():
    assert walked(60.0).reach_m == pytest.approx(125.0)
    assert walked(-60.0) == walked(60.0)
    assert walked(0.0).reach_m > 0
    walked(1e9)


@pytest.mark.parametrize(
    "values", [{"reach_m": -1}, {"std_m": 0}, {"east_m": np.nan}, {"north_m": 1e6}]
)
def test_what_is_no_walk_is_refused(values):
    with pytest.raises(SettingsError, match="give metres"):
        Step(**values)

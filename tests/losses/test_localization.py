import math

import pytest
import torch

from cvgl_core.losses import gaussian_label, level_label, localization_loss


def slow_label(u, v, side, sigma):
    values = [
        [math.exp(-((x + 0.5 - u) ** 2 + (y + 0.5 - v) ** 2) / (2 * sigma**2)) for x in range(side)]
        for y in range(side)
    ]
    total = sum(map(sum, values))
    return torch.tensor([[value / total for value in row] for row in values])


@pytest.mark.parametrize("uv", [(8.0, 8.0), (3.2, 11.7), (0.0, 16.0), (30.0, 5.0)])
def test_label_equals_loops(uv):
    label = gaussian_label(torch.tensor([uv]), 16, 1.5)
    torch.testing.assert_close(label[0], slow_label(*uv, 16, 1.5), atol=1e-6, rtol=1e-4)
    assert label.sum().item() == pytest.approx(1.0, abs=1e-5)


def test_label_peaks_in_the_camera_pixel_column_right_row_down():
    label = gaussian_label(torch.tensor([[20.5, 3.5]]), 32, 1.5)[0]
    assert divmod(int(label.argmax()), 32) == (3, 20)


def test_label_far_outside_stays_finite():
    label = gaussian_label(torch.tensor([[1e4, -1e4]]), 16, 1.5)
    assert torch.isfinite(label).all()


@pytest.mark.parametrize("height", [8, 16, 32])
def test_level_label_equals_loops(height):
    label = gaussian_label(torch.tensor([[40.3, 81.9]]), 128, 4.0)
    step = 128 // height
    pooled = torch.zeros(height, height)
    for row in range(height):
        for column in range(height):
            block = label[0, row * step : (row + 1) * step, column * step : (column + 1) * step]
            pooled[row, column] = block.max()
    torch.testing.assert_close(level_label(label, height)[0], pooled / pooled.sum())


@pytest.mark.parametrize(("side", "expected"), [(384, 11.901), (128, 9.704)])
def test_uniform_logits(side, expected):
    label = gaussian_label(torch.tensor([[50.0, 60.0]]), side, 3.0)
    loss = localization_loss(torch.full((1, side, side), 0.3), label)
    assert loss.item() == pytest.approx(expected, abs=1e-3)


def test_floor_is_the_entropy_of_the_label():
    label = gaussian_label(torch.tensor([[64.0, 64.0]]), 128, 1.5)
    loss = localization_loss(label.clamp(min=1e-30).log(), label)
    assert loss.item() == pytest.approx(3.649, abs=2e-3)

import numpy as np
import pytest
import torch

from cvgl_core.errors import DatasetError
from cvgl_core.evaluation.describing import PlaceDescriber
from cvgl_core.models.skylink import SkyLink, skylink_config
from tests.data.make_images import save


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return SkyLink(skylink_config("skylink-lite0"))


@pytest.fixture
def square():
    return np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), np.uint8)


def test_augmented_is_the_mean_over_flip_and_quarter_turn(model, square):
    plain, averaged = (
        PlaceDescriber(model, model.config.sees),
        PlaceDescriber(model, model.config.sees, augmented=True),
    )
    mirrored = square[:, :, ::-1]
    four = [square, mirrored, np.rot90(square, 1, (1, 2)), np.rot90(mirrored, 1, (1, 2))]
    total = sum(plain.pixels(one) for one in four)
    expected = total / np.linalg.norm(total)
    assert averaged.pixels(square) == pytest.approx(expected, abs=1e-5)
    # An image and its mirror image have one descriptor then; turned by 90 degrees, not quite.
    assert averaged.pixels(mirrored) == pytest.approx(expected, abs=1e-5)


def test_images_are_described_in_their_order(model, tmp_path, square):
    paths = []
    for number in range(3):
        rolled = np.roll(square[0], 40 * number, axis=0)
        paths.append(tmp_path / f"{number}.png")
        save(paths[-1], rolled)
    describer = PlaceDescriber(model, model.config.sees)
    found = describer.images(paths[::-1])
    assert found[2] == pytest.approx(describer.pixels(square)[0], abs=1e-5)


def test_a_broken_image_is_named_with_its_line(model, tmp_path):
    (tmp_path / "a.jpg").write_text("no image")
    with pytest.raises(DatasetError, match=r"list.txt:3: .*a.jpg"):
        PlaceDescriber(model, model.config.sees).images([tmp_path / "a.jpg"], ["list.txt:3"])

import numpy as np
import pytest
import torch

from cvgl_core.errors import SettingsError, WeightsError
from cvgl_core.models import Engine, create_model, load_engine, save_weights, untrained_engine
from cvgl_core.models.mosaic import (
    Correction,
    correction_path,
    cut_windows,
    mosaic_features,
    save_correction,
    with_margin,
    with_mixtures,
)

LIGHT = "unifygeo-lite0"


def plain_correction(channels: int = 112, positions: int = 64) -> Correction:
    weight = torch.eye(channels + 1)[:, :channels].repeat(positions, 1, 1)
    return Correction(
        torch.zeros(1, channels, 3, 3), weight, torch.zeros(positions, 1, channels), 0.25, "0" * 64
    )


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def sharing(request):
    torch.manual_seed(3)
    model = create_model(LIGHT)
    return Engine(model, model.card(), precision=request.param, correction=plain_correction())


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(2).integers(0, 256, (320, 256, 3), dtype=np.uint8)


CORNERS = np.array([[0, 0], [64, 64], [192, 128], [64, 0]])


def test_tiles_of_a_mosaic_are_described(sharing, picture):
    descriptors, maps = sharing.encode_mosaic(picture, CORNERS)
    assert descriptors.shape == (4, 512) and maps.shape == (4, *sharing.map_shape)
    np.testing.assert_allclose(np.linalg.norm(descriptors, axis=1), 1.0, atol=1e-5)
    order = np.array([2, 0, 3, 1])
    again = sharing.encode_mosaic(picture, CORNERS[order])
    assert np.array_equal(again[0], descriptors[order]) and np.array_equal(again[1], maps[order])


def test_a_mosaic_does_not_depend_on_the_number_of_threads(sharing, picture):
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(sharing.encode_mosaic(picture, np.repeat(CORNERS, 8, axis=0)))
    finally:
        torch.set_num_threads(before)
    assert all(np.array_equal(one, two) for one, two in zip(*found, strict=True))


def test_features_far_from_borders_are_those_of_the_whole_picture():
    """Strips and the margin change nothing: against the trunk over one large picture."""
    engine = untrained_engine(LIGHT, seed=1)
    rng = np.random.default_rng(4)
    rgb = rng.integers(0, 256, (640, 128, 3), dtype=np.uint8)
    trunk = engine.model.aerial.trunk
    with torch.inference_mode():
        x = engine._normalised(with_margin(rgb)[None])
        assert x.shape == (1, 3, 704, 192)
        whole = trunk(x)[2]
        found = mosaic_features(list(trunk.stages), x)
    torch.testing.assert_close(found, whole, atol=1e-4, rtol=1e-4)


def test_windows_are_cut_where_tiles_lie():
    rows, cols = torch.meshgrid(torch.arange(20.0), torch.arange(16.0), indexing="ij")
    windows = cut_windows(torch.stack([rows, cols])[None], CORNERS, 128)
    assert windows.shape == (4, 2, 8, 8)
    assert torch.equal(windows[:, :, 0, 0], torch.tensor(CORNERS / 16.0).float())
    assert torch.equal(windows[2, 0, -1], torch.full((8,), 19.0))


def test_each_position_has_its_own_correction():
    correction = plain_correction(2, 4)
    correction.weight[1] *= 3
    correction.bias[2] += 5
    windows = torch.arange(8.0).reshape(1, 2, 2, 2)
    expected = windows.clone()
    expected[0, :, 0, 1] *= 3
    expected[0, :, 1, 0] += 5
    mixture = torch.ones(1, 1, 2, 2)  # it has no weight
    assert torch.equal(correction(torch.cat([windows, mixture], dim=1)), expected)


def test_mixtures_see_what_lies_around_also_beyond_the_border():
    features = torch.arange(2 * 6 * 7.0).reshape(1, 2, 6, 7)
    right = torch.zeros(1, 2, 3, 3)
    right[0, 1, 1, 2] = 1.0
    found = with_mixtures(features, right)
    assert torch.equal(found[:, :2], features[:, :, 2:-2, 2:-2])
    assert torch.equal(found[:, 2], features[:, 1, 2:-2, 3:-1])


def test_a_correction_takes_mixtures_beside_features():
    weight = torch.tensor([[1.0], [10.0]]).repeat(4, 1, 1)
    correction = Correction(torch.zeros(1, 1, 3, 3), weight, torch.zeros(4, 1, 1))
    windows = torch.stack([torch.ones(2, 2), torch.full((2, 2), 3.0)])[None]
    assert torch.equal(correction(windows), torch.full((1, 1, 2, 2), 31.0))


def test_what_cannot_share(sharing, picture, engine):
    with pytest.raises(SettingsError, match="correction"):
        engine.encode_mosaic(picture, CORNERS)
    with pytest.raises(SettingsError, match="16 px"):
        sharing.encode_mosaic(picture, CORNERS + 8)
    with pytest.raises(SettingsError, match="16 px"):
        sharing.encode_mosaic(picture[:300], CORNERS[:1])
    assert engine.shared_trunk == "" and sharing.shared_trunk == "0" * 64


def test_a_correction_belongs_to_its_weights(light, tmp_path):
    path = tmp_path / "w.safetensors"
    sha256 = save_weights(path, light, light.card())
    assert load_engine(path, "cpu").shared_trunk == ""
    written = save_correction(plain_correction(), path, sha256)
    assert written == correction_path(path) and written.parent == tmp_path
    loaded = load_engine(path, "cpu")
    assert len(loaded.shared_trunk) == 64 and loaded.shared_trunk_lost_points == 0.25
    save_correction(plain_correction(), path, "1" * 64)
    with pytest.raises(WeightsError, match="does not belong"):
        load_engine(path, "cpu")
    broken = plain_correction()
    broken.bias[0] = torch.nan
    save_correction(broken, path, sha256)
    with pytest.raises(WeightsError, match="does not belong"):
        load_engine(path, "cpu")

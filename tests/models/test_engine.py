import dataclasses

import numpy as np
import pytest
import torch

from cvgl_core.errors import PhotoViewError, SettingsError
from cvgl_core.models import Engine, UnifyGeo, create_model, model_config, untrained_engine
from cvgl_core.models.fusing import fuse_activations, fuse_batch_norms
from cvgl_core.models.loading import resolve_device


@pytest.fixture(scope="module")
def brief():
    """The same network as ``engine``, encoding in 16 bits."""
    return untrained_engine("unifygeo-lite0", seed=3, precision="bfloat16")


@pytest.fixture(params=["engine", "brief"])
def either(request):
    return request.getfixturevalue(request.param)


def test_a_tile_alone_equals_the_tile_in_a_batch(either, tiles):
    engine = either
    together = engine.describe_tiles(tiles)
    assert together.shape == (11, 512)
    assert together.dtype == np.float32
    for i in (0, 5, 10):
        assert np.array_equal(engine.describe_tiles(tiles[i : i + 1])[0], together[i])
    order = np.random.default_rng(5).permutation(11)
    assert np.array_equal(engine.describe_tiles(tiles[order]), together[order])


def test_descriptors_do_not_depend_on_the_number_of_threads(either, tiles, view):
    engine = either
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append((engine.describe_tiles(tiles), engine.describe_view(view).descriptor))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    for tile_descriptors, view_descriptor in found[1:]:
        assert np.array_equal(tile_descriptors, found[0][0])
        assert np.array_equal(view_descriptor, found[0][1])


def test_no_tiles_no_descriptors(engine, tiles):
    assert engine.describe_tiles(tiles[:0]).shape == (0, 512)
    descriptors, maps = engine.encode_tiles(tiles[:0])
    assert descriptors.shape == (0, 512) and maps.shape == (0, *engine.map_shape)


def test_encoding_gives_descriptors_and_maps(either, tiles):
    descriptors, maps = either.encode_tiles(tiles)
    assert np.array_equal(descriptors, either.describe_tiles(tiles))
    assert maps.shape == (11, *either.map_shape) and maps.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(maps, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(descriptors, axis=1), 1.0, atol=1e-5)


def test_16_bits_turn_a_descriptor_but_little(engine, brief, tiles, view):
    assert (engine.precision, brief.precision) == ("float32", "bfloat16")
    for wide, narrow in zip(engine.encode_tiles(tiles), brief.encode_tiles(tiles), strict=True):
        assert not np.array_equal(wide, narrow)
        assert (wide * narrow).sum(axis=1).min() > 0.999
    query = engine.describe_view(view)
    assert np.array_equal(query.descriptor, brief.describe_view(view).descriptor)
    assert np.array_equal(engine.match_scores(query, tiles), brief.match_scores(query, tiles))


def test_two_engines_agree(tiles, view):
    one, two = (untrained_engine("unifygeo-lite0", seed=4) for _ in range(2))
    assert np.array_equal(one.describe_tiles(tiles[:2]), two.describe_tiles(tiles[:2]))
    assert np.array_equal(one.describe_view(view).descriptor, two.describe_view(view).descriptor)


def test_equals_the_network_before_fusing(tiles, view):
    """Statistics that are not trivial, then the plain network in float32 against the engine."""
    torch.manual_seed(0)
    model = create_model("unifygeo-lite0").train()
    with torch.no_grad():
        for _ in range(2):
            model(torch.randn(4, 3, 48, 256) * 2 + 1, torch.randn(4, 3, 128, 128) * 2 - 1)
        model.eval()
        x = (torch.from_numpy(tiles[:3]).float() / 255 - 0.5) / 0.5
        y = (torch.from_numpy(view.rgb[None]).float() / 255 - 0.5) / 0.5
        aerial = model.forward_aerial(x.permute(0, 3, 1, 2))
        ground = model.forward_ground(y.permute(0, 3, 1, 2))
        match = model.match_level0(ground.columns[0], aerial.maps[0]).amax((2, 3))[0]
    engine = Engine(model, model.card())
    query = engine.describe_view(view)
    np.testing.assert_allclose(engine.describe_tiles(tiles[:3]), aerial.descriptor, atol=1e-4)
    np.testing.assert_allclose(query.descriptor, ground.descriptor[0], atol=1e-4)
    np.testing.assert_allclose(query.columns[0], ground.columns[0], atol=1e-4)
    np.testing.assert_allclose(engine.match_scores(query, tiles[:3])[:, 0], match, atol=1e-4)


def test_all_batch_norms_of_the_light_network_are_fused():
    model = create_model("unifygeo-lite0").eval()
    norms = sum(isinstance(m, torch.nn.BatchNorm2d) for m in model.modules())
    assert fuse_batch_norms(model) == norms > 0
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in model.modules())


def test_activations_are_fused_with_the_convolution_before():
    model = create_model("unifygeo-lite0").eval()
    fuse_batch_norms(model)
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 9
    active = sum(isinstance(m, torch.nn.ReLU6) for m in model.modules())
    with torch.inference_mode():
        expected = model.aerial.trunk(x)
        assert fuse_activations(model) == active > 0
        assert not any(isinstance(m, torch.nn.ReLU6) for m in model.modules())
        for before, after in zip(expected, model.aerial.trunk(x), strict=True):
            torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-4)


def test_rolls_turn_the_picture(engine, tiles, view):
    """Roll r of H is the picture as seen r / H of the circle further clockwise."""
    query = engine.describe_view(view, 32)
    turned = engine.describe_view(dataclasses.replace(view, rgb=np.roll(view.rgb, 24, axis=1)))
    np.testing.assert_allclose(query.descriptors_at([3]), turned.descriptors, atol=1e-5)
    np.testing.assert_allclose(
        engine.match_scores(query, tiles, (3,)), engine.match_scores(turned, tiles), atol=1e-5
    )
    alone = engine.decode(turned, tiles[:2], [0, 0])
    np.testing.assert_allclose(engine.decode(query, tiles[:2], [3, 3]), alone, atol=1e-3)
    mixed = engine.decode(query, tiles[:2], [0, 3])
    assert np.array_equal(mixed[0], engine.decode(query, tiles[:2], [0, 0])[0])
    assert np.array_equal(mixed[1], engine.decode(query, tiles[:2], [3, 3])[1])


@pytest.mark.parametrize("joined_ends", [True, False])
@pytest.mark.parametrize("headings", [4, 5, 32])
def test_every_roll_is_the_turned_picture(view, joined_ends, headings):
    """Whether it takes a pass of its own or shares one with others a whole column away."""
    config = dataclasses.replace(model_config("unifygeo-lite0"), joined_ends=joined_ends)
    torch.manual_seed(1)
    model = UnifyGeo(config)
    engine = Engine(model, model.card())
    seen = dataclasses.replace(view, visible=np.arange(view.rgb.shape[1]) < 100)
    query = engine.describe_view(seen, headings)
    assert query.weights.shape == (headings, config.columns)
    for roll in range(headings):
        by_px = roll * view.rgb.shape[1] // headings
        turned = dataclasses.replace(
            seen, rgb=np.roll(seen.rgb, by_px, axis=1), visible=np.roll(seen.visible, by_px)
        )
        alone = engine.describe_view(turned)
        np.testing.assert_allclose(query.descriptors[roll], alone.descriptor, atol=1e-5)
        np.testing.assert_allclose(query.weights[roll], alone.weights[0], atol=1e-6)
        for level, expected in zip(query.columns, alone.columns, strict=True):
            np.testing.assert_allclose(level[roll], expected[0], atol=1e-5)


def test_invisible_columns_do_not_matter(engine, view):
    visible = view.visible.copy()
    visible[100:] = False
    other = view.rgb.copy()
    other[:, 100:] = 7
    one = engine.describe_view(dataclasses.replace(view, visible=visible))
    two = engine.describe_view(dataclasses.replace(view, visible=visible, rgb=other))
    assert np.array_equal(one.descriptor, two.descriptor)
    assert not np.array_equal(one.descriptor, engine.describe_view(view).descriptor)


def test_wrong_inputs(engine, tiles, view):
    query = engine.describe_view(view)
    with pytest.raises(PhotoViewError):
        engine.describe_view(dataclasses.replace(view, rgb=view.rgb[:40]))
    with pytest.raises(SettingsError):
        engine.describe_tiles(tiles[:, :64])
    with pytest.raises(SettingsError):
        engine.describe_tiles(tiles.astype(np.float32))
    with pytest.raises(SettingsError):
        engine.match_scores(query, tiles, ())
    with pytest.raises(SettingsError):
        engine.decode(query, tiles, [0])


def test_devices():
    assert resolve_device("auto") in ("cpu", "cuda")
    with pytest.raises(SettingsError, match="tpu"):
        resolve_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(SettingsError, match="CUDA"):
            resolve_device("cuda")

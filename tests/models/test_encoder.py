import copy
import sys

import numpy as np
import pytest
import torch

from cvgl_core.errors import MissingDependencyError, SettingsError
from cvgl_core.models import Engine, create_model, exported, load_engine, save_weights
from cvgl_core.models.encoder import ready, tile_encoder
from cvgl_core.models.fusing import fuse_batch_norms
from cvgl_core.models.loading import _runtime
from cvgl_core.models.mosaic import Correction

LIGHT = "unifygeo-lite0"
CPU = torch.device("cpu")


def with_runtime(precision, runtime):
    torch.manual_seed(5)
    model = create_model(LIGHT)
    mix = torch.randn(8, 112, 3, 3) / 30
    weight = torch.cat([torch.eye(112), torch.randn(8, 112) / 30]).repeat(64, 1, 1)
    correction = Correction(mix, weight, torch.zeros(64, 1, 112))
    return Engine(model, model.card(), "cpu", precision, correction, runtime)


def test_weights_in_another_order_change_nothing(light, tiles):
    light.eval().requires_grad_(False)
    fuse_batch_norms(light)
    plain = copy.deepcopy(light)
    encoder = tile_encoder(light, CPU, "float32", "torch")
    assert ready(ready(light, CPU), CPU) is light
    x = torch.from_numpy(tiles[:7]).permute(0, 3, 1, 2).float() / 255 - 0.5
    with torch.inference_mode():
        found = encoder.encode(x.contiguous(memory_format=torch.channels_last))
        sixteenth = plain.aerial.trunk(x)[2]
        expected = plain.describe_tiles(sixteenth), plain.level0_map(sixteenth)
        assert torch.equal(found[0], encoder.describe(x)[0])
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def by_openvino(request):
    if not exported.can_export():
        pytest.skip("OpenVINO is not installed")
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        return with_runtime(request.param, "openvino")
    finally:
        torch.set_num_threads(threads)


def test_openvino_gives_what_torch_gives(by_openvino, tiles):
    found = by_openvino.encode_tiles(tiles)
    expected = with_runtime("float32", "torch").encode_tiles(tiles)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape and one.dtype == other.dtype
        assert (one * other).sum(axis=1).min() > 0.999
    assert np.array_equal(by_openvino.describe_tiles(tiles), found[0])


def test_openvino_gives_a_tile_the_same_whatever_else_is_asked(by_openvino, tiles):
    before = torch.get_num_threads()
    many = np.concatenate([tiles] * 4)
    try:
        found = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(by_openvino.encode_tiles(many))
    finally:
        torch.set_num_threads(before)
    again = by_openvino.encode_tiles(tiles[3:4])
    for one, two, lone in zip(*found, again, strict=True):
        assert np.array_equal(one, two)
        assert np.array_equal(one[3], lone[0]) and np.array_equal(one[14], lone[0])


def test_openvino_describes_a_mosaic(by_openvino):
    rng = np.random.default_rng(2)
    other = with_runtime("float32", "torch")
    corners = np.array([[0, 0], [64, 64], [64, 0]])
    for height in (192, 320):
        rgb = rng.integers(0, 256, (height, 192, 3), dtype=np.uint8)
        found, expected = (one.encode_mosaic(rgb, corners) for one in (by_openvino, other))
        for one, two in zip(found, expected, strict=True):
            assert (one * two).sum(axis=1).min() > 0.998


def test_openvino_reports_nothing(by_openvino, tiles):
    """On import it would tell a server; what does that is put out of its reach."""
    by_openvino.describe_tiles(tiles[:1])
    assert "openvino" in sys.modules and sys.modules["openvino_telemetry"] is None


def test_what_cannot_run(monkeypatch, light, tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(path, light, light.card())
    monkeypatch.setattr(exported, "can_export", lambda: False)
    with pytest.raises(MissingDependencyError, match=r"cvgl\[openvino\]"):
        load_engine(path, "cpu", runtime="openvino")
    with pytest.raises(SettingsError, match="CPU only"):
        _runtime("openvino", "cuda")


def test_openvino_is_chosen_where_it_can_run(monkeypatch):
    for there, device, expected in (
        (True, "cpu", "openvino"),
        (True, "cuda", "torch"),
        (False, "cpu", "torch"),
    ):
        monkeypatch.setattr("cvgl_core.models.loading.can_export", lambda there=there: there)
        assert _runtime(None, device) == expected
        assert _runtime("torch", device) == "torch"

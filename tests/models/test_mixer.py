import pytest
import torch
from torch.nn import functional

from cvgl_core.errors import SettingsError
from cvgl_core.models import create_model
from cvgl_core.models.mixer import PatchMixer
from cvgl_core.models.registry import model_config
from cvgl_core.models.unifygeo import UnifyGeo


def test_skylinks_sizes():
    with torch.device("meta"):
        mixer = PatchMixer(1024, 32 * 32, 1024, rows=4, depth=2)
    assert sum(p.numel() for p in mixer.parameters()) == 5_256_196
    assert mixer(torch.zeros(2, 1024, 32, 32, device="meta")).shape == (2, 4096)


def test_formula():
    torch.manual_seed(0)
    mixer = PatchMixer(6, 12, 5, rows=3, depth=1)
    x = torch.randn(2, 6, 3, 4)
    flat = x.reshape(2, 6, 12)
    block = mixer.blocks[0]
    hidden = functional.layer_norm(flat, (12,)) @ block.expand.weight.T + block.expand.bias
    flat = flat + hidden.relu() @ block.reduce.weight.T + block.reduce.bias
    channels = torch.einsum("oc,bcp->bop", mixer.channel_projection.weight, flat)
    channels = channels + mixer.channel_projection.bias[:, None]
    rows = channels @ mixer.row_projection.weight.T + mixer.row_projection.bias
    expected = functional.normalize(rows.reshape(2, 15), dim=1)
    assert torch.allclose(mixer(x), expected, atol=1e-6)


def test_it_knows_where_a_feature_is():
    torch.manual_seed(0)
    mixer = PatchMixer(4, 9, 4)
    x = torch.randn(1, 4, 3, 3)
    assert not torch.allclose(mixer(x), mixer(x.flip(3)), atol=1e-3)


def test_any_model_can_name_it():
    torch.manual_seed(0)
    model = create_model("unifygeo-lite0-mixer").eval()
    config = model.config
    ground = model.forward_ground(
        torch.randn(2, 3, config.ground.height_px, config.ground.width_px)
    ).descriptor
    aerial = model.forward_aerial(torch.randn(2, 3, config.aerial_px, config.aerial_px)).descriptor
    assert ground.shape == aerial.shape == (2, model.descriptor_dim)
    assert torch.allclose(ground.norm(dim=1), torch.ones(2), atol=1e-5)
    (ground.sum() + aerial.sum()).backward()
    for branch in (model.ground, model.aerial):
        assert all(p.grad is not None and p.grad.any() for p in branch.aggregator.parameters())


def test_one_mixer_cannot_serve_two_sizes_of_map():
    from dataclasses import replace

    config = replace(model_config("unifygeo-lite0-mixer"), shared_encoder=True)
    with pytest.raises(SettingsError, match="one size of map"):
        UnifyGeo(config)

import dataclasses
import json

import pytest
import torch

from cvgl_core.errors import SettingsError, UnknownModelError, WeightsError
from cvgl_core.models import create_model, save_weights
from cvgl_core.models.backbones import create_timm
from cvgl_core.models.skylink import (
    SkyLink,
    SkyLinkConfig,
    load_skylink,
    save_skylink,
    skylink_config,
)
from cvgl_core.models.tokens import patch_tokens
from cvgl_core.models.weights import load_tensors, save_tensors

TRANSFORMER = SkyLinkConfig("t", "vit_tiny_patch16_224", 64, mixer_channels=8, frozen_blocks=3)


@pytest.fixture(scope="module")
def lite():
    torch.manual_seed(0)
    return SkyLink(skylink_config("skylink-lite0")).eval()


def test_published_sizes():
    with torch.device("meta"):
        model = SkyLink(skylink_config("skylink-dinov2"))
    assert (model.tokens.channels, model.tokens.side, model.descriptor_dim) == (1024, 32, 4096)
    assert sum(p.numel() for p in model.mixer.parameters()) == 5_256_196
    frozen = {
        name.split(".")[3]
        for name, p in model.named_parameters()
        if ".blocks." in name and "tokens" in name and not p.requires_grad
    }
    assert frozen == {str(number) for number in range(8)}
    assert not model.tokens.net.patch_embed.proj.weight.requires_grad


def test_descriptors_have_unit_length(lite):
    found = lite(torch.randn(3, 3, 128, 128))
    assert found.shape == (3, lite.descriptor_dim) == (3, 512)
    assert torch.allclose(found.norm(dim=1), torch.ones(3), atol=1e-5)


def test_mean_pooling_to_compare_with():
    config = dataclasses.replace(skylink_config("skylink-lite0"), aggregator="mean")
    model = SkyLink(config).eval()
    x = torch.randn(2, 3, 128, 128)
    mean = model.tokens(x).mean(dim=(2, 3))
    assert torch.allclose(model(x), mean / mean.norm(dim=1, keepdim=True), atol=1e-6)
    assert model.descriptor_dim == model.tokens.channels


def test_tokens_of_a_transformer_lie_as_the_image_does():
    torch.manual_seed(0)
    tokens = patch_tokens("vit_tiny_patch16_224", 64).eval()
    for block in tokens.net.blocks:  # without attention a token sees its own patch only
        block.attn = torch.nn.Sequential(torch.nn.Identity())
        block.attn.forward = lambda x, *args, **kwargs: torch.zeros_like(x)
    x = torch.zeros(1, 3, 64, 64)
    changed = x.clone()
    changed[:, :, 16:32, 48:64] = 1.0
    moved = (tokens(changed) - tokens(x)).abs().sum(dim=1)[0] > 1e-4
    assert moved.nonzero().tolist() == [[1, 3]]


def test_a_transformer_of_another_size_can_start_it():
    model = SkyLink(TRANSFORMER)
    net = create_timm("vit_tiny_patch16_224")  # 224 px: 14 x 14 positions
    model.tokens.start_from(net)
    own = model.tokens.net
    assert torch.equal(own.blocks[5].mlp.fc1.weight, net.blocks[5].mlp.fc1.weight)
    assert own.pos_embed.shape == (1, 1 + 16, 192)
    assert torch.allclose(own.pos_embed[:, :1], net.pos_embed[:, :1])


def test_only_transformers_have_blocks_to_freeze():
    with pytest.raises(SettingsError, match="transformer"):
        patch_tokens("efficientnet_lite0", 64).freeze(2)


def test_saved_and_read_back(lite, tmp_path):
    path = tmp_path / "s.safetensors"
    digest = save_skylink(path, lite, {"steps": "3"})
    model, card = load_skylink(path)
    assert (card.name, card.training, card.weights_sha256) == (
        "skylink-lite0",
        {"steps": "3"},
        digest,
    )
    x = torch.randn(1, 3, 128, 128)
    assert torch.equal(model(x), lite(x))


def test_other_files_are_refused(lite, tmp_path):
    path = tmp_path / "u.safetensors"
    model = create_model("unifygeo-lite0")
    save_weights(path, model, model.card())
    with pytest.raises(WeightsError, match="holds no SkyLink network"):
        load_skylink(path)
    save_skylink(path, lite, {})
    tensors, facts = load_tensors(path)
    card = json.loads(facts["skylink_card"])
    save_tensors(path, tensors, {"skylink_card": json.dumps(card | {"name": "other"})})
    with pytest.raises(UnknownModelError, match="skylink-dinov2"):
        load_skylink(path)
    save_tensors(path, tensors, {"skylink_card": json.dumps(card | {"aggregator": "x"})})
    with pytest.raises(WeightsError, match="'x'"):
        load_skylink(path)
    save_tensors(path, tensors, {"skylink_card": json.dumps(card | {"aggregator": "mean"})})
    with pytest.raises(WeightsError, match="mixer"):
        load_skylink(path)

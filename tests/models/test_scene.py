import torch

from cvgl_core.models.frozen import FROZEN_INPUT, FrozenEncoder
from cvgl_core.models.scene import SceneEncoder


def test_views_in_any_order_make_one_descriptor():
    torch.manual_seed(0)
    encoder = SceneEncoder(24)
    nearness = torch.rand(2, 5, 32, 32)
    found = encoder(nearness)
    assert found.shape == (2, 24)
    assert torch.allclose(found.norm(dim=1), torch.ones(2), atol=1e-5)
    assert torch.allclose(found, encoder(nearness[:, [3, 0, 4, 1, 2]]), atol=1e-6)
    assert not torch.allclose(found[0], found[1], atol=1e-3)
    found.sum().backward()
    assert all(p.grad is not None for p in encoder.parameters())


def test_the_frozen_network_learns_nothing():
    encoder = FrozenEncoder()
    side = FROZEN_INPUT.image_px
    found = encoder(torch.rand(2, 3, side, side))
    assert found.shape == (2, 1280)
    assert not any(p.requires_grad for p in encoder.parameters())
    assert not encoder.net.training


def test_scenes_that_are_alike_begin_with_descriptors_that_differ():
    torch.manual_seed(0)
    scenes = torch.rand(1, 3, 32, 32) + 0.2 * torch.rand(8, 1, 1, 1)
    found = SceneEncoder(24)(scenes)
    cosines = (found @ found.T)[~torch.eye(8, dtype=torch.bool)]
    assert cosines.mean() < 0.9

"""A network as it was pretrained, to tell how alike two photos are."""

from __future__ import annotations

from typing import Any, cast

import torch.nn.functional as F
from torch import Tensor, nn

from cvgl_core.models.imagenet import imagenet_net
from cvgl_core.models.skylink import ImageInput

FROZEN_INPUT = ImageInput(224, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""Of EfficientNet-Lite0."""


class FrozenEncoder(nn.Module):
    """EfficientNet-Lite0 trained on ImageNet, without its classes.

    Raises:
        MissingDependencyError: the package that holds the weights is not installed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.net = imagenet_net("efficientnet_lite0").eval().requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, 3, p, p]`` to L2-normalised descriptors ``[B, 1280]``."""
        net = cast(Any, self.net)
        return F.normalize(net.forward_head(net.forward_features(x), pre_logits=True), dim=1)

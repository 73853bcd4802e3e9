"""A backbone as a map of patch tokens: what an aggregator makes one descriptor of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, cast

from torch import Tensor, nn

from cvgl_core.errors import SettingsError
from cvgl_core.models.backbones import build_backbone, create_timm, import_timm, split_backbone


class PatchTokens(nn.Module, ABC):
    """Maps an image ``[B, 3, p, p]`` to tokens ``[B, channels, side, side]``."""

    channels: int
    side: int

    @abstractmethod
    def start_from(self, net: nn.Module) -> None:
        """Copy the tensors of a timm network of the same name, of any input size."""

    def freeze(self, blocks: int) -> None:
        """Keep the patch embedding and the first ``blocks`` as they are while training.

        Raises:
            SettingsError: the backbone has no blocks.
        """
        if blocks:
            raise SettingsError(f"{type(self).__name__}: only a transformer's blocks can be frozen")


class TransformerTokens(PatchTokens):
    """A vision transformer of timm without its class token and, as in SkyLink, its last norm."""

    def __init__(self, name: str, image_px: int) -> None:
        super().__init__()
        self.net = create_timm(name, img_size=image_px, num_classes=0)
        parts = cast(Any, self.net)
        parts.norm = nn.Identity()
        self.channels, self.side = int(parts.embed_dim), int(parts.patch_embed.grid_size[0])

    def forward(self, x: Tensor) -> Tensor:
        """Return the tokens' map; class and register tokens come first and are left out."""
        tokens = cast(Any, self.net).forward_features(x)[:, -(self.side**2) :]
        return cast(Tensor, tokens.transpose(1, 2).unflatten(2, (self.side, self.side)))

    def start_from(self, net: nn.Module) -> None:
        """Copy the tensors; the positions' embedding is resampled to this grid."""
        own = self.net.state_dict()
        state = {name: value for name, value in net.state_dict().items() if name in own}
        if state["pos_embed"].shape != own["pos_embed"].shape:
            prefix = int(cast(Any, self.net).num_prefix_tokens)
            prefix = 0 if cast(Any, self.net).no_embed_class else prefix
            resample = import_timm().layers.resample_abs_pos_embed
            state["pos_embed"] = resample(
                state["pos_embed"], new_size=[self.side, self.side], num_prefix_tokens=prefix
            )
        self.net.load_state_dict(state)

    def freeze(self, blocks: int) -> None:
        """Keep the patch embedding and the first ``blocks`` as they are while training."""
        if blocks:
            parts = cast(Any, self.net)
            for part in (parts.patch_embed, *parts.blocks[:blocks]):
                part.requires_grad_(False)


class ConvolutionTokens(PatchTokens):
    """Trunk and truncated last stage of another backbone: one token for 16 x 16 pixels."""

    def __init__(self, name: str, image_px: int) -> None:
        super().__init__()
        parts = build_backbone(name, head_stride=1)
        self.trunk, self.head = parts.trunk, parts.head
        self.channels, self.side = parts.head_channels, image_px // 16

    def forward(self, x: Tensor) -> Tensor:
        """Return the tokens' map."""
        return cast(Tensor, self.head(self.trunk(x)[-1]))

    def start_from(self, net: nn.Module) -> None:
        """Copy trunk and head."""
        parts = split_backbone(net, head_stride=1)
        self.trunk.load_state_dict(parts.trunk.state_dict())
        self.head.load_state_dict(parts.head.state_dict())


def patch_tokens(name: str, image_px: int) -> PatchTokens:
    """Return a new backbone with random weights.

    Args:
        name: of a timm network: a vision transformer, or one with maps at 1/4, 1/8 and 1/16.
        image_px: side of its input.

    Raises:
        SettingsError: the network is unknown or has no such maps.
    """
    kind = TransformerTokens if name.startswith("vit_") else ConvolutionTokens
    return kind(name, image_px)

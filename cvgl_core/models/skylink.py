"""SkyLink's network (arXiv 2509.24783): one encoder for photos from the street, drones and space.

The package that its public code imports was never released. What is known of it, and what is read
in the code it comes from (CVCities), is followed here: patch tokens of one shared backbone, the
last norm left out, the first blocks frozen, mixed over all positions to one descriptor.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

import torch.nn.functional as F
from torch import Tensor, nn

from cvgl_core.errors import UnknownModelError, WeightsError
from cvgl_core.fsio import sha256_file
from cvgl_core.models.mixer import PatchMixer
from cvgl_core.models.tokens import patch_tokens
from cvgl_core.models.weights import load_strictly, load_tensors, save_tensors

Aggregator = Literal["mixer", "mean"]

_CARD_KEY = "skylink_card"
_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class ImageInput:
    """What a network sees: squares of ``image_px``, colours in 0..1 normalised."""

    image_px: int
    mean_rgb: tuple[float, float, float]
    std_rgb: tuple[float, float, float]


@dataclass(frozen=True)
class SkyLinkConfig:
    """All that decides the shape of a network.

    Attributes:
        name: under which it is known.
        backbone: a network of timm.
        image_px: side of the input of every view.
        aggregator: the patch mixer (PAFA), or average pooling to compare with.
        mixer_channels, mixer_rows, mixer_depth: of the mixer, see ``PatchMixer``.
        frozen_blocks: of a transformer, not trained.
        mean_rgb, std_rgb: colours in 0..1 are normalised with.
    """

    name: str
    backbone: str
    image_px: int
    aggregator: Aggregator = "mixer"
    mixer_channels: int = 1024
    mixer_rows: int = 4
    mixer_depth: int = 2
    frozen_blocks: int = 0
    mean_rgb: tuple[float, float, float] = _IMAGENET[0]
    std_rgb: tuple[float, float, float] = _IMAGENET[1]

    @property
    def sees(self) -> ImageInput:
        """Its input."""
        return ImageInput(self.image_px, self.mean_rgb, self.std_rgb)


@dataclass(frozen=True)
class SkyLinkCard:
    """What a weights file says of itself: the network, and how it was trained."""

    name: str
    training: dict[str, str] = field(default_factory=dict)
    weights_sha256: str | None = None


SKYLINK_CONFIGS = {
    config.name: config
    for config in (
        SkyLinkConfig("skylink-dinov2", "vit_large_patch14_dinov2", 448, frozen_blocks=8),
        SkyLinkConfig(
            "skylink-lite0",
            "efficientnet_lite0",
            128,
            mixer_channels=128,
            mean_rgb=(0.5, 0.5, 0.5),
            std_rgb=(0.5, 0.5, 0.5),
        ),
    )
}
"""The published sizes, and one that trains on an ordinary processor."""


class SkyLink(nn.Module):
    """Images of any view, normalised by the configuration's colours, to descriptors."""

    def __init__(self, config: SkyLinkConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = patch_tokens(config.backbone, config.image_px)
        self.tokens.freeze(config.frozen_blocks)
        positions = self.tokens.side**2
        self.mixer = (
            PatchMixer(
                self.tokens.channels,
                positions,
                config.mixer_channels,
                config.mixer_rows,
                config.mixer_depth,
            )
            if config.aggregator == "mixer"
            else None
        )
        wide = config.mixer_channels * config.mixer_rows
        self.descriptor_dim = self.tokens.channels if self.mixer is None else wide

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, 3, p, p]`` to L2-normalised descriptors ``[B, D]``, in float32."""
        tokens = self.tokens(x)
        if self.mixer is None:
            return F.normalize(tokens.float().mean(dim=(2, 3)), dim=1)
        described: Tensor = self.mixer(tokens)
        return described


def skylink_config(name: str) -> SkyLinkConfig:
    """Return a configuration by its name.

    Raises:
        UnknownModelError: there is none.
    """
    if name not in SKYLINK_CONFIGS:
        known = ", ".join(SKYLINK_CONFIGS)
        raise UnknownModelError(f"no SkyLink network is called {name!r}; known: {known}")
    return SKYLINK_CONFIGS[name]


def save_skylink(path: Path, model: SkyLink, training: dict[str, str]) -> str:
    """Write a network and its training record atomically; return the file's SHA-256.

    Raises:
        OutputError: the file cannot be written.
    """
    config = model.config
    card = {"name": config.name, "aggregator": config.aggregator, "training": training}
    save_tensors(path, dict(model.state_dict()), {_CARD_KEY: json.dumps(card, sort_keys=True)})
    return sha256_file(path)


def load_skylink(path: Path) -> tuple[SkyLink, SkyLinkCard]:
    """Read what ``save_skylink`` wrote, ready for inference.

    Raises:
        UnknownModelError: the file is for a network that this version does not know.
        WeightsError: the file is missing, damaged, or holds another network.
    """
    tensors, facts = load_tensors(path)
    try:
        content = json.loads(facts[_CARD_KEY])
        name, aggregator = str(content["name"]), content["aggregator"]
        training = {str(key): str(value) for key, value in content["training"].items()}
        if aggregator not in get_args(Aggregator):
            raise ValueError(f"aggregator {aggregator!r}")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise WeightsError(
            f"{path}: holds no SkyLink network ({error!r}); `cvgl train skylink` makes such files"
        ) from error
    model = SkyLink(replace(skylink_config(name), aggregator=aggregator))
    state = {
        tensor: value.float() if value.is_floating_point() else value
        for tensor, value in tensors.items()
    }
    load_strictly(model, state, path)
    return model.eval().requires_grad_(False), SkyLinkCard(name, training, sha256_file(path))

"""UnifyGeo: one network that retrieves, re-ranks and localizes (arXiv 2505.07622, section III)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cvgl_core.errors import SettingsError
from cvgl_core.models.aggregator import (
    AzimuthPool,
    FeatureAggregator,
    MeanAggregator,
    column_azimuths,
    position_azimuths,
)
from cvgl_core.models.backbones import BackboneParts, build_backbone, twin
from cvgl_core.models.decoder import DecoderWidths, MatchingDecoder, all_cosines
from cvgl_core.models.features import AerialFeatures, GroundFeatures, MatchOutput
from cvgl_core.models.joined import join_ends
from cvgl_core.models.layers import LayerNorm2d
from cvgl_core.models.mixer import PatchMixer
from cvgl_core.models.projector import GroundProjectors
from cvgl_core.types import GroundSpec, ModelCard

Aggregator = Literal["attention", "mean", "mixer"]

_MIXER_ROWS = 4


@dataclass(frozen=True)
class UnifyGeoConfig:
    """All that decides the shape of a network.

    Attributes:
        name: under which the network is registered.
        backbone: of both branches, any timm network with maps at 1/4, 1/8 and 1/16.
        tile_size_m: side of a tile on the ground.
        aerial_px: side of the aerial input.
        ground: size and elevation range of the ground input.
        column_channels: channels of one descriptor column at levels 0 to 3.
        head_stride: 2 as the paper, or 1 for small inputs.
        head_width: the heads' maps are projected to so many channels; None leaves them.
        light: cheaper projectors and decoder; see ``DecoderWidths``.
        joined_ends: whether the panorama's ends see each other (``joined``), so that turning it by
            a column turns its features by a column and changes nothing else. Our own extension.
        azimuth_channels: channels of each sector of the descriptor's azimuth part (as many sectors
            as columns); 0 leaves the paper's descriptor.
        aggregator: the paper's attention, average pooling (its baseline), or SkyLink's mixer over
            positions; all give as many numbers.
        shared_encoder: one encoder for both views, as Sample4Geo's, instead of two.
        mean_rgb: subtracted from pixels in 0..1.
        std_rgb: divides them.
    """

    name: str
    backbone: str
    tile_size_m: float
    aerial_px: int
    ground: GroundSpec
    column_channels: tuple[int, int, int, int]
    head_stride: int = 2
    head_width: int | None = None
    light: bool = False
    joined_ends: bool = False
    azimuth_channels: int = 0
    aggregator: Aggregator = "attention"
    shared_encoder: bool = False
    mean_rgb: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std_rgb: tuple[float, float, float] = (0.229, 0.224, 0.225)

    @property
    def stride(self) -> int:
        """Pixels of the input per position of the level-0 map."""
        return 16 * self.head_stride

    @property
    def columns(self) -> int:
        """Azimuth columns of the detailed ground descriptor."""
        return self.ground.width_px // self.stride


class BranchEncoder(nn.Module):
    """One branch: shared trunk, fine-grained head, semantic head and aggregator (III-C)."""

    def __init__(
        self, parts: BackboneParts, width: int, aggregator: Aggregator, positions: int
    ) -> None:
        super().__init__()
        self.trunk = parts.trunk
        self.fine_head = _projected(parts.head, parts.head_channels, width)
        self.semantic_head = _projected(twin(parts.head), parts.head_channels, width)
        self.aggregator = _aggregator(aggregator, width, positions)

    def describe(
        self,
        sixteenth: Tensor,
        azimuth: AzimuthPool | None = None,
        weights: Tensor | None = None,
    ) -> Tensor:
        """Global descriptors ``[B, D]`` from the trunk's 1/16 map.

        With an azimuth part the two are of equal weight, and the whole has unit length. Columns of
        the map count by ``weights [B, n]``.
        """
        semantic = self.semantic_head(sixteenth)
        content: Tensor = self.aggregator(semantic, weights)
        if azimuth is None:
            return content
        return torch.cat([content, azimuth(semantic, weights)], dim=1) * math.sqrt(0.5)


def _projected(head: nn.Module, channels: int, width: int) -> nn.Sequential:
    projection = nn.Identity() if channels == width else nn.Conv2d(channels, width, 1)
    return nn.Sequential(head, projection)


class UnifyGeo(nn.Module):
    """Two unshared branches and a matching decoder.

    Inputs are normalised by the card's mean and deviation; invisible columns of a ground view are
    zero after that.
    """

    def __init__(self, config: UnifyGeoConfig) -> None:
        super().__init__()
        self.config = config
        ground, aerial = (build_backbone(config.backbone, config.head_stride) for _ in range(2))
        width = config.head_width or ground.head_channels
        _check_sizes(config, width)
        kind, shared = config.aggregator, config.shared_encoder
        rows, side = config.ground.height_px // config.stride, config.aerial_px // config.stride
        self.ground = BranchEncoder(ground, width, kind, rows * config.columns)
        if config.joined_ends:
            join_ends(self.ground)
        self.aerial = self.ground if shared else BranchEncoder(aerial, width, kind, side * side)
        parts = _azimuth_parts(config, width, rows)
        self.ground_azimuth: AzimuthPool | None = parts[0]
        self.aerial_azimuth: AzimuthPool | None = parts[1]
        self.projectors = GroundProjectors(
            width, config.column_channels, rows, separable=not config.light
        )
        self.fine_norm = LayerNorm2d(width)
        levels = tuple(config.columns * channels for channels in config.column_channels)
        quarter, eighth, sixteenth = aerial.channels
        factors = (config.head_stride, 2, 2)
        self.decoder = MatchingDecoder(
            DecoderWidths(levels, (sixteenth, eighth, quarter), factors, config.light)
        )
        self.descriptor_dim = width + config.columns * config.azimuth_channels

    def forward_ground(self, x: Tensor, visible: Tensor | None = None) -> GroundFeatures:
        """Encode normalised ground views ``[B, 3, h, w]``.

        What lies in columns of pixels that are not ``visible [B, w]`` (0 or 1) takes no part in
        any cosine; without it all views show the full circle.
        """
        config = self.config
        weights = None
        if visible is not None:
            weights = visible.float().reshape(len(x), config.columns, -1).mean(dim=2)
        sixteenth = self.ground_trunk(x)
        return GroundFeatures(
            self.ground.describe(sixteenth, self.ground_azimuth, weights),
            self.projectors(self.ground.fine_head(sixteenth), weights),
            config.columns,
            weights,
            config.azimuth_channels,
        )

    def forward_aerial(self, x: Tensor) -> AerialFeatures:
        """Encode normalised tiles ``[B, 3, p, p]``."""
        trunk = self.aerial.trunk(x)
        return AerialFeatures(self.describe_tiles(trunk[2]), self.aerial_maps(trunk))

    def describe_tiles(self, sixteenth: Tensor) -> Tensor:
        """Global descriptors ``[B, D]`` of tiles from their trunk's 1/16 map."""
        return self.aerial.describe(sixteenth, self.aerial_azimuth)

    def match(self, ground: GroundFeatures, aerial: AerialFeatures) -> MatchOutput:
        """Match view ``b`` with tile ``b``."""
        return cast(MatchOutput, self.decoder(ground.columns, aerial.maps, ground.weights))

    def match_level0(
        self, columns0: Tensor, maps0: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """Cosines ``[G, T, h, w]`` of descriptors ``[G, C]`` with level-0 maps ``[T, C, h, w]``.

        ``weights [G, n]`` are those of ``GroundFeatures``.
        """
        return all_cosines(columns0, maps0, weights)

    def forward(self, ground: Tensor, aerial: Tensor) -> MatchOutput:
        """Match normalised views ``[B, 3, h, w]`` with normalised tiles ``[B, 3, p, p]``."""
        return self.match(self.forward_ground(ground), self.forward_aerial(aerial))

    def ground_trunk(self, x: Tensor) -> Tensor:
        """The 1/16 map of ground views."""
        return cast(Tensor, self.ground.trunk(x)[2])

    def aerial_maps(self, trunk: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The four maps to match, level 0 first, from the trunk's three."""
        quarter, eighth, sixteenth = trunk
        return self.level0_map(sixteenth), sixteenth, eighth, quarter

    def level0_map(self, sixteenth: Tensor) -> Tensor:
        """The layer- and L2-normalised level-0 map from the trunk's 1/16 map."""
        fine = self.fine_norm(self.aerial.fine_head(sixteenth))
        return F.normalize(fine.float(), dim=1)

    def card(self) -> ModelCard:
        """Describe this network; the weights' hash and training record are not filled in."""
        config = self.config
        return ModelCard(
            name=config.name,
            parameters=sum(parameter.numel() for parameter in self.parameters()),
            tile_size_m=config.tile_size_m,
            aerial_px=config.aerial_px,
            ground=config.ground,
            mean_rgb=config.mean_rgb,
            std_rgb=config.std_rgb,
            descriptor_dim=self.descriptor_dim,
            ground_columns=config.columns,
            joined_ends=config.joined_ends,
        )


def _aggregator(kind: Aggregator, width: int, positions: int) -> nn.Module:
    """Return a new aggregator for maps of ``width`` channels and so many positions."""
    if kind == "mixer":
        return PatchMixer(width, positions, width // _MIXER_ROWS, _MIXER_ROWS)
    return FeatureAggregator(width) if kind == "attention" else MeanAggregator()


def _azimuth_parts(
    config: UnifyGeoConfig, width: int, rows: int
) -> tuple[AzimuthPool, AzimuthPool] | tuple[None, None]:
    """Return the azimuth parts of the ground and the aerial descriptor, or none."""
    channels, sectors = config.azimuth_channels, config.columns
    if not channels:
        return None, None
    side = config.aerial_px // config.stride
    return (
        AzimuthPool(width, channels, column_azimuths(sectors), sectors, rows),
        AzimuthPool(width, channels, position_azimuths(side), sectors),
    )


def _check_sizes(config: UnifyGeoConfig, width: int) -> None:
    sides = (config.aerial_px, config.ground.height_px, config.ground.width_px)
    if any(side % config.stride for side in sides):
        raise SettingsError(f"{config.name}: input sizes must be multiples of {config.stride} px")
    if config.aggregator == "mixer" and config.shared_encoder:
        raise SettingsError(
            f"{config.name}: a mixer is made for one size of map; give each view one"
        )
    if config.joined_ends and config.shared_encoder:
        raise SettingsError(f"{config.name}: only an encoder of its own can join a panorama's ends")
    if config.columns * config.column_channels[0] != width:
        raise SettingsError(
            f"{config.name}: {config.columns} columns of {config.column_channels[0]} channels do "
            f"not make the {width} channels of the level-0 map"
        )

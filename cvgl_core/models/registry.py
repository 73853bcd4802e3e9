"""Networks by name: the one place to add a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cvgl_core.errors import UnknownModelError
from cvgl_core.models.unifygeo import UnifyGeo, UnifyGeoConfig
from cvgl_core.types import GroundSpec

ConfigFactory = Callable[[], UnifyGeoConfig]
_MODELS: dict[str, ConfigFactory] = {}

DEFAULT_MODEL = "unifygeo-lite0"

_VARIANTS: dict[str, dict[str, Any]] = {
    # CVUSA and CVACT: 140 rows would leave 4 after the heads, so 128 show the same elevations
    # (CVUSA's are HC-Net's assumption; CVACT is cut to the middle half, as is usual).
    "cvusa": {"tile_size_m": 176.0, "ground": GroundSpec(128, 768, 38.6, -26.9)},
    "cvact": {"tile_size_m": 146.0, "ground": GroundSpec(128, 768, 45.0, -45.0)},
    # The paper's network; without its aggregator; with SkyLink's; with one encoder for both views
    # as Sample4Geo.
    "paper": {"azimuth_channels": 0, "joined_ends": False},
    "mean": {"azimuth_channels": 0, "joined_ends": False, "aggregator": "mean"},
    "mixer": {"azimuth_channels": 0, "joined_ends": False, "aggregator": "mixer"},
    "shared": {
        "azimuth_channels": 0,
        "joined_ends": False,
        "aggregator": "mean",
        "shared_encoder": True,
    },
    # Plain pictures as large as tiles in place of panoramas, for DA-Campus: their elevations mean
    # nothing. Made for `unifygeo-lite0`.
    "campus": {
        "azimuth_channels": 0,
        "joined_ends": False,
        "aggregator": "mean",
        "shared_encoder": True,
        "ground": GroundSpec(128, 128, 45.0, -45.0),
        "column_channels": (32, 16, 8, 4),
    },
}
"""``NAME-VARIANT`` is the network ``NAME`` with these changes: to be created, but not listed."""


def register_model(name: str) -> Callable[[ConfigFactory], ConfigFactory]:
    """Make the configuration that a function returns available under ``name``.

    Raises:
        ValueError: the name is taken.
    """

    def register(factory: ConfigFactory) -> ConfigFactory:
        if name in _MODELS:
            raise ValueError(f"a model {name!r} is registered already")
        _MODELS[name] = factory
        return factory

    return register


def list_models() -> list[str]:
    """Return the names that ``create_model`` knows, sorted."""
    return sorted(_MODELS)


def model_config(name: str) -> UnifyGeoConfig:
    """Return the configuration registered under ``name``, or that of one of its variants.

    Raises:
        UnknownModelError: there is none.
    """
    if name in _MODELS:
        return _MODELS[name]()
    base, _, variant = name.rpartition("-")
    if not base or variant not in _VARIANTS:
        known = ", ".join(list_models())
        raise UnknownModelError(f"no model is called {name!r}; known models: {known}")
    return replace(model_config(base), name=name, **_VARIANTS[variant])


def create_model(name: str) -> UnifyGeo:
    """Return a network with random weights, in training mode.

    Raises:
        UnknownModelError: no model has that name.
    """
    return UnifyGeo(model_config(name))


@register_model("unifygeo-convnext-tiny")
def _convnext_tiny() -> UnifyGeoConfig:
    """The paper's network in its VIGOR setting: 57.7 M parameters, tiles of about 72 m."""
    return UnifyGeoConfig(
        name="unifygeo-convnext-tiny",
        backbone="convnext_tiny",
        tile_size_m=72.0,
        aerial_px=384,
        ground=GroundSpec(384, 768, elevation_top_deg=90.0, elevation_bottom_deg=-90.0),
        column_channels=(32, 16, 8, 4),
    )


@register_model("unifygeo-lite0")
def _lite0() -> UnifyGeoConfig:
    """A seventeenth of the size: trains and runs on an ordinary processor."""
    return UnifyGeoConfig(
        name="unifygeo-lite0",
        backbone="efficientnet_lite0",  # not ``tf_``: its padding costs 40 % of training speed
        tile_size_m=72.0,
        aerial_px=128,
        ground=GroundSpec(48, 256, elevation_top_deg=37.5, elevation_bottom_deg=-30.0),
        column_channels=(16, 8, 4, 2),
        head_stride=1,
        head_width=256,
        light=True,
        azimuth_channels=16,
        joined_ends=True,
        mean_rgb=(0.5, 0.5, 0.5),
        std_rgb=(0.5, 0.5, 0.5),
    )

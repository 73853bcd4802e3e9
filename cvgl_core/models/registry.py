"""Networks by name: the one place to add a model."""

from __future__ import annotations

from collections.abc import Callable

from cvgl_core.errors import UnknownModelError
from cvgl_core.models.unifygeo import UnifyGeo, UnifyGeoConfig
from cvgl_core.types import GroundSpec

ConfigFactory = Callable[[], UnifyGeoConfig]
_MODELS: dict[str, ConfigFactory] = {}

DEFAULT_MODEL = "unifygeo-lite0"


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
    """Return the configuration registered under ``name``.

    Raises:
        UnknownModelError: there is none.
    """
    if name not in _MODELS:
        known = ", ".join(list_models())
        raise UnknownModelError(f"no model is called {name!r}; known models: {known}")
    return _MODELS[name]()


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
        mean_rgb=(0.5, 0.5, 0.5),
        std_rgb=(0.5, 0.5, 0.5),
    )

"""The network: encoder, aggregator, decoder, registry, weights and the engine that runs it."""

from cvgl_core.models.engine import Engine
from cvgl_core.models.features import (
    AerialFeatures,
    GroundFeatures,
    MatchOutput,
    roll_columns,
)
from cvgl_core.models.imagenet import load_imagenet
from cvgl_core.models.loading import load_engine, resolve_device, untrained_engine
from cvgl_core.models.query import QueryFeatures
from cvgl_core.models.registry import (
    DEFAULT_MODEL,
    create_model,
    list_models,
    model_config,
    register_model,
)
from cvgl_core.models.unifygeo import UnifyGeo, UnifyGeoConfig
from cvgl_core.models.weights import bundled_path, load_model, load_weights, save_weights

__all__ = [
    "DEFAULT_MODEL",
    "AerialFeatures",
    "Engine",
    "GroundFeatures",
    "MatchOutput",
    "QueryFeatures",
    "UnifyGeo",
    "UnifyGeoConfig",
    "bundled_path",
    "create_model",
    "list_models",
    "load_engine",
    "load_imagenet",
    "load_model",
    "load_weights",
    "model_config",
    "register_model",
    "resolve_device",
    "roll_columns",
    "save_weights",
    "untrained_engine",
]

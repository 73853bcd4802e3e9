"""The SkyLink network that a run begins with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cvgl_core.models.imagenet import imagenet_net
from cvgl_core.models.skylink import SkyLink, skylink_config
from cvgl_core.training.skylink_config import SkyLinkSection
from cvgl_core.training.start import load_start


def start_skylink(how: SkyLinkSection) -> SkyLink:
    """Create the network with the weights that training starts from.

    Raises:
        UnknownModelError: no network has that name.
        MissingDependencyError: the package with ImageNet weights is not installed.
        WeightsError: the weights cannot be read or belong to another network.
    """
    config = replace(skylink_config(how.name), aggregator=how.aggregator)
    model = SkyLink(config)
    if how.start == "imagenet":
        model.tokens.start_from(imagenet_net(config.backbone))
    elif isinstance(how.start, Path):
        load_start(model, how.start, config, model.tokens.start_from)
    return model

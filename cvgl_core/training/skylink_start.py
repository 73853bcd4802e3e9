"""The SkyLink network that a run begins with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cvgl_core.errors import WeightsError
from cvgl_core.models.backbones import create_timm
from cvgl_core.models.imagenet import imagenet_net
from cvgl_core.models.skylink import SkyLink, skylink_config
from cvgl_core.models.weights import load_strictly, load_tensors
from cvgl_core.training.skylink_config import SkyLinkSection


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
        _load(model, how.start)
    return model


def _load(model: SkyLink, path: Path) -> None:
    """Read the whole network, or its backbone as timm names the tensors."""
    tensors, _ = load_tensors(path)
    state = {
        name: value.float() if value.is_floating_point() else value
        for name, value in tensors.items()
    }
    if set(state) == set(model.state_dict()):
        load_strictly(model, state, path)
        return
    net = create_timm(model.config.backbone)
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(
            f"{path}: holds neither the weights of {model.config.name} nor those of timm's "
            f"{model.config.backbone}; its tensors have other names or shapes"
        ) from error
    model.tokens.start_from(net)

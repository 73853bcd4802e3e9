"""The network that a run begins with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from torch import nn

from cvgl_core.errors import SettingsError, WeightsError
from cvgl_core.models import UnifyGeo, create_model, load_imagenet
from cvgl_core.models.backbones import create_timm
from cvgl_core.models.imagenet import start_from
from cvgl_core.models.weights import bundled_path, load_strictly, load_tensors
from cvgl_core.training.config import ModelSection


def start_model(how: ModelSection) -> UnifyGeo:
    """Create the network with the weights that training starts from.

    Raises:
        SettingsError: no weights are bundled for it.
        WeightsError: the weights cannot be read or belong to another network.
    """
    model = create_model(how.network)
    if how.start == "imagenet":
        load_imagenet(model)
    elif how.start == "bundled":
        path = bundled_path(how.network)
        if path is None:
            raise SettingsError(f"model.start: no weights are bundled for {how.network}")
        load_start(model, path, model.config, lambda net: start_from(model, net))
    elif isinstance(how.start, Path):
        load_start(model, how.start, model.config, lambda net: start_from(model, net))
    return model


class Named(Protocol):
    """What a network is called, and timm's name of its backbone."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def backbone(self) -> str: ...  # noqa: D102


def load_start(
    model: nn.Module, path: Path, config: Named, from_backbone: Callable[[nn.Module], None]
) -> None:
    """Read the whole network, or its backbone as timm names the tensors.

    Args:
        model: gets the weights.
        path: of the file.
        config: the network's.
        from_backbone: starts the network from its backbone alone.

    Raises:
        WeightsError: the file cannot be read or holds neither.
    """
    tensors, _ = load_tensors(path)
    state = {
        name: value.float() if value.is_floating_point() else value
        for name, value in tensors.items()
    }
    if set(state) == set(model.state_dict()):
        load_strictly(model, state, path)
        return
    net = create_timm(config.backbone)
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(
            f"{path}: holds neither the weights of {config.name} nor those of timm's "
            f"{config.backbone}; its tensors have other names or shapes"
        ) from error
    from_backbone(net)

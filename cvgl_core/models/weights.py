"""Weights files: the only door to safetensors.

A file holds the tensors of one network and, as JSON in its metadata, the card: what the pixels
must look like and what the network was trained on. Tensors may be stored in half precision; they
are used in single precision. A file from anywhere is treated as hostile until every tensor has
the name, shape and type that the registered network asks for.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from cvgl_core.errors import WeightsError
from cvgl_core.fsio import atomic_path, sha256_file
from cvgl_core.models.registry import model_config
from cvgl_core.models.unifygeo import UnifyGeo
from cvgl_core.types import (
    Calibration,
    GroundSpec,
    HeadingKnowledge,
    KindCalibration,
    ModelCard,
    QueryKind,
)

_CARD_KEY = "cvgl_card"
_FORMAT = 1
_MAX_HEADER_BYTES = 8 << 20
_BUNDLED = Path(__file__).parent / "bundled"


def bundled_path(name: str) -> Path | None:
    """Return the weights file that comes with the program for a model, or None."""
    path = _BUNDLED / f"{name}.safetensors"
    return path if path.is_file() else None


def save_weights(path: Path, model: nn.Module, card: ModelCard, *, half: bool = True) -> str:
    """Write a network's tensors and its card atomically.

    Args:
        path: of the file.
        model: whose state is written.
        card: describes it; its ``weights_sha256`` is not stored, for it is the file's own.
        half: store floating-point tensors in 16 bits, which halves the file.

    Returns:
        The SHA-256 of the file.

    Raises:
        WeightsError: a tensor is not finite, or does not fit into 16 bits.
        OutputError: the file cannot be written.
    """
    tensors = {name: _stored(name, t, half, path) for name, t in model.state_dict().items()}
    content = asdict(replace(card, weights_sha256=None))
    # One key only: safetensors writes several in an order that differs from run to run.
    metadata = {_CARD_KEY: json.dumps({"format": _FORMAT, **content}, sort_keys=True)}
    save_tensors(path, tensors, metadata)
    return sha256_file(path)


def save_tensors(path: Path, tensors: dict[str, Tensor], facts: dict[str, str]) -> None:
    """Write tensors, as they are, and facts about them atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    whole: dict[str, Tensor] = {}
    written: set[int] = set()
    for name, tensor in tensors.items():
        value = tensor.detach().to("cpu").contiguous()
        # Where both views share an encoder its tensors have two names, and each is written.
        whole[name] = value.clone() if value.data_ptr() in written else value
        written.add(value.data_ptr())
    with atomic_path(path) as temporary:
        save_file(whole, temporary, metadata=facts)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read what ``save_tensors`` wrote.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    _check_header(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as stream:
            facts = dict(stream.metadata() or {})
            return {name: stream.get_tensor(name) for name in stream.keys()}, facts
    except (SafetensorError, OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _stored(name: str, tensor: Tensor, half: bool, path: Path) -> Tensor:
    value = tensor.detach().to("cpu").contiguous()
    if not value.is_floating_point():
        return value
    value = value.to(torch.float16 if half else torch.float32)
    if not _finite(value):
        raise WeightsError(f"{path}: not written, {name} holds values that are not finite")
    return value


def _finite(value: Tensor) -> bool:
    if value.numel() == 0:
        return True
    low, high = torch.aminmax(value)  # not-a-number spreads to both; four times as fast as isfinite
    return math.isfinite(low.item()) and math.isfinite(high.item())


def load_weights(path: Path) -> tuple[dict[str, Tensor], ModelCard]:
    """Read tensors (single precision) and card; the card's ``weights_sha256`` is the file's.

    Raises:
        WeightsError: the file is missing, damaged, not one of ours, or holds values that are not
            finite.
    """
    tensors, facts = load_tensors(path)
    card = _parse_card(path, facts)
    state = {name: _usable(name, tensor, path) for name, tensor in tensors.items()}
    return state, replace(card, weights_sha256=sha256_file(path))


def load_model(path: Path) -> tuple[UnifyGeo, ModelCard]:
    """Read a file into the network that its card names.

    Raises:
        UnknownModelError: the card names a network that is not registered.
        WeightsError: the file cannot be used, or its tensors or card do not fit the network.
    """
    state, card = load_weights(path)
    model = UnifyGeo(replace(model_config(card.name), joined_ends=card.joined_ends))
    expected = model.card()
    for field in ("aerial_px", "ground", "descriptor_dim", "ground_columns", "parameters"):
        if getattr(card, field) != getattr(expected, field):
            raise WeightsError(
                f"{path}: its card says {field} = {getattr(card, field)}, but {card.name} has "
                f"{getattr(expected, field)}; the file belongs to another version of the program"
            )
    load_strictly(model, state, path)
    return model, card


def load_strictly(model: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    """Copy a state into a network; every name and shape must agree.

    Raises:
        WeightsError: one does not; the message names the first.
    """
    expected = model.state_dict()
    missing = sorted(expected.keys() - state.keys())
    extra = sorted(state.keys() - expected.keys())
    if missing or extra:
        what = f"lacks {missing[0]}" if missing else f"has {extra[0]}, which the network has not"
        raise WeightsError(f"{path}: the file {what}; it belongs to another network")
    for name, tensor in expected.items():
        if tensor.shape != state[name].shape:
            raise WeightsError(
                f"{path}: {name} has the shape {tuple(state[name].shape)}, the network needs "
                f"{tuple(tensor.shape)}; the file belongs to another network"
            )
    model.load_state_dict(state)


def _check_header(path: Path) -> None:
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            first = stream.read(8)
    except OSError as error:
        raise _unreadable(path, error) from error
    length = struct.unpack("<Q", first)[0] if len(first) == 8 else 0
    if not 2 <= length <= min(_MAX_HEADER_BYTES, size - 8):
        raise WeightsError(f"{path}: not a weights file (safetensors), or damaged; fetch it again")


def _unreadable(path: Path, error: Exception) -> WeightsError:
    return WeightsError(f"{path}: cannot be read as a weights file ({error}); fetch it again")


def _usable(name: str, tensor: Tensor, path: Path) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    value = tensor.to(torch.float32)
    if not _finite(value):
        raise WeightsError(f"{path}: {name} holds values that are not finite; do not use this file")
    return value


def _parse_card(path: Path, metadata: dict[str, str]) -> ModelCard:
    try:
        content = dict(json.loads(metadata[_CARD_KEY]))
        if content["format"] != _FORMAT:
            raise ValueError(f"format {content['format']!r} is not {_FORMAT}")
        return _card_from(content)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise WeightsError(
            f"{path}: no card that this version understands ({error!r}); the file was not written "
            "by cvgl, or by another version of it"
        ) from error


def _card_from(content: dict[str, Any]) -> ModelCard:
    calibration = content["calibration"]
    card = ModelCard(
        name=str(content["name"]),
        parameters=int(content["parameters"]),
        tile_size_m=float(content["tile_size_m"]),
        aerial_px=int(content["aerial_px"]),
        ground=GroundSpec(**content["ground"]),
        mean_rgb=_three(content["mean_rgb"]),
        std_rgb=_three(content["std_rgb"]),
        descriptor_dim=int(content["descriptor_dim"]),
        ground_columns=int(content["ground_columns"]),
        licence=str(content["licence"]),
        calibration=None if calibration is None else Calibration(**calibration),
        training={str(key): str(value) for key, value in dict(content["training"]).items()},
        kinds=tuple(_kind_from(kind) for kind in content.get("kinds", [])),
        joined_ends=bool(content.get("joined_ends", False)),
    )
    if not card.tile_size_m > 0 or min(card.std_rgb) <= 0:
        raise ValueError("tile_size_m and std_rgb must be positive")
    return card


def _kind_from(content: dict[str, Any]) -> KindCalibration:
    kind = content["kind"]
    return KindCalibration(
        QueryKind(float(kind["fov_deg"]), HeadingKnowledge(kind["heading"])),
        Calibration(**content["calibration"]),
    )


def _three(values: list[float]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue

"""Make engines: from a bundled model's name, from a file of weights, or untrained."""

from __future__ import annotations

from pathlib import Path

import torch

from cvgl_core.errors import SettingsError, WeightsError
from cvgl_core.models.engine import Engine
from cvgl_core.models.exported import can_export
from cvgl_core.models.mosaic import load_correction
from cvgl_core.models.precision import preferred_precision
from cvgl_core.models.registry import create_model, list_models, model_config
from cvgl_core.models.weights import bundled_path, load_model
from cvgl_core.types import Precision, Runtime


def load_engine(
    name_or_path: str | Path,
    device: str = "auto",
    precision: Precision | None = "float32",
    runtime: Runtime | None = "torch",
) -> Engine:
    """Make an engine from a bundled model's name or a weights file.

    Args:
        name_or_path: a registered name with bundled weights, or a ``.safetensors`` file.
        device: ``auto`` (CUDA where there is one), ``cpu`` or ``cuda``.
        precision: that tiles are encoded in; the faster one on this machine if None.
        runtime: that encodes them; the fastest that is installed if None.

    Raises:
        MissingDependencyError: the runtime is not installed.
        UnknownModelError: neither a file nor a known name.
        WeightsError: the model has no bundled weights, or the file cannot be used.
        SettingsError: the device is unknown or not there, or the runtime cannot use it.
    """
    path = _weights_path(name_or_path)
    model, card = load_model(path)
    device = resolve_device(device)
    correction = load_correction(path, card.weights_sha256 or "")
    chosen = precision or preferred_precision(device)
    return Engine(model, card, device, chosen, correction, _runtime(runtime, device))


def untrained_engine(
    name: str, seed: int = 0, device: str = "cpu", precision: Precision = "float32"
) -> Engine:
    """Make an engine with random weights from a seed, for tests and speed measurements.

    Raises:
        UnknownModelError: no model has that name.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = create_model(name)
    return Engine(model, model.card(), resolve_device(device), precision)


def resolve_device(device: str) -> str:
    """Turn ``auto`` into ``cuda`` or ``cpu``; check the others.

    Raises:
        SettingsError: the device is unknown or not there.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise SettingsError(f"device must be auto, cpu or cuda, not {device!r}")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise SettingsError("no CUDA device is available; use --device cpu or auto")
    return device


def _runtime(wanted: Runtime | None, device: str) -> Runtime:
    """Return what encodes tiles on a device.

    Raises:
        SettingsError: it cannot use the device.
    """
    if wanted == "openvino" and device != "cpu":
        raise SettingsError("--runtime openvino: runs on the CPU only; use --device cpu")
    if wanted is None:
        return "openvino" if device == "cpu" and can_export() else "torch"
    return wanted


def _weights_path(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.suffix == ".safetensors" or path.is_file():
        return path
    name = model_config(str(name_or_path)).name
    bundled = bundled_path(name)
    if bundled is None:
        with_weights = [n for n in list_models() if bundled_path(n)] or ["none"]
        raise WeightsError(
            f"{name} comes without trained weights; name a .safetensors file, or one of the models "
            f"that have them: {', '.join(with_weights)}"
        )
    return bundled

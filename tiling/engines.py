"""What turns tiles into descriptors: the only place in this package that may load a network."""

from __future__ import annotations

from typing import Protocol

from cvgl_core.errors import SettingsError
from cvgl_core.types import Float32Array, ModelCard, UInt8Array

DEFAULT_MODEL = "unifygeo-lite0"


class TileDescriber(Protocol):
    """A model as the build needs it: its facts, and descriptors of tiles.

    The same batch must give the same numbers every time.
    """

    @property
    def card(self) -> ModelCard:
        """What the model is and how it was trained."""

    @property
    def map_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of a tile's detailed map."""

    def describe_tiles(self, rgb: UInt8Array) -> Float32Array:
        """Return descriptors ``[N, D]`` of tiles ``[N, p, p, 3]``, north up."""

    def encode_tiles(self, rgb: UInt8Array) -> tuple[Float32Array, Float32Array]:
        """Return the descriptors, and the detailed maps ``[N, C, h, w]``."""


def load_describer(model: str, device: str = "auto", engine: str = "local") -> TileDescriber:
    """Return the network called ``model``, or stored in that file, ready on a device.

    Raises:
        SettingsError: the way of running it is not known, or not there yet.
        WeightsError: the model is not known or its weights cannot be used.
    """
    if engine == "ray":
        raise SettingsError(
            "--engine ray is not part of this version; use --engine local, one machine at a time"
        )
    if engine != "local":
        raise SettingsError(f"--engine {engine}: is not known; use local")
    from cvgl_core.models import load_engine

    describer: TileDescriber = load_engine(model, device=device)
    return describer

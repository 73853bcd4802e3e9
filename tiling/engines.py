"""What turns tiles into descriptors: the only place in this package that may load a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cvgl_core.types import Float32Array, IntArray, ModelCard, Precision, Runtime, UInt8Array

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

    @property
    def precision(self) -> Precision:
        """Of the arithmetic that describes tiles."""

    @property
    def shared_trunk_lost_points(self) -> float:
        """Points of R@1 that sharing was measured to lose; infinite if it was not measured."""

    @property
    def runtime(self) -> Runtime:
        """What describes tiles."""

    @property
    def batch_tiles(self) -> int:
        """How many tiles to give at once."""

    @property
    def shared_trunk(self) -> str:
        """Hash of what makes ``encode_mosaic`` possible; empty where it is not."""

    def describe_tiles(self, rgb: UInt8Array) -> Float32Array:
        """Return descriptors ``[N, D]`` of tiles ``[N, p, p, 3]``, north up."""

    def encode_tiles(self, rgb: UInt8Array) -> tuple[Float32Array, Float32Array]:
        """Return the descriptors, and the detailed maps ``[N, C, h, w]``."""

    def encode_mosaic(
        self, rgb: UInt8Array, corners_px: IntArray
    ) -> tuple[Float32Array, Float32Array]:
        """Return about the same of tiles that overlap, sharing the work that they have in common.

        Args:
            rgb: the mosaic ``[H, W, 3]``.
            corners_px: top and left of each tile within it ``[K, 2]``, multiples of 16.
        """


@dataclass(frozen=True)
class ModelLoader:
    """Loads a model, in whatever process it is called: see ``load_describer``."""

    model: str
    device: str = "auto"
    precision: Precision | None = None
    runtime: Runtime | None = None

    def __call__(self) -> TileDescriber:
        """Return the network."""
        return load_describer(self.model, self.device, self.precision, self.runtime)


def load_describer(
    model: str,
    device: str = "auto",
    precision: Precision | None = None,
    runtime: Runtime | None = None,
) -> TileDescriber:
    """Return the network called ``model``, or stored in that file, ready on a device.

    Args:
        model: a name, or a file of weights.
        device: ``auto``, ``cpu`` or ``cuda``.
        precision: that it computes in; the faster one on this machine if None.
        runtime: that computes it; the fastest that is installed if None.

    Raises:
        MissingDependencyError: the runtime is not installed.
        SettingsError: the device is unknown or not there.
        WeightsError: the model is not known or its weights cannot be used.
    """
    from cvgl_core.models import load_engine

    describer: TileDescriber = load_engine(model, device, precision, runtime)
    return describer

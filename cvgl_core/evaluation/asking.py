"""Queries of every kind, made from panoramas: turned, cut to a window, of unknown heading."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from cvgl_core.data.narrow import frame_pixels
from cvgl_core.geo.angle import wrapped
from cvgl_core.geo.heading import HeadingPrior
from cvgl_core.types import (
    BoolArray,
    FloatArray,
    GroundView,
    HeadingKnowledge,
    IntArray,
    ModelCard,
    QueryKind,
    UInt8Array,
)

ABOUT_DEG = 20.0
"""A heading that is known "about" lies evenly within so many degrees of what is said of it."""

FULL_DEG = 360.0
_FRAME_ASPECTS = (4 / 3, 3 / 4, 16 / 9)
_FRAME_PITCH_DEG = 3.0

KINDS = tuple(
    QueryKind(fov_deg, heading)
    for fov_deg in (FULL_DEG, 180.0, 90.0, 60.0)
    for heading in HeadingKnowledge
    if fov_deg < FULL_DEG or heading is not HeadingKnowledge.KNOWN
)
"""What may lack of a full circle with a known north."""


@dataclass(frozen=True)
class Asked:
    """One query and its truth.

    Attributes:
        view: what is seen, as a photo would give it.
        prior: what is known of the azimuth of its centre column.
        heading_deg: its true azimuth, grid north.
    """

    view: GroundView
    prior: HeadingPrior | None
    heading_deg: float


@dataclass(frozen=True)
class Asker:
    """Makes a query of one kind from every panorama, the same each time.

    Attributes:
        kind: what is shown and known.
        card: of the network that is asked.
        framed: share of the windows that are frames of a perspective camera; the others show all
            elevations. Only windows of up to 120 degrees can be frames.
        seed: of all draws.
    """

    kind: QueryKind
    card: ModelCard
    framed: float = 0.0
    seed: int = 0

    def __call__(self, strip: UInt8Array, number: int) -> Asked:
        """Ask about a north-aligned strip ``[h, w, 3]``, the one with this number."""
        rng = np.random.default_rng((self.seed, number))
        width = strip.shape[1]
        turn_px = int(rng.integers(width))
        heading_deg = turn_px * 360.0 / width
        centred = np.roll(strip, -turn_px, axis=1)
        seen = self._seen(rng)
        fill = np.array(self.card.fill_rgb, np.uint8)
        visible: BoolArray = np.asarray(seen.any(axis=0))
        view = GroundView(np.where(seen[..., None], centred, fill), visible, None)
        prior = None
        if self.kind.heading is HeadingKnowledge.ABOUT:
            said_deg = heading_deg + float(rng.uniform(-ABOUT_DEG, ABOUT_DEG))
            prior = HeadingPrior(said_deg % 360.0, ABOUT_DEG / np.sqrt(3))
        if self.kind.heading is HeadingKnowledge.KNOWN:
            view = replace(
                view,
                rgb=np.roll(view.rgb, turn_px, axis=1),
                visible=np.roll(view.visible, turn_px),
                centre_azimuth_deg=0.0,
            )
        return Asked(view, prior, heading_deg)

    def _seen(self, rng: np.random.Generator) -> BoolArray:
        """Return the pixels of a strip that a query looking at its middle shows ``[h, w]``."""
        spec, fov_deg = self.card.ground, self.kind.fov_deg
        azimuth_deg = ((np.arange(spec.width_px) + 0.5) / spec.width_px - 0.5) * 360.0
        if rng.random() < self.framed and fov_deg <= 120.0:
            aspect = float(rng.choice(_FRAME_ASPECTS))
            frame = frame_pixels(
                torch.from_numpy(np.radians(azimuth_deg))[None],
                torch.tensor([fov_deg]),
                torch.tensor([aspect]),
                torch.tensor([float(rng.normal(0, _FRAME_PITCH_DEG))]),
                spec,
            )
            return np.asarray(frame[0].numpy())
        window = np.abs(azimuth_deg) <= fov_deg / 2
        return np.broadcast_to(window, (spec.height_px, spec.width_px))


def heading_errors_deg(found_deg: FloatArray, true_deg: FloatArray) -> FloatArray:
    """Return the angle between headings, 0 to 180, ``[Q]``."""
    return np.abs(wrapped(found_deg - true_deg))


def numbered(strips: UInt8Array, numbers: IntArray, ask: Asker) -> list[Asked]:
    """Ask about strips ``[n, h, w, 3]`` that have these numbers ``[n]``."""
    return [ask(strip, int(number)) for strip, number in zip(strips, numbers, strict=True)]

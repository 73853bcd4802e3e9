"""Frozen values that the stages hand to one another.

Frames used everywhere:

* *grid metres*: coordinates ``x_m`` (east) and ``y_m`` (north) of the metric CRS of an index.
* *azimuth, heading*: degrees clockwise; from grid north inside the pipeline, from true north in
  results.
* *ground view*: an equirectangular strip, azimuth growing to the right, elevation
  falling downwards.
* *tile pixels*: north up, ``u`` to the right, ``v`` down, in continuous pixel coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cvgl_core.evidence import Evidence

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
UInt8Array = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

Precision = Literal["float32", "bfloat16"]
"""Of the arithmetic that describes tiles."""

Runtime = Literal["torch", "openvino"]
"""What computes the descriptions of tiles."""

Progress = Callable[[str, int, int], None]
"""Called as ``progress(stage, done, total)``; may raise to cancel."""


def no_progress(stage: str, done: int, total: int) -> None:
    """Take note of nothing: the default ``Progress``."""


@dataclass(frozen=True)
class LonLat:
    """A place in degrees, WGS 84."""

    lon: float
    lat: float


@dataclass(frozen=True)
class Bounds:
    """An axis-aligned rectangle in grid metres."""

    left_m: float
    bottom_m: float
    right_m: float
    top_m: float


@dataclass(frozen=True)
class GroundSpec:
    """The ground view a model was trained on: an equirectangular strip of the full circle."""

    height_px: int
    width_px: int
    elevation_top_deg: float
    elevation_bottom_deg: float


DEFAULT_DEPTH = 50
"""Tiles that are re-ranked unless told otherwise; calibrations are fitted at this depth."""

DECODED_TILES = 20
"""The best of these, which are decoded and ranked once more, unless told otherwise."""


@dataclass(frozen=True)
class Calibration:
    """How scores become probabilities; fitted on held-out queries.

    The posterior over candidates ``t`` and "none of them" is the softmax of
    ``score_t / temperature`` and ``outside_logit``, where
    ``score_t = s_t + match_weight * max M_t^0 + presence_weight * P_t`` (UnifyGeo, Eq. 4, has
    weights of 1 and 0) and ``P_t`` is the logarithm of the sum of the exponentials of a tile's
    decoded logits. These are divided by ``heatmap_temperature``: below 1 a heatmap is sharper than
    trained.
    """

    temperature: float
    outside_logit: float
    fitted_on: str = ""
    match_weight: float = 1.0
    heatmap_temperature: float = 1.0
    presence_weight: float = 0.0
    fitted_m2: float = 0.0

    def among(self, area_m2: float) -> Calibration:
        """Return the calibration for a search of so much ground.

        What is known beforehand of "none of them" does not depend on the area, while each place's
        share of the rest is the smaller the more places there are; and more places make more
        chance likenesses. So the logit grows with the logarithm of the area over ``fitted_m2``,
        that of the search it was fitted on; where this is not known (0) nothing changes.
        """
        if not (self.fitted_m2 > 0 and math.isfinite(area_m2) and area_m2 > 0):
            return self
        moved = self.outside_logit + math.log(area_m2 / self.fitted_m2)
        return replace(self, outside_logit=moved)


class HeadingKnowledge(StrEnum):
    """What is known of a query's heading before the search."""

    KNOWN = "known"
    ABOUT = "about"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class QueryKind:
    """What a query shows, and what is known of it.

    Attributes:
        fov_deg: horizontal field of view.
        heading: known, known to some tens of degrees, or not at all.
    """

    fov_deg: float
    heading: HeadingKnowledge


@dataclass(frozen=True)
class KindCalibration:
    """A calibration, and the kind of queries that it was fitted on."""

    kind: QueryKind
    calibration: Calibration


@dataclass(frozen=True)
class ModelCard:
    """What makes a descriptor meaningful: the weights and the preprocessing they belong to."""

    name: str
    parameters: int
    tile_size_m: float
    aerial_px: int
    ground: GroundSpec
    mean_rgb: tuple[float, float, float]
    std_rgb: tuple[float, float, float]
    descriptor_dim: int
    ground_columns: int
    weights_sha256: str | None = None
    licence: str = "Apache-2.0"
    calibration: Calibration | None = None
    kinds: tuple[KindCalibration, ...] = ()
    training: dict[str, str] = field(default_factory=dict)
    joined_ends: bool = False

    @property
    def gsd_m_per_px(self) -> float:
        """Ground sampling distance of the aerial input."""
        return self.tile_size_m / self.aerial_px

    @property
    def fill_rgb(self) -> tuple[int, int, int]:
        """Colour of pixels without picture: the mean of what the model was trained on."""
        red, green, blue = (round(255 * min(max(value, 0.0), 1.0)) for value in self.mean_rgb)
        return red, green, blue


class Projection(StrEnum):
    """How a photo maps directions to pixels."""

    EQUIRECTANGULAR = "equirectangular"
    PERSPECTIVE = "perspective"


@dataclass(frozen=True)
class PhotoMetadata:
    """What a photo file says about itself; ``sources`` tells where each value was found.

    ``exif_lon`` and ``exif_lat`` are shown and compared, never used as the answer.
    ``heading_deg`` is from true north; ``magnetic_heading_deg`` is what a compass showed.
    ``height_m`` is that of a drone above its take-off or the ground, ``altitude_m`` above the sea
    or the ellipsoid; ``optical_centre_px`` is where the axis meets the picture, in the file's
    pixels.
    ``pano_*`` place a partial equirectangular image within the full sphere, in pixels.
    """

    width_px: int
    height_px: int
    projection: Projection
    heading_deg: float | None = None
    magnetic_heading_deg: float | None = None
    fov_deg: float | None = None
    pitch_deg: float | None = None
    roll_deg: float | None = None
    height_m: float | None = None
    altitude_m: float | None = None
    optical_centre_px: tuple[float, float] | None = None
    exif_lon: float | None = None
    exif_lat: float | None = None
    taken_at: str | None = None
    camera: str | None = None
    pano_full_width_px: int | None = None
    pano_full_height_px: int | None = None
    pano_left_px: int = 0
    pano_top_px: int = 0
    sources: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Photo:
    """Pixels and metadata of a photo; ``rgb`` may be reduced from the file's full size."""

    path: Path
    sha256: str
    rgb: UInt8Array
    metadata: PhotoMetadata


@dataclass(frozen=True)
class GroundView:
    """A photo as the network sees it.

    Attributes:
        rgb: equirectangular strip ``[H, W, 3]``; grey where nothing is visible.
        visible: columns that hold picture, ``[W]``.
        centre_azimuth_deg: azimuth of the centre column, None when the heading is unknown.
        centre_heading_offset_deg: azimuth of the photo's optical axis from the centre column.
    """

    rgb: UInt8Array
    visible: BoolArray
    centre_azimuth_deg: float | None
    centre_heading_offset_deg: float = 0.0


class Verdict(StrEnum):
    """What the posterior says about the search."""

    LOCATED = "located"
    AMBIGUOUS = "ambiguous"
    NOT_IN_AREA = "not_in_area"


class Confidence(StrEnum):
    """The verdict's strength, in a word."""

    STRONG = "strong"
    POSSIBLE = "possible"
    WEAK = "weak"
    NONE = "none"


@dataclass(frozen=True)
class Candidate:
    """A tile that may hold the camera, after re-ranking; ``lon, lat`` is its own best place.

    ``presence_score`` is what its decoded heatmap adds to the score. Where several indexes were
    searched, ``index_id`` names the one that the tile is from, and ``tile_size_m`` is its side.
    """

    rank: int
    retrieval_rank: int
    tile_index: int
    tile_id: str
    score: float
    retrieval_score: float
    match_score: float
    probability: float
    lon: float
    lat: float
    heading_deg: float | None
    polygon: tuple[LonLat, ...]
    index_id: str | None = None
    tile_size_m: float | None = None
    presence_score: float = 0.0


@dataclass(frozen=True)
class Posterior:
    """Probability of the camera's place on the grid of the index.

    Attributes:
        probability: float32 ``[H, W]``, north up; sums to ``1 - outside_probability`` at most.
        crs: of ``left_m`` and ``top_m``, the outer corner of the first cell.
        cell_m: side of a cell.
        outside_probability: mass of "not in this area".
    """

    probability: Float32Array
    crs: str
    left_m: float
    top_m: float
    cell_m: float
    outside_probability: float


@dataclass(frozen=True)
class CredibleRegion:
    """Smallest set of cells that holds ``level`` of the mass inside the area; rings in degrees."""

    level: float
    area_m2: float
    polygons: tuple[tuple[tuple[LonLat, ...], ...], ...]


@dataclass(frozen=True)
class Estimate:
    """Where the camera stood, all derived from one posterior; heading from true north."""

    lon: float
    lat: float
    probability: float
    radius_50_m: float
    radius_90_m: float
    heading_deg: float | None
    heading_std_deg: float | None
    verdict: Verdict
    confidence: Confidence


@dataclass(frozen=True)
class Provenance:
    """What made a result, enough to make it again."""

    photo: str
    photo_sha256: str
    index_id: str
    index_version: int
    model: str
    weights_sha256: str
    software: str
    created_at: str
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LocalizationResult:
    """The answer for one photo: what exports, reports and map layers are made from.

    ``priors`` says in words what was taken to be known beside the pixels, ``exif_used`` whether the
    position in the file was; ``together`` names the photos, this one among them, that were located
    together. ``evidence`` is there once it was looked at, for a report. Of a photo ``from_above``
    the view is its ground, north up.
    """

    metadata: PhotoMetadata
    view: GroundView
    estimate: Estimate
    candidates: tuple[Candidate, ...]
    regions: tuple[CredibleRegion, ...]
    posterior: Posterior
    provenance: Provenance
    exif_distance_m: float | None
    priors: tuple[str, ...] = ()
    exif_used: bool = False
    together: tuple[str, ...] = ()
    evidence: Evidence | None = None
    from_above: bool = False


@dataclass(frozen=True)
class Failure:
    """What a batch records for an item that could not be processed."""

    item: str
    error: str
    message: str
    exit_code: int

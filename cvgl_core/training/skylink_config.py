"""What a SkyLink run is told: one TOML file with a section ``skylink``."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cvgl_core.errors import SettingsError
from cvgl_core.training.config import PRESETS, parse_change, presets


class Section(BaseModel):
    """Settings that are all known, and do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SkyLinkSection(Section):
    """Which network, and where it starts from."""

    name: str = Field("skylink-lite0", description="skylink-lite0 or skylink-dinov2")
    aggregator: Literal["mixer", "mean"] = "mixer"
    start: Literal["imagenet", "random"] | Path = Field(
        "imagenet", description="or the backbone of timm as a safetensors file"
    )


class PlacesSection(Section):
    """Images of places in the layout of University-1652."""

    root: Path = Field(description="the folder with train")
    extra: Literal["none", "google"] | Path = Field(
        "google", description="more street images, of the same place: web images, or ID/* here"
    )
    extra_per_photo: int = Field(2, ge=1, description="the most similar, by a frozen network")
    points: Path | None = Field(
        None, description="point clouds ID/*.ply, las or laz; relative to train"
    )
    scene_views: int = Field(10, ge=2, le=32, description="depth pictures of each scale")
    scene_px: int = Field(64, ge=16, le=256)
    held_out: float = Field(0.1, ge=0, lt=1, description="share of places to validate on")
    readers: int = Field(4, ge=1, le=256, description="threads that read images")


class PlaceBatchSection(Section):
    """How a batch is drawn."""

    size: int = Field(16, ge=2, le=4096, description="places")
    flip_probability: float = Field(0.5, ge=0, le=1, description="of each image, left to right")
    turn_tiles: bool = Field(True, description="tiles turned by quarters")
    colour: float = Field(0.2, ge=0, le=1, description="strength of brightness, contrast, tint")


class SkyLinkLossSection(Section):
    """Weights of the terms; 0 leaves one out."""

    street_satellite: float = Field(1.0, ge=0)
    street_drone: float = Field(1.0, ge=0)
    satellite_drone: float = Field(1.0, ge=0)
    within: float = Field(0.5, ge=0, description="contrast of augmentations within each view")
    scene: float = Field(0.5, ge=0, description="drone views with the 3D scene; needs points")
    label_smoothing: float = Field(0.1, ge=0, lt=1)


class SkyLinkOptimiserSection(Section):
    """Linear warm-up and a cosine to zero."""

    method: Literal["sgd", "adamw"] = Field("adamw", description="published: sgd")
    learning_rate: float = Field(3e-4, gt=0, lt=1)
    weight_decay: float = Field(0.01, ge=0)
    warmup_fraction: float = Field(0.05, ge=0, le=1, description="of all steps")
    clip_norm: float = Field(100.0, gt=0)


class SkyLinkRunSection(Section):
    """How long, on what, and where results go; on one device."""

    folder: Path = Path("runs/skylink")
    epochs: float = Field(40.0, gt=0, description="passes over all places")
    max_steps: int | None = Field(None, ge=1, description="in place of epochs")
    seed: int = 0
    device: str = "auto"
    threads: int = Field(0, ge=0, description="of torch; 0 leaves its own choice")
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    checkpoint_minutes: float = Field(5.0, gt=0)


class SkyLinkConfigFile(Section):
    """A whole run."""

    skylink: SkyLinkSection = SkyLinkSection()
    places: PlacesSection
    batch: PlaceBatchSection = PlaceBatchSection()
    loss: SkyLinkLossSection = SkyLinkLossSection()
    optimiser: SkyLinkOptimiserSection = SkyLinkOptimiserSection()
    run: SkyLinkRunSection = SkyLinkRunSection()


def is_skylink(name_or_path: str) -> bool:
    """Tell whether a preset or file is a configuration of SkyLink; False if it cannot be read."""
    try:
        return "skylink" in tomllib.loads(_path(name_or_path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


def load_skylink_config(name_or_path: str, changes: Sequence[str] = ()) -> SkyLinkConfigFile:
    """Read and check a configuration; relative paths stay relative to the caller.

    Args:
        name_or_path: of a preset, or of a TOML file.
        changes: ``section.key=value`` each, as ``training.config`` reads them.

    Raises:
        SettingsError: the file is missing, is not TOML, or a value is unknown or out of bounds.
    """
    path = _path(name_or_path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        for section, key, value in map(parse_change, changes):
            values[section] = {**values.get(section, {}), key: value}
        return SkyLinkConfigFile.model_validate(values)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: is not a TOML file ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{path}: {where}: {first['msg']}") from error


def _path(name_or_path: str) -> Path:
    known = name_or_path in presets()
    return PRESETS / f"{name_or_path}.toml" if known else Path(name_or_path)

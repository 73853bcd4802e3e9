"""What a training run is told: one TOML file, checked before anything starts."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cvgl_core.errors import SettingsError


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSection(_Section):
    """Which network, and where it starts from."""

    name: str = Field("unifygeo-lite0", description="a name that `cvgl models` lists")
    start: Literal["imagenet", "random", "bundled"] = "imagenet"


class DataSection(_Section):
    """The simulated cities that pairs are rendered from.

    Cities are rendered by a second process while training already runs on the first ones, and
    are kept in ``cache``: a city is a pure function of its seed and these settings.
    """

    cache: Path = Field(Path("runs/cities"), description="rendered cities are kept here")
    seeds: tuple[int, ...] = Field((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), min_length=0)
    osm: tuple[Path, ...] = Field((), description="OpenStreetMap extracts, one city each")
    views_per_city: int = Field(1200, ge=16, le=100_000)
    size_m: float = Field(1224.0, ge=200.0, le=5000.0)
    gsd_m_per_px: float = Field(0.25, gt=0.05, le=1.0)
    validation_seed: int = Field(9001, description="a city that is never trained on")
    elsewhere_seed: int = Field(9002, description="its views calibrate 'not in this area'")
    validation_views: int = Field(300, ge=8, le=10_000)
    start_after_cities: int = Field(3, ge=1, description="begin when so many are rendered")


class BatchSection(_Section):
    """How a batch is drawn."""

    size: int = Field(64, ge=4, le=4096)
    grouped_fraction: float = Field(0.5, ge=0, le=1, description="drawn as groups of neighbours")
    group_size: int = Field(4, ge=2, le=16)
    neighbour_min_m: float = 12.0
    neighbour_max_m: float = 75.0
    offset_m: float = Field(19.0, gt=0, description="camera to tile centre, at most, each axis")


class AugmentationSection(_Section):
    """Changes that keep the truth: photometric per image, geometric per batch."""

    colour: float = Field(0.2, ge=0, le=1, description="strength of brightness, contrast, tint")
    grey_probability: float = Field(0.05, ge=0, le=1)
    window_probability: float = Field(0.25, ge=0, le=1, description="show only part of the circle")
    window_min_deg: float = Field(80.0, gt=0, le=360)
    heading_jitter_deg: float = Field(2.0, ge=0, le=45)
    dropout_probability: float = Field(0.2, ge=0, le=1, description="grey rectangles, coarse")
    blur_probability: float = Field(0.2, ge=0, le=1)


class OptimiserSection(_Section):
    """AdamW with linear warm-up and a cosine to a small fraction of the peak."""

    learning_rate: float = Field(1.5e-3, gt=0, lt=1)
    weight_decay: float = Field(0.04, ge=0)
    warmup_steps: int = Field(100, ge=0)
    final_fraction: float = Field(0.02, ge=0, le=1)
    sigma_px: float = Field(1.5, gt=0, description="of the Gaussian label on the output map")


class RunSection(_Section):
    """How long, on what, and where results go."""

    folder: Path = Path("runs/default")
    minutes: float = Field(60.0, gt=0, description="the cosine ends after this much training")
    max_steps: int | None = Field(None, ge=1, description="end after so many steps instead")
    seed: int = 0
    device: str = "auto"
    threads: int = Field(0, ge=0, description="of torch; 0 leaves its own choice")
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    checkpoint_minutes: float = Field(5.0, gt=0)
    validation_minutes: float = Field(15.0, gt=0)


class TrainConfig(_Section):
    """A whole training run."""

    model: ModelSection = ModelSection()
    data: DataSection = DataSection()
    batch: BatchSection = BatchSection()
    augmentation: AugmentationSection = AugmentationSection()
    optimiser: OptimiserSection = OptimiserSection()
    run: RunSection = RunSection()


def load_train_config(path: Path) -> TrainConfig:
    """Read and check a training configuration; relative paths stay relative to the caller.

    Raises:
        SettingsError: the file is missing, is not TOML, or a value is unknown or out of bounds.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        return TrainConfig.model_validate(values)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: is not a TOML file ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{path}: {where}: {first['msg']}") from error

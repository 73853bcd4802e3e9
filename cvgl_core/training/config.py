"""What a training run is told: one TOML file, checked before anything starts."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    ValidationError,
    model_validator,
)

from cvgl_core.errors import SettingsError
from cvgl_core.training.rows import ROWS

PRESETS = Path(__file__).parent / "presets"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSection(_Section):
    """Which network, and where it starts from."""

    name: str = Field("unifygeo-lite0", description="a name that `cvgl models` lists")
    variant: Literal["paper", "mean", "mixer", "shared", "campus"] | None = Field(
        None, description="for ablations"
    )
    start: Literal["imagenet", "random", "bundled"] | Path = Field(
        "imagenet", description="or a safetensors file, of this program or of the timm backbone"
    )

    @property
    def network(self) -> str:
        """Name under which the network is registered."""
        return self.name if self.variant is None else f"{self.name}-{self.variant}"


class DataSection(_Section):
    """The simulated cities that pairs are rendered from.

    Cities are rendered by a second process while training already runs on the first ones, and
    are kept in ``cache``: a city is a pure function of its seed and these settings. With
    ``simcity`` they are those of the benchmark, and only ``cache``, ``validation_views`` and
    ``start_after_cities`` count.
    """

    simcity: Literal["train"] | None = Field(None, description="the benchmark's training cities")
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


class PairsSection(_Section):
    """A listed data set on disk, in place of simulated cities."""

    dataset: Literal["vigor-same", "vigor-cross", "cvusa", "cvact", "da-campus"]
    root: Path = Field(description="the data set's own folder")
    labels: Literal["corrected", "original"] = Field("corrected", description="of VIGOR")
    neighbours: int = Field(32, ge=0, description="alike pairs around each random one of a batch")
    neighbour_pool: int = Field(128, ge=1, description="of so many, the nearest or most similar")
    mined_every: int = Field(4, ge=1, description="epochs until similarity is mined anew")
    per_place: int = Field(0, ge=0, description="views of a place in a batch; 0: one, see below")
    areas: int = Field(2, ge=1, description="areas in a batch, with per_place")
    area_reach_m: float = Field(500.0, gt=0, description="joins places to areas, with per_place")
    area_repeats: int = Field(4, ge=1, description="batches per areas and epoch, with per_place")
    misfits: int = Field(1024, ge=1, description="pairs in a row that fit nowhere end an epoch")
    readers: int = Field(8, ge=1, le=256, description="threads that read images ahead")
    unreadable_limit: float = Field(0.03, ge=0, le=1, description="share of pairs that may fail")
    validation_views: int = Field(1000, ge=8, description="of the data set's own validation part")

    @model_validator(mode="after")
    def _pool_holds_neighbours(self) -> PairsSection:
        if self.neighbours > self.neighbour_pool:
            raise ValueError("neighbours must not be more than neighbour_pool")
        return self


class BatchSection(_Section):
    """How a batch is drawn; all but ``size`` is for simulated cities."""

    size: int = Field(64, ge=4, le=4096)
    grouped_fraction: float = Field(0.5, ge=0, le=1, description="drawn as groups of neighbours")
    group_size: int = Field(4, ge=2, le=16)
    neighbour_min_m: float = 12.0
    neighbour_max_m: float = 75.0
    offset_m: float = Field(19.0, gt=0, description="camera to tile centre, at most, each axis")
    wide_fraction: float = Field(0.0, ge=0, le=1, description="pairs with the camera further out")
    wide_offset_m: float = Field(33.0, gt=0, description="camera to tile centre in those")
    areas: int = Field(0, ge=0, le=64, description="draw a batch from so many areas; 0: anywhere")
    area_radius_m: float = Field(200.0, gt=0)
    tile_scales: tuple[PositiveFloat, ...] = Field(
        (1.0,), min_length=1, description="sides of tiles, drawn at random, over the model's"
    )


class AugmentationSection(_Section):
    """Changes that keep the truth: photometric per image, geometric per batch."""

    turns: bool = Field(True, description="by quarters; not for pictures that are no panoramas")
    colour: float = Field(0.2, ge=0, le=1, description="strength of brightness, contrast, tint")
    grey_probability: float = Field(0.05, ge=0, le=1)
    heading_jitter_deg: float = Field(2.0, ge=0, le=45)
    dropout_probability: float = Field(0.2, ge=0, le=1, description="grey rectangles, coarse")
    blur_probability: float = Field(0.2, ge=0, le=1)
    coarse_probability: float = Field(0.2, ge=0, le=1, description="from coarser pixels")
    haze_probability: float = Field(0.15, ge=0, le=1)
    jpeg_probability: float = Field(0.2, ge=0, le=1)
    tilt_deg: float = Field(2.0, ge=0, le=20, description="of the camera, standard deviation")


class ViewsSection(_Section):
    """Photos as people have them: narrow views, and headings that nobody knows."""

    narrow: bool = Field(False, description="show every place in a narrow view, too")
    narrowest_deg: float = Field(50.0, gt=10, le=330)
    curriculum: float = Field(
        0.3, ge=0, le=1, description="share of the run in which windows shrink to narrowest_deg"
    )
    pitch_deg: float = Field(4.0, ge=0, le=30, description="of narrow cameras, std. deviation")
    off_deg: float = Field(5.6, ge=0, le=45, description="headings of narrow views are off, most")
    distillation: float = Field(
        0.5, ge=0, description="weight of the full view's heatmap as the narrow one's target"
    )
    unknown_heading: float = Field(
        0.0, ge=0, le=1, description="share of retrieval and ranking with all headings as rivals"
    )


class LossSection(_Section):
    """Weights of the four terms (0 leaves one out) and what the paper leaves open."""

    localization: float = Field(1.0, ge=0)
    retrieval: float = Field(100.0, ge=0)
    matching: float = Field(10.0, ge=0)
    ranking: float = Field(1.0, ge=0)
    presence: float = Field(0.0, ge=0, description="of our own L_P, which decodes a rival tile")
    label_smoothing: float = Field(0.1, ge=0, lt=1)
    sigma_px: float = Field(1.5, gt=0, description="of the Gaussian label on the output map")
    central_fraction: float = Field(
        0.5, gt=0, le=0.5, description="cameras further from the centre do not teach retrieval"
    )

    @property
    def learns(self) -> bool:
        """Whether any term has a weight."""
        terms = (self.localization, self.retrieval, self.matching, self.ranking, self.presence)
        return any(terms)


class DistanceAwareSection(_Section):
    """DyCL's terms on the global descriptors (docs/distance-aware-and-drone.md)."""

    levels_m: tuple[PositiveFloat, ...] = Field(
        (3.0, 200.0, 500.0), min_length=1, description="camera to tile centre, nearest first"
    )
    margins: tuple[float, ...] | None = Field(
        None, description="of the contrast, that of the furthest level first; 0.25, 0.35, ..."
    )
    scale: float = Field(32.0, gt=0, description="of cosines, in the contrast")
    alpha: float = Field(1.0, ge=0, description="how much more a higher level is worth in H-AP")
    contrast: float = Field(0.2, ge=0, description="weight of the dynamic margin loss")
    ranking: float = Field(0.9, ge=0, description="weight of the smooth H-AP")
    proxies: float = Field(0.1, ge=0, description="weight of the classification of places")
    triplet: float = Field(0.0, ge=0, description="weight of the triplet loss, a baseline")
    weight: float = Field(1.0, gt=0, description="of all of them; loss.retrieval has 100")
    proxy_learning_rate: float = Field(1.0, gt=0, description="follows the schedule")

    @model_validator(mode="after")
    def _levels_fit(self) -> DistanceAwareSection:
        if list(self.levels_m) != sorted(set(self.levels_m)):
            raise ValueError("levels_m must grow")
        if self.margins is not None and len(self.margins) != len(self.levels_m):
            raise ValueError("there must be as many margins as levels_m")
        return self

    @property
    def learns(self) -> bool:
        """Whether any term has a weight."""
        return bool(self.contrast or self.ranking or self.proxies or self.triplet)


class OptimiserSection(_Section):
    """AdamW with linear warm-up and a cosine to a small fraction of the peak."""

    learning_rate: float = Field(1.5e-3, gt=0, lt=1)
    weight_decay: float = Field(0.04, ge=0)
    warmup_steps: int = Field(100, ge=0)
    warmup_epochs: float | None = Field(None, ge=0, description="in place of warmup_steps")
    final_fraction: float = Field(0.02, ge=0, le=1)


class RunSection(_Section):
    """How long, on what, and where results go.

    The cosine ends after ``max_steps``, or after ``epochs``, or else after ``minutes``.
    """

    folder: Path = Path("runs/default")
    minutes: float = Field(60.0, gt=0, description="of training, without waiting and validation")
    epochs: float | None = Field(None, gt=0, description="passes over all pairs")
    max_steps: int | None = Field(None, ge=1)
    seed: int = 0
    device: str = "auto"
    threads: int = Field(0, ge=0, description="of torch; 0 leaves its own choice")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    save_memory: bool = Field(False, description="gradient checkpointing")
    checkpoint_minutes: float = Field(5.0, gt=0)
    validation_minutes: float = Field(15.0, gt=0)


class TrainConfig(_Section):
    """A whole training run, on simulated cities (``data``) or on a listed data set (``pairs``)."""

    model: ModelSection = ModelSection()
    data: DataSection = DataSection()
    pairs: PairsSection | None = None
    batch: BatchSection = BatchSection()
    augmentation: AugmentationSection = AugmentationSection()
    views: ViewsSection = ViewsSection()
    loss: LossSection = LossSection()
    distance_aware: DistanceAwareSection | None = None
    optimiser: OptimiserSection = OptimiserSection()
    run: RunSection = RunSection()

    @model_validator(mode="after")
    def _something_is_learned(self) -> TrainConfig:
        if not (self.loss.learns or (self.distance_aware and self.distance_aware.learns)):
            raise ValueError("all weights of [loss] are 0: nothing would be learned")
        return self

    @model_validator(mode="after")
    def _one_source(self) -> TrainConfig:
        if self.pairs is not None and "data" in self.model_fields_set:
            raise ValueError("[data] and [pairs] are two sources of pairs; give one, not both")
        return self


def load_train_config(
    name_or_path: str | Path, row: str | None = None, changes: Sequence[str] = ()
) -> TrainConfig:
    """Read and check a training configuration; relative paths stay relative to the caller.

    Args:
        name_or_path: of a preset, or of a TOML file.
        row: of an ablation, see ``rows``; the run's folder gets its name.
        changes: ``section.key=value`` each, the value as in TOML; plain text needs no quotes.

    Raises:
        SettingsError: the file is missing, is not TOML, or a value is unknown or out of bounds.
    """
    path = (
        PRESETS / f"{name_or_path}.toml" if str(name_or_path) in presets() else Path(name_or_path)
    )
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        for section, key, value in (*_row_changes(row), *map(parse_change, changes)):
            before = values.get(section)
            values[section] = {**(before if isinstance(before, dict) else {}), key: value}
        config = TrainConfig.model_validate(values)
    except OSError as error:
        raise SettingsError(
            f"{path}: cannot be read ({error.strerror}); presets: {', '.join(presets())}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: is not a TOML file ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{path}: {where}: {first['msg']}") from error
    if row is None:
        return config
    folder = config.run.folder.with_name(f"{config.run.folder.name}-{row}")
    return config.model_copy(update={"run": config.run.model_copy(update={"folder": folder})})


def presets() -> list[str]:
    """Return the names of the configurations that come with the program."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def about_preset(name: str) -> str:
    """Return the first line of a preset's comment."""
    first = (PRESETS / f"{name}.toml").read_text(encoding="utf-8").split("\n", 1)[0]
    return first.removeprefix("#").strip()


def _row_changes(row: str | None) -> list[tuple[str, str, Any]]:
    if row is None:
        return []
    if row not in ROWS:
        raise SettingsError(f"no row is called {row!r}; rows: {', '.join(ROWS)}")
    return [
        (section, key, value)
        for section, values in ROWS[row].changes.items()
        for key, value in values.items()
    ]


def parse_change(text: str) -> tuple[str, str, Any]:
    """Read ``section.key=value``.

    Raises:
        SettingsError: it is not of that form.
    """
    name, equals, value = text.partition("=")
    section, dot, key = name.strip().partition(".")
    if not (equals and dot):
        raise SettingsError(f"{text!r} is no change; write section.key=value")
    try:
        return section, key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return section, key, value.strip()

"""Renders training cities in a second process while training already runs on the first ones."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

from cvgl_core.data.citypack import CityPack, CitySpec, open_pack, render_pack
from cvgl_core.data.simcity import simcity_specs
from cvgl_core.errors import CvglError, TrainingError
from cvgl_core.training.config import DataSection
from cvgl_core.types import ModelCard

log = logging.getLogger(__name__)

_OSM_SEED = 5000


def training_specs(data: DataSection, card: ModelCard) -> tuple[CitySpec, ...]:
    """Return the cities of a configuration, own and OpenStreetMap layouts in turns."""
    if data.simcity is not None:
        return simcity_specs(card, data.simcity)
    own = [_spec(data, card, seed, data.views_per_city) for seed in data.seeds]
    mapped = [
        _spec(data, card, _OSM_SEED + number, data.views_per_city, path)
        for number, path in enumerate(data.osm)
    ]
    mixed: list[CitySpec] = []
    while own or mapped:
        mixed += own[:2] + mapped[:1]
        own, mapped = own[2:], mapped[1:]
    return tuple(mixed)


def validation_spec(data: DataSection, card: ModelCard) -> CitySpec:
    """Return the city that is never trained on."""
    if data.simcity is not None:
        return simcity_specs(card, "validation")[0]
    return _spec(data, card, data.validation_seed, data.validation_views)


def elsewhere_spec(data: DataSection, card: ModelCard) -> CitySpec:
    """Return a city whose views are asked against the validation city: none belongs there."""
    if data.simcity is not None:
        return simcity_specs(card, "elsewhere")[0]
    return _spec(data, card, data.elsewhere_seed, data.validation_views)


def _spec(
    data: DataSection, card: ModelCard, seed: int, views: int, osm: Path | None = None
) -> CitySpec:
    return CitySpec(
        seed, views, data.size_m, data.gsd_m_per_px, card.gsd_m_per_px, card.ground, osm
    )


class CityProducer:
    """A process that renders packs; a context manager that ends it."""

    def __init__(self, specs: Sequence[CitySpec], cache: Path) -> None:
        self._specs = tuple(specs)
        self._cache = cache
        self._packs: dict[str, CityPack] = {}
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(
            target=_render_all, args=(self._specs, cache), name="city-producer", daemon=True
        )

    def __enter__(self) -> CityProducer:
        """Start rendering what the cache lacks."""
        if any(open_pack(spec, self._cache) is None for spec in self._specs):
            self._process.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop rendering; what is half done leaves no pack behind."""
        if self._process.pid is not None:
            self._process.terminate()
            self._process.join()

    def ready(self) -> list[CityPack]:
        """Return the packs that are rendered so far, in a fixed order.

        Raises:
            TrainingError: the process ended before it had rendered anything.
        """
        for spec in self._specs:
            if spec.name not in self._packs:
                pack = open_pack(spec, self._cache)
                if pack is not None:
                    self._packs[spec.name] = pack
        if not self._packs and self._process.pid is not None and not self._process.is_alive():
            raise TrainingError(
                f"{self._cache}: no training city could be rendered; see the messages above"
            )
        return [self._packs[spec.name] for spec in self._specs if spec.name in self._packs]

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""
        return self._process.pid is None or not self._process.is_alive()


def _render_all(specs: Iterable[CitySpec], cache: Path) -> None:
    """Render each pack that is missing; a city that fails is reported and left out."""
    import torch

    torch.set_num_threads(1)
    for spec in specs:
        try:
            render_pack(spec, cache)
        except CvglError as error:
            log.error("%s: %s", spec.name, error)

"""How good the network is by now, on material that it never trains on."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch

from cvgl_core.data.citypack import render_pack
from cvgl_core.data.pairset import PairImages, PairSet
from cvgl_core.evaluation.calibration import CandidateScorer, calibrate
from cvgl_core.evaluation.evalset import CitySet
from cvgl_core.evaluation.gallery import Gallery
from cvgl_core.evaluation.metrics import one_percent_vigor, recall_at
from cvgl_core.evaluation.network import Network
from cvgl_core.evaluation.ranking import ranks
from cvgl_core.models import Engine, UnifyGeo
from cvgl_core.training.config import DataSection
from cvgl_core.training.describer import Describer
from cvgl_core.training.producer import elsewhere_spec, validation_spec
from cvgl_core.types import FloatArray, IntArray, ModelCard, Progress, QueryKind, no_progress


class Validation(Protocol):
    """Held-out material."""

    def figures(self, model: UnifyGeo) -> dict[str, float]:
        """Return the figures that tell whether training works; shares in [0, 1]."""

    def calibrated(self, model: UnifyGeo, card: ModelCard) -> ModelCard:
        """Return the card with fitted probabilities, where the material allows it."""


class CityValidation:
    """A simulated city, and another whose views do not belong there."""

    def __init__(
        self,
        data: DataSection,
        card: ModelCard,
        device: torch.device,
        kinds: Sequence[QueryKind] = (),
        progress: Progress = no_progress,
    ) -> None:
        """Set out; ``kinds`` of queries are calibrated beside full circles with a known north."""
        self._data = data
        self._kinds = kinds
        self._card = card
        self._device = device
        self._progress = progress

    def figures(self, model: UnifyGeo) -> dict[str, float]:
        """Search the city's views in its tiles."""
        spec = validation_spec(self._data, self._card)
        pack = render_pack(spec, self._data.cache, progress=self._progress)
        gallery = Gallery(model, self._card, pack, self._device)
        return gallery.figures(self._data.validation_views)

    def calibrated(self, model: UnifyGeo, card: ModelCard) -> ModelCard:
        """Fit probabilities on the city, asked with its own views and with another's."""
        data = self._data
        own, other = (
            render_pack(spec, data.cache, progress=self._progress)
            for spec in (validation_spec(data, self._card), elsewhere_spec(data, self._card))
        )
        # A copy: an engine folds batch norms away.
        network = Network(Engine(copy.deepcopy(model), self._card, self._device.type))
        here, there = (CitySet(pack.name, (pack,), self._card) for pack in (own, other))
        scorer = CandidateScorer(here, network)
        limit = data.validation_views if self._kinds else None
        return calibrate(scorer, there, card, self._kinds, limit, self._progress)


class ListedValidation:
    """Some views of a data set's validation part, searched in the tiles that any of them names.

    A quick look: the gallery is smaller than the data set's own, so recall is higher than
    ``cvgl evaluate`` will find. Probabilities are not fitted here.
    """

    def __init__(self, pairs: PairSet, limit: int, card: ModelCard, describe: Describer) -> None:
        self._pairs = pairs
        self._images = PairImages(pairs, card)
        self._describe = describe
        count = len(pairs.view_paths)
        self._views: IntArray = np.unique(np.linspace(0, count - 1, min(limit, count)).astype(int))
        named = np.concatenate(
            [pairs.positive[self._views], pairs.semi_positive[self._views].ravel()]
        )
        self._tiles = np.unique(named[named >= 0])

    def figures(self, model: UnifyGeo) -> dict[str, float]:
        """Return recalls without re-ranking, and the error on the right tile."""
        views, tiles = self._describe(self._images, self._views, self._tiles)
        positive = np.searchsorted(self._tiles, self._pairs.positive[self._views])
        near = self._pairs.semi_positive[self._views]
        semi_positive = np.where(near < 0, -1, np.searchsorted(self._tiles, near))
        found = ranks(tiles.cpu().numpy(), views.cpu().numpy(), positive, semi_positive)
        figures = {f"r@{k}": recall_at(found.rank, k) for k in (1, 5, 10)}
        figures["r@1%"] = recall_at(found.rank, one_percent_vigor(len(self._tiles)))
        error_m = self._errors_m()
        figures["given tile median m"] = float(np.nanmedian(error_m))
        figures["given tile mean m"] = float(np.nanmean(error_m))
        return figures

    def calibrated(self, model: UnifyGeo, card: ModelCard) -> ModelCard:
        """Leave probabilities alone."""
        return card

    def _errors_m(self) -> FloatArray:
        """Return the distance of the arg-max place on the right tile to the camera ``[Q]``."""
        tiles = self._pairs.positive[self._views]
        found_uv = self._describe.places(self._images, self._views, tiles)
        off = (found_uv - self._pairs.camera_uv[self._views]) * self._pairs.tile_side_m[tiles, None]
        return np.asarray(np.hypot(*off.T))

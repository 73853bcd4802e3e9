"""Run a trained network: numpy in, numpy out, the same descriptor for the same pixels.

Tiles are encoded in batches of one fixed size, the last one filled up, so that a tile's
descriptor does not depend on its neighbours in the batch. Views are encoded one by one. On a CPU
each batch is computed by one thread, as many batches at a time as torch has threads: sums split
over threads would round differently from machine to machine, and one thread a batch is faster.

What an index stores may be computed in bfloat16 and by OpenVINO; views, and tiles while they are
matched with a view, always are in float32 by torch. On a GPU the encoder is compiled; no GPU was
there to measure that on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from cvgl_core.errors import PhotoViewError, SettingsError
from cvgl_core.index import ReducedMaps
from cvgl_core.models.encoder import ready, tile_encoder
from cvgl_core.models.features import GroundFeatures, concatenated
from cvgl_core.models.fusing import fuse_batch_norms
from cvgl_core.models.maps import match_maps
from cvgl_core.models.mosaic import (
    STEP_PX,
    Correction,
    cut_windows,
    mosaic_features,
    with_margin,
    with_mixtures,
)
from cvgl_core.models.query import QueryFeatures
from cvgl_core.models.unifygeo import UnifyGeo
from cvgl_core.types import (
    Float32Array,
    GroundView,
    IntArray,
    ModelCard,
    Precision,
    Runtime,
    UInt8Array,
)

_MATCH_BATCH = {"cpu": 8, "cuda": 64}
_ENCODE_BATCH = {"cpu": 16, "cuda": 256}
_MAX_WORKERS = 16
_VIEW_BATCH = 16
_MAP_AXES = 3
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Engine:
    """A network ready to describe and match; see ``loading``.

    The model given is taken over: it is set to inference and its batch norms are folded away.
    Rolls turn a view to the right, see ``QueryFeatures``.
    """

    def __init__(
        self,
        model: UnifyGeo,
        card: ModelCard,
        device: str = "cpu",
        precision: Precision = "float32",
        correction: Correction | None = None,
        runtime: Runtime = "torch",
    ) -> None:
        self.card = card
        self.device = torch.device(device)
        self.precision = precision
        self.runtime = runtime
        model = model.eval().requires_grad_(False)
        fuse_batch_norms(model)
        self._encoder = tile_encoder(model, self.device, precision, runtime)
        self._model = ready(model, self.device)
        self._correction = correction
        if correction is not None:
            self._correction = correction.to(self.device, self._encoder.dtype)
        mean, std = torch.tensor([card.mean_rgb, card.std_rgb])
        self._scale = (1 / (255.0 * std)).to(self.device)
        self._shift = (-mean / std).to(self.device)
        self.tile_batch = _MATCH_BATCH[self.device.type]
        self.batch_tiles = 2 * _ENCODE_BATCH[self.device.type]

    @property
    def model(self) -> UnifyGeo:
        """The network itself, ready for inference: for evaluation, which keeps its features."""
        return self._model

    def describe_tiles(self, rgb: UInt8Array) -> Float32Array:
        """Global descriptors ``[N, D]`` of tiles ``[N, p, p, 3]``, L2-normalised."""
        return self._over_tiles(
            rgb, lambda x, _: self._encoder.describe(x), (self.card.descriptor_dim,), encode=True
        )[0]

    @property
    def map_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of a tile's level-0 map."""
        config = self._model.config
        side = self.card.aerial_px // config.stride
        return config.columns * config.column_channels[0], side, side

    def encode_tiles(self, rgb: UInt8Array) -> tuple[Float32Array, Float32Array]:
        """Descriptors ``[N, D]`` and level-0 maps ``[N, C, h, w]`` of tiles, by one pass."""
        shapes = (self.card.descriptor_dim,), self.map_shape
        found = self._over_tiles(rgb, lambda x, _: self._encoder.encode(x), *shapes, encode=True)
        return found[0], found[1]

    @property
    def shared_trunk(self) -> str:
        """Hash of what makes up for borders where tiles share a trunk; empty if they cannot."""
        return "" if self._correction is None else self._correction.sha256

    @property
    def shared_trunk_lost_points(self) -> float:
        """Points of R@1 that sharing was measured to lose; infinite if it was not measured."""
        return math.inf if self._correction is None else self._correction.lost_points

    def encode_mosaic(
        self, rgb: UInt8Array, corners_px: IntArray
    ) -> tuple[Float32Array, Float32Array]:
        """The same as ``encode_tiles``, about, of tiles that overlap; their trunk runs once.

        On a CPU the trunk is computed by one thread. Not tried on a GPU.

        Args:
            rgb: the mosaic ``[H, W, 3]``, its sides multiples of 16.
            corners_px: top and left of each tile ``[K, 2]``, multiples of 16.

        Raises:
            SettingsError: no correction was fitted for these weights, or tiles lie off the lattice.
        """
        correction = self._correction
        if correction is None:
            raise SettingsError(f"{self.card.name}: has no correction for a shared trunk")
        if (corners_px % STEP_PX).any() or any(side % STEP_PX for side in rgb.shape[:2]):
            raise SettingsError(f"tiles that share a trunk lie {STEP_PX} px or a multiple apart")
        mix = correction.mix
        features = self._map(lambda x: with_mixtures(self._mosaic_features(x), mix), [rgb])[0]

        def encode(part: slice) -> tuple[Tensor, ...]:
            windows = cut_windows(features, corners_px[part], self.card.aerial_px)
            whole = correction(_filled(windows, batch)).contiguous(
                memory_format=torch.channels_last
            )
            return self._encoder.encode_features(whole)

        batch = 2 * _ENCODE_BATCH[self.device.type]
        shapes = (self.card.descriptor_dim,), self.map_shape
        found = self._gathered(len(corners_px), batch, encode, shapes)
        return found[0], found[1]

    def _mosaic_features(self, rgb: UInt8Array) -> Tensor:
        x = self._normalised(with_margin(rgb)[None]).to(self._encoder.dtype)
        return mosaic_features(self._encoder.stages, x)

    def describe_view(self, view: GroundView, headings: int = 1) -> QueryFeatures:
        """Describe a ground view; what it does not show takes no part in any comparison.

        Where the network joins a panorama's ends, headings a whole number of columns apart share a
        pass; otherwise each costs one.

        Args:
            view: the strip.
            headings: so many evenly spaced ones are described.

        Raises:
            PhotoViewError: the view has not the size that the model was trained on.
        """
        spec = self.card.ground
        if view.rgb.shape != (spec.height_px, spec.width_px, 3):
            raise PhotoViewError(
                f"a ground view of {view.rgb.shape[:2]} pixels does not fit {self.card.name}, "
                f"which needs {spec.height_px} x {spec.width_px}"
            )
        columns = self.card.ground_columns
        sharing = math.gcd(headings, columns) if self.card.joined_ends else 1
        passes = headings // sharing
        shifts_px = [roll * spec.width_px // headings for roll in range(passes)]
        groups = [shifts_px[i : i + _VIEW_BATCH] for i in range(0, passes, _VIEW_BATCH)]
        parts = self._map(lambda group: self._describe_turned(view, group), groups)
        found = concatenated(parts).at_turns(range(0, columns, columns // sharing))
        return QueryFeatures(
            found.descriptor.cpu().numpy(),
            tuple(level.cpu().numpy() for level in found.columns),
            None if found.weights is None else found.weights.cpu().numpy(),
        )

    def _describe_turned(self, view: GroundView, shifts_px: Sequence[int]) -> GroundFeatures:
        """Describe a view turned to the right by some numbers of pixels."""
        turned = [np.roll(view.visible, shift) for shift in shifts_px]
        seen = torch.from_numpy(np.stack(turned)).to(self.device)
        rgb = np.stack([np.roll(view.rgb, shift, axis=1) for shift in shifts_px])
        x = self._normalised(rgb) * seen[:, None, None, :]
        x = x.contiguous(memory_format=torch.channels_last)
        return self._model.forward_ground(x, None if bool(seen.all()) else seen)

    def match_scores(
        self, query: QueryFeatures, rgb: UInt8Array, rolls: Sequence[int] = (0,)
    ) -> Float32Array:
        """Largest level-0 cosine of each tile at each roll ``[K, R]``; no heatmaps are decoded.

        Args:
            query: a described view.
            rgb: tiles ``[K, p, p, 3]``.
            rolls: headings to try.
        """
        columns, weights = self._rolled_level0(query, rolls)
        model = self._model

        def score(x: Tensor, _: slice) -> tuple[Tensor]:
            level0 = model.level0_map(model.aerial.trunk(x)[2])
            return (model.match_level0(columns, level0, weights).amax(dim=(2, 3)).T,)

        return self._over_tiles(rgb, score, (len(rolls),))[0]

    def match_maps(
        self, query: QueryFeatures, maps: ReducedMaps, rolls: Sequence[int] = (0,)
    ) -> Float32Array:
        """The same as ``match_scores`` from stored maps instead of pixels, but for rounding."""
        return match_maps(query.columns_at(0, rolls), query.weights_at(rolls), maps)

    def decode(
        self, query: QueryFeatures, rgb: UInt8Array, roll_per_tile: Sequence[int]
    ) -> Float32Array:
        """Logits of the camera per pixel ``[K, p, p]``, one roll for each tile.

        Their softmax over a tile is the heatmap; their level says how likely the camera is on the
        tile at all, where the network was trained for that (``losses.presence``).

        Args:
            query: a described view.
            rgb: tiles ``[K, p, p, 3]``.
            roll_per_tile: heading assumed at each tile.
        """
        rolls = list(roll_per_tile)
        if len(rolls) != len(rgb):
            raise SettingsError(f"{rgb.shape[0]} tiles need as many rolls, not {len(rolls)}")
        model = self._model
        columns = [self._tensor(query.columns_at(i, rolls)) for i in range(len(query.columns))]
        seen = query.weights_at(rolls)
        weights = None if seen is None else self._tensor(seen)

        def logits(x: Tensor, part: slice) -> tuple[Tensor]:
            turned = [_filled(level[part], len(x)) for level in columns]
            share = None if weights is None else _filled(weights[part], len(x))
            maps = model.aerial_maps(model.aerial.trunk(x))
            return (model.decoder(turned, maps, share).logits,)

        return self._over_tiles(rgb, logits, (self.card.aerial_px, self.card.aerial_px))[0]

    def _tensor(self, values: Float32Array) -> Tensor:
        return torch.from_numpy(values).to(self.device)

    def _rolled_level0(
        self, query: QueryFeatures, rolls: Sequence[int]
    ) -> tuple[Tensor, Tensor | None]:
        if len(rolls) == 0:
            raise SettingsError("at least one heading must be tried")
        weights = query.weights_at(rolls)
        columns = self._tensor(query.columns_at(0, rolls))
        return columns, None if weights is None else self._tensor(weights)

    def _normalised(self, rgb: UInt8Array) -> Tensor:
        """Return pixels ``[N, h, w, 3]`` as ``[N, 3, h, w]``, ``channels_last``."""
        count, height, width, _ = rgb.shape
        pixels = torch.from_numpy(np.ascontiguousarray(rgb))
        if self.device.type == "cuda":
            pixels = pixels.pin_memory().to(self.device, non_blocking=True)
        rows = pixels.reshape(count, height, width * 3).float()  # long rows are fast
        x = torch.addcmul(self._shift.repeat(width), rows, self._scale.repeat(width))
        return x.reshape(count, height, width, 3).permute(0, 3, 1, 2)

    def _over_tiles(
        self,
        rgb: UInt8Array,
        function: Callable[[Tensor, slice], tuple[Tensor, ...]],
        *shapes: tuple[int, ...],
        encode: bool = False,
    ) -> tuple[Float32Array, ...]:
        """Apply a function to batches of tiles.

        Args:
            rgb: tiles ``[N, p, p, 3]``.
            function: of normalised tiles and their place among all.
            shapes: of what it gives for a tile.
            encode: whether that is to be stored, so that the encoder's precision applies.
        """
        side = self.card.aerial_px
        if rgb.ndim != 4 or rgb.shape[1:] != (side, side, 3) or rgb.dtype != np.uint8:
            raise SettingsError(
                f"tiles must be uint8 [N, {side}, {side}, 3], not {rgb.dtype} {list(rgb.shape)}"
            )
        batch = (_ENCODE_BATCH if encode else _MATCH_BATCH)[self.device.type]
        dtype = self._encoder.dtype if encode else torch.float32

        def run(part: slice) -> tuple[Tensor, ...]:
            x = _filled(self._normalised(rgb[part]).to(dtype), batch)
            return function(x.contiguous(memory_format=torch.channels_last), part)

        return self._gathered(len(rgb), batch, run, shapes)

    def _gathered(
        self,
        count: int,
        batch: int,
        function: Callable[[slice], tuple[Tensor, ...]],
        shapes: Sequence[tuple[int, ...]],
    ) -> tuple[Float32Array, ...]:
        """Return what a function gives for ``count`` tiles, asked by batches.

        Args:
            count: how many tiles.
            batch: how many results the function gives; those past the end are left out.
            function: of the tiles' place among all.
            shapes: of what it gives for a tile; maps ``[C, h, w]`` lie in memory as ``[h, w, C]``.
        """
        out = tuple(_empty(count, shape) for shape in shapes)

        def fill(part: slice) -> None:
            for target, y in zip(out, function(part), strict=True):
                target[part] = y[: part.stop - part.start].float().cpu().numpy()

        starts = range(0, count, batch)
        self._map(fill, [slice(i, min(i + batch, count)) for i in starts])
        return out

    def _map(self, function: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
        """Apply a function that runs the network; on a CPU by one thread for each item."""
        threads = torch.get_num_threads()

        def alone(item: _Item) -> _Result:
            if self.device.type == "cpu":
                torch.set_num_threads(1)  # of the calling thread
            with torch.inference_mode():
                return function(item)

        workers = min(len(items), threads, _MAX_WORKERS) if self.device.type == "cpu" else 1
        try:
            with ThreadPoolExecutor(max(1, workers)) as pool:
                return list(pool.map(alone, items))
        finally:
            torch.set_num_threads(threads)  # the last call also decides for threads yet to start


def _empty(count: int, shape: tuple[int, ...]) -> Float32Array:
    """Return room for arrays of a shape; the channels of maps are innermost, as torch has them."""
    if len(shape) < _MAP_AXES:
        return np.empty((count, *shape), np.float32)
    channels, *sides = shape
    return np.moveaxis(np.empty((count, *sides, channels), np.float32), -1, 1)


def _filled(x: Tensor, size: int) -> Tensor:
    """Repeat the last item until there are ``size``."""
    missing = size - len(x)
    return x if missing == 0 else torch.cat([x, x[-1:].expand(missing, *x.shape[1:])])

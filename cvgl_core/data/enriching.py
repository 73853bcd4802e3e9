"""More street photos of a place, from the web or a folder: SkyLink's retrieval enhancement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cvgl_core.data.university1652 import PlaceImages
from cvgl_core.types import Float32Array

Describe = Callable[[Sequence[Path]], Float32Array]
"""L2-normalised descriptors ``[N, D]`` of images by a network that is not trained."""


@dataclass(frozen=True)
class Enriched:
    """Street photos with those that were added.

    Attributes:
        street: all photos, by place and then the old ones first.
        added: the new ones.
        cosine: of each new one to the most similar old one of its place.
    """

    street: PlaceImages
    added: tuple[Path, ...]
    cosine: Float32Array


def enriched(
    street: PlaceImages, extra: PlaceImages, describe: Describe, per_photo: int
) -> Enriched:
    """Add to each place the extra images that look most like its own street photos.

    For each street photo the ``per_photo`` most similar extra images of the **same** place are
    chosen; what several photos choose is added once. Images of other places are never added, and
    places without a street photo get none.

    Args:
        street: photos.
        extra: images, such as University-1652's web images or those of a user's folder.
        describe: by what similarity is told.
        per_photo: how many, at most.
    """
    shared = np.isin(extra.place, street.place)
    candidates = [path for path, use in zip(extra.paths, shared, strict=True) if use]
    place = extra.place[shared]
    own = describe(street.paths)
    other = describe(candidates) if candidates else own[:0]
    cosine = np.full(len(candidates), -np.inf, np.float32)
    chosen = np.zeros(len(candidates), bool)
    for number in np.unique(place):
        here = np.flatnonzero(place == number)
        alike = own[street.place == number] @ other[here].T
        best = np.argsort(-alike, axis=1, kind="stable")[:, :per_photo]
        chosen[here[np.unique(best)]] = True
        cosine[here] = alike.max(axis=0)
    added = tuple(path for path, use in zip(candidates, chosen, strict=True) if use)
    paths = np.array([*street.paths, *added], dtype=object)
    places = np.concatenate([street.place, place[chosen]])
    order = np.argsort(places, kind="stable")
    whole = PlaceImages(
        street.view, street.folder, tuple(paths[order]), places[order], street.skipped
    )
    return Enriched(whole, added, cosine[chosen])

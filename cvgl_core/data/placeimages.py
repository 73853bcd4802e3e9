"""Images of places as squares at a network's size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from cvgl_core.data.pairset import resized
from cvgl_core.errors import DatasetError, PhotoError
from cvgl_core.photo import read_photo
from cvgl_core.types import UInt8Array

_OVERSAMPLING = 4


def read_square(path: Path, side_px: int, listed: str = "") -> UInt8Array:
    """Return an image squeezed to a square ``[side_px, side_px, 3]``, as the data set's code does.

    Args:
        path: of the image.
        side_px: of the result.
        listed: ``file:line`` that names the image, if a list does.

    Raises:
        DatasetError: the image is missing or damaged.
    """
    try:
        rgb = read_photo(path, side_px * _OVERSAMPLING).rgb
    except PhotoError as error:
        raise DatasetError(f"{listed}: {error}" if listed else str(error)) from error
    return resized(rgb, side_px, side_px)


def squares(
    paths: Sequence[Path], side_px: int, chunk: int, threads: int, listed: Sequence[str] = ()
) -> Iterator[UInt8Array]:
    """Yield images in their order, ``[chunk, side_px, side_px, 3]`` at a time, read by threads.

    Raises:
        DatasetError: an image is missing or damaged.
    """
    names = listed or ("",) * len(paths)
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(paths), chunk):
            part = slice(start, start + chunk)
            read = pool.map(
                lambda one: read_square(one[0], side_px, one[1]),
                zip(paths[part], names[part], strict=True),
            )
            yield np.stack(list(read))

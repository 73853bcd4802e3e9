"""Arrays as ``.npy`` files whose first bytes are known beforehand."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvgl_core.index.manifest import FileRecord

_CHUNK_BYTES = 1 << 22


@lru_cache(maxsize=1024)
def npy_header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """Return the first bytes of a ``.npy`` file (format 1.0) of an array in C order."""
    stream = io.BytesIO()
    description = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": shape,
    }
    np.lib.format.write_array_header_1_0(stream, description)
    return stream.getvalue()


def npy_bytes(dtype: np.dtype[Any], shape: tuple[int, ...]) -> int:
    """Return how many bytes the file of an array has."""
    return len(npy_header(dtype, shape)) + dtype.itemsize * int(np.prod(shape, dtype=np.int64))


def write_npy(path: Path, array: NDArray[Any]) -> FileRecord:
    """Write a ``.npy`` file to the disk for good and return its record."""
    body = array.reshape(-1).view(np.uint8).data
    chunks = (body[start : start + _CHUNK_BYTES] for start in range(0, len(body), _CHUNK_BYTES))
    return _write(path, (npy_header(array.dtype, array.shape), *chunks))


def write_synced(path: Path, data: bytes) -> FileRecord:
    """Write bytes to the disk for good and return their record."""
    return _write(path, (data,))


def _write(path: Path, chunks: Iterable[bytes | memoryview]) -> FileRecord:
    """Write a file, hashing what is written while it is in the processor's cache."""
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as stream:
        for chunk in chunks:
            digest.update(chunk)
            size += stream.write(chunk)
        stream.flush()
        os.fsync(stream.fileno())
    return FileRecord(file_bytes=size, sha256=digest.hexdigest())

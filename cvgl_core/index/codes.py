"""Codes of one bit a number: they say which few tiles are worth comparing exactly.

Comparing the descriptors of a million tiles takes half a second, their codes a fiftieth of it.
The codes are RaBitQ's (arXiv 2405.12497): the sign of every number after a random turn, which makes
all directions alike, and two numbers that correct the estimate of the cosine. They name the most
promising tiles, and the exact search compares those. All codes are looked at: a street photo lies
far from every tile, and indexes that look only around the query (IVF, HNSW) can lose the right one.

FAISS reads the codes; nothing else imports it. Codes are kept as plain arrays: the files of FAISS
itself are never written or read, for its parser is not made for files of strangers.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

import numpy as np

from cvgl_core.index.search import Rows, SearchResult, exact_search, search_rows, unit_rows, widen
from cvgl_core.types import BoolArray, Float32Array, IntArray, Progress, UInt8Array, no_progress

if TYPE_CHECKING:
    import faiss

_LOG = logging.getLogger(__name__)

EXACT_TILES = 200_000
"""So many tiles are compared exactly: a small part of the time that a photo takes."""

_QUERY_BITS = 4
_PIECE_ROWS = 16_384
_CORRECTION_BYTES = 8
_LEAST_SHORTLIST = 500
_SHORTLIST_PER_RESULT = 10


@dataclass(frozen=True)
class CodeArrays:
    """Codes of an index.

    Attributes:
        turn: an orthogonal matrix, float32 ``[D, D]``; a descriptor is coded as ``x @ turn``.
        centre: mean of the turned descriptors, float32 ``[D]``.
        codes: of every tile, bits and then two corrections, uint8 ``[N, code_bytes(D)]``.
    """

    turn: Float32Array
    centre: Float32Array
    codes: UInt8Array


class Shortlister(Protocol):
    """Names the tiles that are worth comparing exactly."""

    def shortlist(self, queries: Float32Array, k: int, where: BoolArray | None = None) -> IntArray:
        """Return the tiles that may be among the best ``k`` of any query, in ascending order.

        Args:
            queries: descriptors ``[Q, D]``.
            k: how many are wanted of each query.
            where: tiles that may be named ``[N]``; all if None.
        """


def is_large(allowed: int, k: int) -> bool:
    """Tell whether comparing so many tiles takes much longer than finding the best ``k`` first."""
    return allowed > max(EXACT_TILES, 4 * shortlist_length(k))


def can_code() -> bool:
    """Tell whether FAISS is there; without it the exact search finds the same, in its time."""
    found = find_spec("faiss") is not None
    if not found:
        _LOG.info("all tiles are compared one by one; with FAISS (cvgl[faiss]) it is far quicker")
    return found


def faiss_version() -> str:
    """Return the version of FAISS, whichever package brought it."""
    import faiss

    return str(faiss.__version__)


def code_bytes(dim: int) -> int:
    """Return the bytes of one tile's code."""
    return (dim + 7) // 8 + _CORRECTION_BYTES


def shortlist_length(k: int) -> int:
    """Return how many tiles codes have to name so that the best ``k`` are among them."""
    return max(_LEAST_SHORTLIST, _SHORTLIST_PER_RESULT * k)


def make_codes(gallery: Rows, progress: Progress = no_progress) -> CodeArrays:
    """Code all rows of a gallery, a piece at a time."""
    count, dim = gallery.shape
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((dim, dim)))[0].astype(np.float32)
    room = np.empty((min(count, _PIECE_ROWS), dim), np.float32)
    spread = np.linspace(0, count - 1, len(room)).astype(np.int64)
    centre = unit_rows(widen(gallery[spread], room)).mean(axis=0) @ turn
    scanner = _scanner(centre)
    codes: UInt8Array = np.empty((count, code_bytes(dim)), np.uint8)
    for start in range(0, count, _PIECE_ROWS):
        progress("coding tiles", start, count)
        rows = widen(gallery[start : min(start + _PIECE_ROWS, count)], room)
        codes[start : start + len(rows)] = scanner.sa_encode(unit_rows(rows) @ turn)
    progress("coding tiles", count, count)
    return CodeArrays(turn, centre, codes)


class Codes:
    """Codes in memory, ready to be scanned."""

    def __init__(self, arrays: CodeArrays) -> None:
        self._turn = arrays.turn
        self._scanner = _scanner(arrays.centre)
        self._scanner.add_sa_codes(np.ascontiguousarray(arrays.codes))

    def shortlist(self, queries: Float32Array, k: int, where: BoolArray | None = None) -> IntArray:
        """Return the tiles that may be among the best ``k`` of any query; see ``Shortlister``."""
        import faiss

        parameters = faiss.RaBitQSearchParameters()
        parameters.qb = _QUERY_BITS
        if where is not None:
            bits = np.packbits(where, bitorder="little")
            selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
            parameters.sel = selector
        length = min(shortlist_length(k), self._scanner.ntotal)
        turned = unit_rows(queries) @ self._turn
        _, found = self._scanner.search(turned, length, params=parameters)
        tiles: IntArray = np.unique(found)
        return tiles[tiles >= 0]


def coded_search(
    codes: Shortlister,
    gallery: Rows,
    queries: Float32Array,
    k: int,
    where: BoolArray | None = None,
) -> SearchResult:
    """Return what ``exact_search`` does, but only of tiles that are named for some query."""
    named = codes.shortlist(queries, k, where)
    if len(named) < k:  # codes from a stranger may name anything, or nothing
        return exact_search(gallery, queries, k, where)
    return search_rows(gallery, queries, k, named)


def _scanner(centre: Float32Array) -> faiss.IndexRaBitQ:
    """Return an empty index of FAISS that codes and compares around a centre ``[D]``."""
    import faiss

    scanner = faiss.IndexRaBitQ(len(centre), faiss.METRIC_INNER_PRODUCT)
    scanner.qb = _QUERY_BITS
    scanner.train(centre[None])  # the mean of one row
    return scanner

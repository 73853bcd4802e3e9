"""The index folder: immutable shards, one manifest, exact search."""

from cvgl_core.index.manifest import (
    GridRecord,
    Manifest,
    ShardRecord,
    SourceRecord,
    digest_of,
    read_manifest,
)
from cvgl_core.index.reader import Index, verify_folder
from cvgl_core.index.search import SearchResult, exact_search
from cvgl_core.index.shard import TILE_DTYPE, ShardData
from cvgl_core.index.writer import IndexWriter

__all__ = [
    "TILE_DTYPE",
    "GridRecord",
    "Index",
    "IndexWriter",
    "Manifest",
    "SearchResult",
    "ShardData",
    "ShardRecord",
    "SourceRecord",
    "digest_of",
    "exact_search",
    "read_manifest",
    "verify_folder",
]

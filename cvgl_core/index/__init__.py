"""The index folder: immutable shards, one manifest, search."""

from cvgl_core.index.codes import Shortlister, is_large, shortlist_length
from cvgl_core.index.collection import Collection, check_alike, galleries
from cvgl_core.index.garbage import Garbage, find_garbage, remove_garbage
from cvgl_core.index.manifest import (
    DamagedRecord,
    GridRecord,
    Manifest,
    MapRecord,
    PartRecord,
    ShardRecord,
    SkippedRecord,
    SourceRecord,
    digest_of,
    read_manifest,
)
from cvgl_core.index.maps import KEPT_CHANNELS, ReducedMaps, map_record, reduce_maps
from cvgl_core.index.merge import merge_indexes
from cvgl_core.index.migrate import migrate_index
from cvgl_core.index.order import along_curve
from cvgl_core.index.reader import Index, make_ready
from cvgl_core.index.search import Rows, SearchResult, exact_search
from cvgl_core.index.shard import TILE_DTYPE, ShardData
from cvgl_core.index.sizes import (
    check_sizes,
    claim_sizes,
    member_folders,
    merge_sizes,
    open_index,
    write_sizes,
)
from cvgl_core.index.verify import verify_folder
from cvgl_core.index.writer import IndexWriter

__all__ = [
    "KEPT_CHANNELS",
    "TILE_DTYPE",
    "Collection",
    "DamagedRecord",
    "Garbage",
    "GridRecord",
    "Index",
    "IndexWriter",
    "Manifest",
    "MapRecord",
    "PartRecord",
    "ReducedMaps",
    "Rows",
    "SearchResult",
    "ShardData",
    "ShardRecord",
    "Shortlister",
    "SkippedRecord",
    "SourceRecord",
    "along_curve",
    "check_alike",
    "check_sizes",
    "claim_sizes",
    "digest_of",
    "exact_search",
    "find_garbage",
    "galleries",
    "is_large",
    "make_ready",
    "map_record",
    "member_folders",
    "merge_indexes",
    "merge_sizes",
    "migrate_index",
    "open_index",
    "read_manifest",
    "reduce_maps",
    "remove_garbage",
    "shortlist_length",
    "verify_folder",
    "write_sizes",
]

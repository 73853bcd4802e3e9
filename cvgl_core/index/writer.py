"""Writing an index: shards first, each whole; then one manifest that makes them the index.

Killing the writer at any instant loses at most the shard being written. Readers of the version
before keep their files: shards of that version stay until the one after is committed.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from cvgl_core import fsio
from cvgl_core.errors import IndexCorruptError, IndexLockedError, NoIndexError, OutputError
from cvgl_core.index import shard as shards
from cvgl_core.index.manifest import (
    MANIFEST_NAME,
    SHARDS_NAME,
    SIZES_NAME,
    Manifest,
    MapRecord,
    ShardRecord,
    is_current,
    read_manifest,
    write_manifest,
)
from cvgl_core.index.table import tables_except, write_table
from cvgl_core.index.threads import threaded

_LOG = logging.getLogger(__name__)
_LOCK_NAME = ".lock"
_OWNER_NAME = ".owner"


class IndexWriter:
    """The one writer of an index folder; a context manager that holds its lock.

    Args:
        folder: the index folder.
        needed_bytes: about what the index takes, to be told when the disk is full.
    """

    def __init__(self, folder: Path, needed_bytes: int = 0) -> None:
        self.folder = folder
        self._needed_bytes = needed_bytes
        self.shard_folder = folder / SHARDS_NAME
        self._lock = FileLock(folder / _LOCK_NAME)
        self._previous: Manifest | None = None

    @property
    def previous(self) -> Manifest | None:
        """The finished version that the folder held when it was locked, if it is readable."""
        return self._previous

    def __enter__(self) -> IndexWriter:
        """Lock the folder, make it if need be, and clear away what a killed writer left.

        Raises:
            IndexLockedError: another process is writing this index.
            IndexVersionError: the folder holds an index of another format.
            OutputError: the folder cannot be written, or holds something else.
        """
        try:
            self._claim_folder()
            self._lock.acquire(timeout=0)
        except (Timeout, FileNotFoundError, FileExistsError) as error:
            # The folder of a writer that leaves it empty comes and goes.
            raise IndexLockedError(
                f"{self.folder}: {self._owner()} is building this index; wait for it or stop it"
            ) from error
        except OSError as error:
            with fsio.output_errors(self.folder, self._needed_bytes):
                raise error
        try:
            owner = f"process {os.getpid()} on {socket.gethostname()}"
            with suppress(OutputError):  # a full disk must not keep garbage from being removed
                fsio.write_bytes(self.folder / _OWNER_NAME, owner.encode())
            self._clear_temporary()
            self._previous = self._read_previous()
            self._drop_tables_except(self._previous)
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Unlock the folder; an index folder without a single shard is removed."""
        with suppress(OSError, OutputError):  # what stays behind does no harm
            self._clear_temporary()
            (self.folder / _OWNER_NAME).unlink(missing_ok=True)
            (self.folder / _LOCK_NAME).unlink(missing_ok=True)
            if not (self.folder / MANIFEST_NAME).exists():
                for empty in (self.shard_folder, self.folder):  # another writer may be coming in
                    empty.rmdir()
        self._lock.release()

    def existing(self, name: str, dim: int, maps: MapRecord | None = None) -> ShardRecord | None:
        """Return the record of a shard that is on the disk whole, or None.

        Every byte is compared with its checksum; a damaged shard is reported and to be made anew.
        """
        if not (self.shard_folder / name).is_dir():
            return None
        try:
            record = shards.read_record(self.shard_folder, name)
            shards.stored_bytes(self.shard_folder, record, dim, maps)
            for key in shards.file_keys(record):
                shards.check_file(self.shard_folder, record, key)
            for key in shards.expected_layout(record, dim, maps):
                shards.open_array(self.shard_folder, record, key, dim, maps)
        except IndexCorruptError as error:
            _LOG.warning("%s; it is made anew", error)
            return None
        return record

    def write_shard(self, name: str, data: shards.ShardData) -> ShardRecord:
        """Write a shard whole or not at all.

        Raises:
            OutputError: the disk is full or the folder cannot be written.
        """
        return shards.write_shard(self.shard_folder, name, data)

    def adopt(self, source: Path, record: ShardRecord, manifest: Manifest) -> None:
        """Take over a shard of another index, unless it is here already.

        Args:
            source: the other index's folder.
            record: of the shard.
            manifest: of the other index.

        Raises:
            IndexCorruptError: a file of the shard is not as it was written.
            OutputError: the disk is full or the folder cannot be written.
        """
        if self.existing(record.name, manifest.descriptor_dim, manifest.maps) != record:
            folder = source / SHARDS_NAME
            shards.adopt_shard(folder, self.shard_folder, record, self._needed_bytes)

    def unused(self, manifest: Manifest) -> list[Path]:
        """Return the shards in the folder that a version does not refer to."""
        kept = {record.name for record in manifest.shards}
        names = (name for name in _names(self.shard_folder) if name[0] != ".")
        return [self.shard_folder / name for name in names if name not in kept]

    def commit(self, manifest: Manifest) -> Manifest:
        """Make ``manifest`` the index, under the next version number, and return it.

        If it says what the folder says already, nothing is written.

        Raises:
            OutputError: the disk is full or the folder cannot be written.
        """
        previous = self._previous
        if previous is not None and _content(previous) == _content(manifest):
            if is_current(self.folder, previous):
                return previous
        version = 1 if previous is None else previous.version + 1
        manifest = manifest.model_copy(update={"version": version, "tiles": None})
        if manifest.shards:
            table = write_table(self.folder, manifest, self._tables(manifest))
            manifest = manifest.model_copy(update={"tiles": table})
        # Before the manifest: a writer killed in between does it again, for nothing is finished.
        before = {record.name for record in previous.shards} if previous else set()
        with fsio.output_errors(self.shard_folder):
            unused = self.unused(manifest)
        self.drop([path for path in unused if path.name not in before])
        write_manifest(self.folder, manifest)
        self._drop_tables_except(manifest)
        self._previous = manifest
        return manifest

    def _tables(self, manifest: Manifest) -> Iterator[shards.AnyArray]:
        """Yield the tables of a version's shards in order."""

        def load(record: ShardRecord) -> shards.AnyArray:
            return shards.load_array(self.shard_folder, record, "tiles", manifest.descriptor_dim)

        return threaded(load, manifest.shards)

    def _claim_folder(self) -> None:
        """Make the folder, or see that it is one of ours."""
        for path in (self.folder, self.shard_folder):
            if path.is_file():
                raise OutputError(f"{path}: is a file; give a folder for the index")
        ours = {MANIFEST_NAME, SHARDS_NAME, _LOCK_NAME, _OWNER_NAME}
        names = _names(self.folder)
        if SIZES_NAME in names:
            raise OutputError(
                f"{self.folder}: holds tiles of several sizes; name all of them, or give another "
                "folder"
            )
        if names and not ours & set(names):
            raise OutputError(f"{self.folder}: is no index folder; give an empty or new one")
        fsio.make_folder(self.shard_folder)

    def _read_previous(self) -> Manifest | None:
        """Return the version that the folder holds; a damaged one is built again."""
        try:
            return read_manifest(self.folder)
        except NoIndexError:
            return None
        except IndexCorruptError as error:
            if isinstance(error.__cause__, OSError):  # it may be whole
                raise
            _LOG.warning("%s; it is built again", error)
            return None

    def _owner(self) -> str:
        """Return who holds the lock, as it wrote itself down."""
        try:
            return (self.folder / _OWNER_NAME).read_text(errors="replace")[:200]
        except OSError:
            return "another process"

    def _clear_temporary(self) -> None:
        """Remove what writers that were killed left behind."""
        with fsio.output_errors(self.folder):
            for name in _names(self.shard_folder):
                if name.startswith(shards.TEMPORARY_PREFIX):
                    shutil.rmtree(self.shard_folder / name, ignore_errors=True)
            for path in self.folder.glob(".*.tmp*"):
                path.unlink(missing_ok=True)

    def drop(self, paths: Sequence[Path]) -> None:
        """Remove shards; each is there whole or not at all.

        Raises:
            OutputError: the folder cannot be written.
        """
        with fsio.output_errors(self.shard_folder):
            for path in paths:
                path.rename(path.with_name(f"{shards.TEMPORARY_PREFIX}{path.name}"))
            if paths:
                fsio.fsync_folder(self.shard_folder)
        self._clear_temporary()

    def _drop_tables_except(self, manifest: Manifest | None) -> None:
        """Remove tables of versions before, and what a killed commit left; no reader needs them."""
        with fsio.output_errors(self.folder):
            for path in tables_except(self.folder, manifest):
                path.unlink(missing_ok=True)


def _content(manifest: Manifest) -> Manifest:
    """Return what a manifest says of the content, to compare."""
    return manifest.model_copy(update={"version": 1, "tiles": None})


def _names(folder: Path) -> list[str]:
    """Return the names in a folder, sorted; none if it does not exist."""
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

"""A run over many photos: a result or a failure for each, in the order named, by some threads.

Decoding, the network and the writing of rasters let go of Python's lock, so threads keep the
processors busy and share one network and one index. What a photo's answer is does not depend on
what runs beside it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from cvgl_core.commands.batch import (
    QUERY_KEY,
    Batch,
    BatchOptions,
    locate_photo,
    query_hash,
)
from cvgl_core.commands.formats import Format, batch_file, write_format
from cvgl_core.commands.inputs import PhotoInput, output_names
from cvgl_core.commands.outcome import ALL_OUTSIDE, Item, Outcome, failed, result_line
from cvgl_core.commands.overview import STEM, write_batch_overview
from cvgl_core.commands.together import Apart, TogetherRun, joint_line
from cvgl_core.console import PROGRAM_FAULT, one_line
from cvgl_core.errors import CvglError, OutputError, PhotoError
from cvgl_core.export.geojson import result_to_geojson, to_line
from cvgl_core.export.overview import thumbnail
from cvgl_core.export.saved import Row, keep_failures, read_saved, saved_estimate
from cvgl_core.export.together import TOGETHER_STEM
from cvgl_core.fsio import sha256_file
from cvgl_core.index.threads import threaded
from cvgl_core.photo import read_photo
from cvgl_core.types import Photo, Progress

log = logging.getLogger(__name__)

_SMALL_PX = 256


@dataclass(frozen=True)
class RunOptions:
    """How a run goes, beside what is asked of each photo.

    Attributes:
        as_json: print the GeoJSON of each photo, not a line for people.
        jobs: photos at a time.
        resume: keep answers in the output folder that would come out the same.
        formats: of files of the whole batch, in the output folder.
        overview: write a page of the whole batch there.
        together: locate all photos as one walk, of which so much is known.
    """

    as_json: bool = False
    jobs: int = 1
    resume: bool = False
    formats: tuple[Format, ...] = ()
    overview: bool = False
    together: Apart | None = None

    @property
    def keeps_failures(self) -> bool:
        """Whether failed photos are written down: a plain search leaves its results alone."""
        return self.resume or self.overview or bool(self.formats)


def run_batch(
    batch: Batch,
    photos: Sequence[PhotoInput],
    options: BatchOptions,
    run: RunOptions,
    echo: Callable[[str], None],
    progress: Progress,
) -> int:
    """Locate every photo, say a line for each, and return the exit code.

    Args:
        batch: index and localizer.
        photos: files, and what is stated of each.
        options: the same for all.
        run: how to go about it.
        echo: takes each line of output, in the order of ``photos``.
        progress: told of photos done.

    Returns:
        0 if a photo was placed, 3 if all were judged outside, the code of the first failure if
        there was one.

    Raises:
        CvglError: the index or the settings are at fault, which would fail every photo.
    """
    names = output_names([photo.path for photo in photos], _reserved(run))
    items = [Item(*pair) for pair in zip(photos, names, strict=True)]
    outcomes: list[Outcome] = []
    joint = _joint(batch, options, run, progress)
    try:
        source = _outcomes(batch, items, options, run) if joint is None else joint.outcomes(items)
        with _shared(run.jobs), closing(source) as found:
            progress("locating photos", 0, len(items))
            for done, outcome in enumerate(found, start=1):
                _tell(outcome, run.as_json, echo)
                outcomes.append(replace(outcome, line="", error=None))
                progress("locating photos", done, len(items))
    finally:
        if options.output is not None and run.keeps_failures:
            seen = [str(outcome.item.photo.path) for outcome in outcomes]
            keep_failures(options.output, seen, [o.failure for o in outcomes if o.failure])
        if len(outcomes) < len(items) and options.output is not None:
            log.warning(
                "%d of %d photos are done; the same command with --resume goes on",
                len(outcomes),
                len(items),
            )
    if joint is not None and joint.joint is not None and not run.as_json:
        echo(joint_line(joint.joint))
    for form in run.formats:
        assert options.output is not None
        rows = _rows(options.output, outcomes)
        write_format(options.output / batch_file(form), form, rows)
    if run.overview:
        assert options.output is not None
        index = batch.localizer.galleries[0]
        files = tuple(batch_file(form) for form in run.formats)
        write_batch_overview(options.output, index, outcomes, options.report, files)
    return exit_code([outcome.exit_code for outcome in outcomes])


def _joint(
    batch: Batch, options: BatchOptions, run: RunOptions, progress: Progress
) -> TogetherRun | None:
    """Return what locates photos together, if that is asked for."""
    if run.together is None:
        return None
    return TogetherRun(batch, options, run.together, run.as_json, run.overview, progress)


def _reserved(run: RunOptions) -> set[str]:
    """Return the names of files that a batch has beside those of its photos."""
    page = {STEM} if run.overview else set()
    page |= {TOGETHER_STEM} if run.together is not None else set()
    return page | {Path(batch_file(form)).stem for form in run.formats}


def _rows(folder: Path, outcomes: Sequence[Outcome]) -> Iterator[Row]:
    """Yield what the files of photos hold, and the failures, in order."""
    for outcome in outcomes:
        if outcome.failure is not None:
            yield outcome.failure
        else:
            yield from read_saved([folder / f"{outcome.item.name}.geojson"])


def exit_code(outcomes: Sequence[int]) -> int:
    """Return the exit code of a batch from those of its photos."""
    failures = [code for code in outcomes if code not in (0, ALL_OUTSIDE)]
    if failures:
        return failures[0]
    return ALL_OUTSIDE if outcomes and all(code == ALL_OUTSIDE for code in outcomes) else 0


def _outcomes(
    batch: Batch, items: Sequence[Item], options: BatchOptions, run: RunOptions
) -> Generator[Outcome, None, None]:
    """Return an iterator over the outcomes of photos, in order."""
    return threaded(partial(_outcome, batch, options, run), items, run.jobs)


@contextmanager
def _shared(jobs: int) -> Iterator[None]:
    """Share out the processors among jobs: each photo's network gets its part of the threads."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // jobs))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _outcome(batch: Batch, options: BatchOptions, run: RunOptions, item: Item) -> Outcome:
    """Return what becomes of one photo; let pass what would fail every photo."""
    path, asked = item.photo.path, options.of(item.photo.stated)
    try:
        collection: dict[str, Any] | None = None
        photo: Photo | None = None
        if run.resume:
            collection = _answered(batch, asked, item)
        if collection is None:
            photo = read_photo(path, fov_deg=asked.fov_deg)
            result = locate_photo(batch, photo, item.name, asked)
            collection = dict(result_to_geojson(result))
        small = thumbnail((photo or read_photo(path, _SMALL_PX)).rgb) if run.overview else None
    except (PhotoError, OutputError) as error:
        return failed(item, error, error.exit_code)
    except (CvglError, OSError):
        # The index, the weights, the settings or stdout: the next photo would fare no better.
        raise
    except Exception as error:
        return failed(item, error, PROGRAM_FAULT)
    values = collection["features"][0]["properties"]
    line = to_line(collection) if run.as_json else result_line(values)
    return Outcome(item, values, line, small)


def _answered(batch: Batch, options: BatchOptions, item: Item) -> dict[str, Any] | None:
    """Return the answer in the output folder if the same would come out again, whole."""
    files = options.files(item.name, item.photo.path)
    try:
        collection: dict[str, Any] = json.loads(files["geojson"].read_bytes())
        made_by = collection["provenance"]
        same = made_by["settings"][QUERY_KEY] == query_hash(batch, options)
        same = same and made_by["photo_sha256"] == sha256_file(item.photo.path)
        values = collection["features"][0]["properties"]
        saved_estimate(values), result_line(values)  # an editor may have left anything there
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return collection if same and all(path.is_file() for path in files.values()) else None


def _tell(outcome: Outcome, as_json: bool, echo: Callable[[str], None]) -> None:
    """Print an outcome, and log a failure."""
    if outcome.failure is not None:
        shown = outcome.error if log.isEnabledFor(logging.INFO) else None
        log.error("%s", one_line(outcome.failure.message), exc_info=shown)
    if outcome.failure is None or as_json:
        echo(outcome.line)

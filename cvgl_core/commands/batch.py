"""Locating many photos: a result or a failure for each, files that are whole or absent."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from cvgl_core.console import PROGRAM_FAULT, one_line
from cvgl_core.errors import CvglError, OutputError, PhotoError
from cvgl_core.export.geojson import (
    failure_to_json,
    result_to_geojson,
    to_line,
    write_geojson,
)
from cvgl_core.export.heatmap import write_heatmap
from cvgl_core.index import Index
from cvgl_core.localization import (
    Area,
    Localizer,
    LocalizeSettings,
    Located,
    Near,
    SeveralLocalizer,
)
from cvgl_core.localization.device_gallery import search_on
from cvgl_core.models import Engine, load_engine
from cvgl_core.photo import read_photo
from cvgl_core.types import (
    Failure,
    LocalizationResult,
    Photo,
    Progress,
    Verdict,
    no_progress,
)

log = logging.getLogger(__name__)

ALL_OUTSIDE = 3
"""Exit code when every photo was judged to lie outside the area."""


class Asked(TypedDict):
    """What is asked of a localizer."""

    heading_deg: float | None
    search_heading: bool
    fov_deg: float | None
    near: Near | Area | None
    progress: Progress


@dataclass(frozen=True)
class BatchOptions:
    """What is asked of every photo of a batch; see ``cvgl locate --help``."""

    heading_deg: float | None = None
    search_heading: bool = False
    fov_deg: float | None = None
    near: Near | Area | None = None
    output: Path | None = None
    report: bool = False
    as_json: bool = False

    def asked(self, progress: Progress) -> Asked:
        """Return what is asked of a localizer."""
        return Asked(
            heading_deg=self.heading_deg,
            search_heading=self.search_heading,
            fov_deg=self.fov_deg,
            near=self.near,
            progress=progress,
        )


@dataclass(frozen=True)
class Batch:
    """What is opened once."""

    index: Index
    localizer: Localizer


@dataclass(frozen=True)
class SeveralBatch:
    """The same of several indexes."""

    localizer: SeveralLocalizer


def open_batch(index: Path, model: str | None, device: str, settings: LocalizeSettings) -> Batch:
    """Open the index and the model that made it, or the model asked for.

    Raises:
        IndexFolderError: the index cannot be used.
        WeightsError: the weights cannot be used, or did not make this index.
    """
    opened = Index.open(index)
    return Batch(opened, Localizer(opened, _engine([opened], model, device), settings))


def open_several(
    indexes: Sequence[Path], model: str | None, device: str, settings: LocalizeSettings
) -> SeveralBatch:
    """Open several indexes, and the model that made them all.

    Raises:
        IndexFolderError: an index cannot be used.
        WeightsError: the weights cannot be used, or did not make every index.
    """
    opened = [Index.open(path) for path in indexes]
    engine = _engine(opened, model, device)
    return SeveralBatch(SeveralLocalizer(opened, engine, settings))


def _engine(indexes: Sequence[Index], model: str | None, device: str) -> Engine:
    """Load the model asked for, or the one that made the first index; search where it runs."""
    engine = load_engine(model or indexes[0].manifest.model, device)
    for index in indexes:
        log.info("%s: %d tiles", index.path, len(index))
        search_on(index, engine.device)
    log.info("model %s on %s", engine.card.name, engine.device)
    return engine


def run_batch(
    batch: Batch | SeveralBatch,
    photos: Sequence[Path],
    options: BatchOptions,
    echo: Callable[[str], None],
    progress: Progress,
) -> int:
    """Locate every photo, say a line for each, and return the exit code.

    Args:
        batch: index and localizer.
        photos: files.
        options: the same for all.
        echo: takes each line of output.
        progress: told of photos done.

    Returns:
        0 if a photo was placed, 3 if all were judged outside, the code of the first failure if
        there was one.

    Raises:
        CvglError: the index or the settings are at fault, which would fail every photo.
    """
    outcomes: list[int] = []
    for done, (path, name) in enumerate(zip(photos, output_names(photos), strict=True)):
        progress("locating photos", done, len(photos))
        with _failures(path) as failed:
            result = locate_photo(batch, read_photo(path), name, options)
            outside = result.estimate.verdict is Verdict.NOT_IN_AREA
            outcomes.append(ALL_OUTSIDE if outside else 0)
            echo(to_line(result_to_geojson(result)) if options.as_json else result_line(result))
        for failure in failed:
            outcomes.append(failure.exit_code)
            if options.as_json:
                echo(to_line(failure_to_json(failure)))
    progress("locating photos", len(photos), len(photos))
    return exit_code(outcomes)


def exit_code(outcomes: Sequence[int]) -> int:
    """Return the exit code of a batch from those of its photos."""
    failures = [code for code in outcomes if code not in (0, ALL_OUTSIDE)]
    if failures:
        return failures[0]
    return ALL_OUTSIDE if outcomes and all(code == ALL_OUTSIDE for code in outcomes) else 0


def output_names(photos: Sequence[Path]) -> list[str]:
    """Return a file name without suffix for each photo, all different even if case is ignored.

    The first photo of a name keeps it; the next ones become ``NAME-2``, ``NAME-3``, ...
    """
    taken = {path.stem.casefold() for path in photos}
    given: set[str] = set()
    names: list[str] = []
    for path in photos:
        name, number = path.stem, 1
        while name.casefold() in given or (number > 1 and name.casefold() in taken):
            number += 1
            name = f"{path.stem}-{number}"
        given.add(name.casefold())
        names.append(name)
    return names


def result_line(result: LocalizationResult) -> str:
    """Return a result as one line for people."""
    estimate, photo = result.estimate, one_line(result.provenance.photo)
    verdict = f"{estimate.verdict.value} ({estimate.confidence.value})"
    if estimate.verdict is Verdict.NOT_IN_AREA:
        outside = result.posterior.outside_probability
        return f"{photo}  {verdict}  outside with probability {outside:.2f}"
    parts = [
        f"{photo}  {verdict}  {estimate.lat:.6f}, {estimate.lon:.6f}",
        f"p {estimate.probability:.2f}",
        f"within {estimate.radius_50_m:.1f} m (50 %), {estimate.radius_90_m:.1f} m (90 %)",
    ]
    if estimate.heading_deg is not None and estimate.heading_std_deg is not None:
        parts.append(f"looking {estimate.heading_deg:.0f} ± {estimate.heading_std_deg:.0f} deg")
    if result.exif_distance_m is not None:
        parts.append(f"{result.exif_distance_m:,.1f} m from its EXIF position")
    return "  ".join(parts)


def locate_photo(
    batch: Batch | SeveralBatch,
    photo: Photo,
    name: str,
    options: BatchOptions,
    progress: Progress = no_progress,
) -> LocalizationResult:
    """Locate one photo and write its files.

    Args:
        batch: index and localizer.
        photo: as read.
        name: of the files, without suffix.
        options: what is asked.
        progress: told of every stage.

    Raises:
        CvglError: the photo, the options or the output are at fault.
    """
    located = _located(batch, photo, options.asked(progress))
    if options.output is not None:
        _write(options.output / name, located, photo, options.report, progress)
    return located.result


def _located(batch: Batch | SeveralBatch, photo: Photo, asked: Asked) -> Located:
    """Return the result, and the index in which its tiles are numbered."""
    if isinstance(batch, SeveralBatch):
        return batch.localizer.localize(photo, **asked)
    return Located(batch.localizer.localize(photo, **asked), batch.index)


def _write(stem: Path, located: Located, photo: Photo, report: bool, progress: Progress) -> None:
    """Write the files of a result, the GeoJSON last: where it is, the others are."""
    result, index = located.result, located.index
    progress("writing", 0, 6)
    write_heatmap(stem.with_name(f"{stem.name}.heatmap.tif"), result)
    progress("writing", 1, 6)
    if report:
        from cvgl_core.export.report import write_report
        from cvgl_core.localization.evidence import report_inputs

        write_report(stem.with_name(f"{stem.name}.html"), report_inputs(result, photo, index))
    progress("writing", 2, 6)
    write_geojson(stem.with_name(f"{stem.name}.geojson"), result)


@contextmanager
def _failures(path: Path) -> Iterator[list[Failure]]:
    """Collect what goes wrong with one photo, and say so; let pass what would fail every photo."""
    failed: list[Failure] = []
    try:
        yield failed
    except (PhotoError, OutputError) as error:
        failed.append(_failure(path, error, error.exit_code))
    except (CvglError, OSError):
        # The index, the weights, the settings or stdout: the next photo would fare no better.
        raise
    except Exception as error:
        failed.append(_failure(path, error, PROGRAM_FAULT))


def _failure(path: Path, error: Exception, code: int) -> Failure:
    """Return the record of a failure, and log it."""
    message = str(error) if isinstance(error, CvglError) else f"{path}: {error}"
    log.error("%s", one_line(message), exc_info=error if log.isEnabledFor(logging.INFO) else None)
    return Failure(str(path), type(error).__name__, message, code)

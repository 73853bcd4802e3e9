"""The pages of an evaluation: one map for all photos, and one report for each."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from cvgl_core.commands.inputs import output_names
from cvgl_core.evaluation.report import EvaluationReport
from cvgl_core.export.overview import OverviewEntry, OverviewInputs, thumbnail, write_overview
from cvgl_core.export.report import write_report
from cvgl_core.fsio import confined_path
from cvgl_core.index import Collection, Index
from cvgl_core.localization import Localizer
from cvgl_core.localization.evidence import base_map, report_inputs
from cvgl_core.photo import read_photo
from cvgl_core.types import LonLat, Progress


def write_pages(
    folder: Path,
    photos: Path,
    localizer: Localizer,
    index: Index | Collection,
    report: EvaluationReport,
    progress: Progress,
) -> None:
    """Write ``index.html`` and a page per photo.

    Args:
        folder: to write to.
        photos: folder that the photos' names are relative to.
        localizer: that located them.
        index: that was searched.
        report: what was found.
        progress: told of pages written.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    entries: list[OverviewEntry] = []
    names = output_names([Path(one.truth.photo) for one in report.outcomes], {"index"})
    for done, (outcome, name) in enumerate(zip(report.outcomes, names, strict=True)):
        progress("writing reports", done, len(names))
        photo = read_photo(confined_path(photos, outcome.truth.photo))
        truth = LonLat(outcome.truth.lon, outcome.truth.lat)
        page = f"{name}.html"
        inputs = report_inputs(outcome.result, photo, index, localizer.engine, truth=truth)
        write_report(folder / page, inputs)
        entries.append(
            OverviewEntry(
                name=Path(outcome.truth.photo).name,
                estimate=outcome.result.estimate,
                thumbnail=thumbnail(photo.rgb),
                truth=truth,
                true_tile_rank=outcome.rank + 1,
                report_href=page,
            )
        )
    entries += [OverviewEntry(name=f.item, failure=f) for f in report.failures]
    gsd_m = index.grid.tile_size_m / index.manifest.aerial_px
    write_overview(
        folder / "index.html",
        OverviewInputs(
            title="Photos against known places",
            base=base_map(index, gsd_m, index.bounds(), "The area that was searched"),
            crs=index.grid.crs,
            entries=tuple(entries),
            made_by=asdict(report.outcomes[0].result.provenance) if report.outcomes else {},
            notes=_notes(report),
        ),
    )
    progress("writing reports", len(names), len(names))


def _notes(report: EvaluationReport) -> tuple[str, ...]:
    """Return the figures that matter as sentences."""
    figures = report.figures()
    right = figures[f"R@1 re-ranked, depth {report.depth}"]
    return (
        f"{report.gallery_size:,} overlapping squares were searched for each photo.",
        f"The right square came first for {figures['retrieval R@1']:.0%} of the photos by "
        f"descriptor alone and for {right:.0%} after re-ranking the best {report.depth}.",
        f"Where the right square is given, the median error is "
        f"{figures['given the right tile, median m']:.1f} m.",
    )

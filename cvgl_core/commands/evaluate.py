"""``cvgl evaluate``: the whole path against known places."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cvgl_core.commands.options import (
    Depth,
    DeviceChoice,
    EstimateBy,
    ModelChoice,
    localize_settings,
)
from cvgl_core.console import AsJson, Verbose, one_line, progress_bar
from cvgl_core.types import DEFAULT_DEPTH

if TYPE_CHECKING:
    from cvgl_core.evaluation.report import EvaluationReport, Outcome, Truth
    from cvgl_core.localization import LocalizeSettings
    from cvgl_core.types import Failure


def evaluate(
    index: Annotated[
        Path | None,
        typer.Option("--index", metavar="CITY.cvgl", help="Index made by cvgl-tile build."),
    ] = None,
    photos: Annotated[
        Path | None,
        typer.Option(
            "--photos", metavar="DIR", help="Folder with truth.geojson, as `cvgl simulate` writes."
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="simcity-v1|vigor-same|vigor-cross|cvusa|cvact|da-campus|university-1652|uavm2025",
            help="A data set instead of an index and photos.",
        ),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the data set, or of the rendered cities."),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Of simcity-v1: cross, same or foreign. Of university-1652: two views such as "
            "street-satellite.",
        ),
    ] = None,
    split: Annotated[str, typer.Option(metavar="train|val|test", help="Of the data set.")] = "test",
    tta: Annotated[
        bool,
        typer.Option("--tta", help="Average over flips and turns (university-1652, uavm2025)."),
    ] = False,
    levels_m: Annotated[
        str | None,
        typer.Option(
            metavar="M,M,...",
            help="Grade answers by distance: NDCG, H-AP, ASI (data set; da-campus: 3,200,500).",
        ),
    ] = None,
    kinds: Annotated[
        bool,
        typer.Option(
            "--kinds", help="Ask with narrow views and unknown headings, too (simcity-v1)."
        ),
    ] = False,
    msrerank: Annotated[
        bool, typer.Option("--msrerank", help="Re-rank graded answers by their neighbours.")
    ] = False,
    labels: Annotated[
        str, typer.Option(metavar="corrected|original", help="Of VIGOR.")
    ] = "corrected",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Write accuracy.html and accuracy.json (data set).",
        ),
    ] = None,
    maps_gb: Annotated[
        float, typer.Option(min=0.0, metavar="N", help="Memory for the gallery's maps (data set).")
    ] = 1.0,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the first N photos.")
    ] = None,
    kind: Annotated[
        str, typer.Option(metavar="all|panorama|perspective", help="Which photos to take.")
    ] = "all",
    depth: Depth = DEFAULT_DEPTH,
    estimate: EstimateBy = "fused",
    unknown_heading: Annotated[
        bool, typer.Option("--unknown-heading", help="Search the heading of every photo.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write index.html there: a map, and a page per photo."),
    ] = None,
    model: ModelChoice = None,
    device: DeviceChoice = "auto",
    as_json: AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Locate photos whose places are known, and say how well that went.

    Either --index and --photos: prints a line per photo and the field's figures. Or --dataset and
    --root: the tables of a benchmark, the paper's figures beside them where the protocol is one.
    """
    if dataset is not None:
        if root is None or index is not None or photos is not None or report is not None:
            raise typer.BadParameter("--dataset needs --root, and no --index, --photos or --report")
        from cvgl_core.data.datasets import PLACE_DATASETS

        if dataset in PLACE_DATASETS:
            if limit is not None:
                raise typer.BadParameter(f"--limit is not for {dataset}: every query counts")
            from cvgl_core.commands.places import PlacesChoice, measure_places

            places = PlacesChoice(root, model, device, tta, output)
            typer.echo(measure_places(dataset, places, protocol, split, as_json))
            return
        from cvgl_core.commands.accuracy import DatasetChoice, measure_dataset

        asked = DatasetChoice(
            dataset, root, protocol or "cross", split, labels, limit, depth, maps_gb
        )
        if dataset == "da-campus" or levels_m is not None:
            from cvgl_core.commands.nearness import NearnessChoice, measure_graded

            graded = NearnessChoice(asked, levels_m, msrerank, output)
            typer.echo(measure_graded(graded, model, device, as_json))
            return
        if kinds:
            from cvgl_core.commands.kinds import measure_kinds

            typer.echo(measure_kinds(asked, model, device, output, as_json))
            return
        typer.echo(measure_dataset(asked, model, device, output, as_json))
        return
    if index is None or photos is None or output is not None:
        raise typer.BadParameter(
            "give --index and --photos (with --report DIR for pages), or --dataset and --root"
        )
    choice = PhotosChoice(index, photos, kind, limit, unknown_heading)
    found = _measure(choice, localize_settings(depth, estimate), model, device, report)
    typer.echo(_as_json(found) if as_json else _as_text(found))
    if report is not None:
        typer.echo(f"map and reports: {report / 'index.html'}", err=True)


@dataclass(frozen=True)
class PhotosChoice:
    """Photos with known places, and how to look at them."""

    index: Path
    folder: Path
    kind: str
    limit: int | None
    unknown_heading: bool


def _measure(
    choice: PhotosChoice,
    settings: LocalizeSettings,
    model: str | None,
    device: str,
    report: Path | None,
) -> EvaluationReport:
    """Locate the photos, and write their pages where asked.

    Raises:
        SettingsError: no photo is left.
    """
    from cvgl_core.commands.batch import open_batch
    from cvgl_core.errors import SettingsError
    from cvgl_core.localization.evaluate import evaluate as measure
    from cvgl_core.localization.evaluate import read_truth

    folder, kind = choice.folder, choice.kind
    truths = [truth for truth in read_truth(folder) if _is_kind(truth, kind)][: choice.limit]
    if not truths:
        raise SettingsError(f"{folder}: no photo of the kind {kind!r} is named in truth.geojson")
    with progress_bar() as progress:
        opened = open_batch([choice.index], model, device, settings).localizer
        (index,), (localizer,) = opened.galleries, opened.localizers
        if len({member.grid for member in index.members}) > 1:
            raise SettingsError(
                f"{choice.index}: holds tiles of several sizes; evaluate them one by one, such as "
                f"{index.members[0].path}"
            )
        found = measure(
            localizer,
            folder,
            truths,
            unknown_heading=choice.unknown_heading,
            progress=progress,
        )
        if report is not None:
            from cvgl_core.commands.pages import write_pages

            write_pages(report, folder, localizer, index, found, progress)
    return found


def _is_kind(truth: Truth, kind: str) -> bool:
    """Tell whether a photo is asked for; the full circle makes a panorama.

    Raises:
        typer.BadParameter: there is no such kind.
    """
    if kind == "all":
        return True
    if kind not in ("panorama", "perspective"):
        raise typer.BadParameter(f"--kind is all, panorama or perspective, not {kind!r}")
    return (kind == "panorama") == (truth.fov_deg is not None and truth.fov_deg >= 360)


def _as_json(report: EvaluationReport) -> str:
    """Return figures, outcomes and failures as one JSON object; what is not a number is null."""
    figures = {k: v if math.isfinite(v) else None for k, v in report.figures().items()}
    return json.dumps(
        {
            "figures": figures,
            "photos": [
                {
                    "photo": o.truth.photo,
                    "error_m": round(o.error_m, 3),
                    "retrieval_rank": o.retrieval_rank + 1,
                    "rank": o.rank + 1,
                    "probability": round(o.result.estimate.probability, 4),
                    "verdict": o.result.estimate.verdict.value,
                }
                for o in report.outcomes
            ],
            "failures": [
                {"photo": f.item, "error": f.error, "message": f.message} for f in report.failures
            ],
        },
        allow_nan=False,
    )


def _as_text(report: EvaluationReport) -> str:
    """Return the table of photos and the figures."""
    rows = [f"{'photo':24} {'error':>9}  {'rank':>11}  {'p(10 m)':>7}  verdict"]
    rows += [_row(outcome) for outcome in report.outcomes]
    rows += [_failed(failure) for failure in report.failures]
    rows.append("rank: of the right tile by descriptor -> after re-ranking\n")
    for name, value in report.figures().items():
        shown = f"{value:,.0f}" if name in ("photos", "tiles") else f"{value:.3f}"
        rows.append(f"{name:44} {shown:>9}")
    return "\n".join(rows)


def _row(outcome: Outcome) -> str:
    estimate = outcome.result.estimate
    ranks = f"{outcome.retrieval_rank + 1} -> {outcome.rank + 1}"
    name = one_line(Path(outcome.truth.photo).name)
    return (
        f"{name:24} {outcome.error_m:7.1f} m  {ranks:>11}  {estimate.probability:7.2f}  "
        f"{estimate.verdict.value} ({estimate.confidence.value})"
    )


def _failed(failure: Failure) -> str:
    return f"{one_line(failure.item):24} failed: {one_line(failure.message)}"

"""``cvgl evaluate --kinds``: photos as people have them, made from a data set's panoramas."""

from __future__ import annotations

import json
import math
from pathlib import Path

from cvgl_core.commands.accuracy import DatasetChoice
from cvgl_core.console import progress_bar
from cvgl_core.errors import SettingsError
from cvgl_core.evaluation.network import Network
from cvgl_core.fsio import write_bytes
from cvgl_core.localization import LocalizeSettings
from cvgl_core.localization.kind_benchmark import KindBenchmark, KindFound, Question
from cvgl_core.models import DEFAULT_MODEL, load_engine
from cvgl_core.types import HeadingKnowledge, QueryKind

QUESTIONS = (
    Question(QueryKind(360.0, HeadingKnowledge.KNOWN)),
    Question(QueryKind(360.0, HeadingKnowledge.UNKNOWN)),
    Question(QueryKind(180.0, HeadingKnowledge.UNKNOWN)),
    Question(QueryKind(90.0, HeadingKnowledge.KNOWN)),
    Question(QueryKind(90.0, HeadingKnowledge.ABOUT)),
    Question(QueryKind(90.0, HeadingKnowledge.UNKNOWN)),
    Question(QueryKind(70.0, HeadingKnowledge.KNOWN), framed=True),
    Question(QueryKind(70.0, HeadingKnowledge.ABOUT), framed=True),
    Question(QueryKind(70.0, HeadingKnowledge.UNKNOWN), framed=True),
)

_HEADER = (
    f"{'query':42} {'R@1':>6} {'re-ranked':>9} {'1 m':>5} {'5 m':>5} {'10 m':>5} "
    f"{'heading':>8} {'ECE':>5} {'AUROC':>6} {'located':>8} {'of them':>8} "
    f"{'strangers located':>18}"
)


def measure_kinds(
    choice: DatasetChoice,
    model: str | None,
    device: str,
    output: Path | None,
    for_programs: bool,
) -> str:
    """Measure every kind, write ``kinds.json`` where asked, and return what to say.

    Raises:
        SettingsError: a name is not known, or the data set has no views from elsewhere.
        DatasetError: the data set cannot be used.
        WeightsError: the weights cannot be used.
        OutputError: the file cannot be written.
    """
    network = Network(load_engine(model or DEFAULT_MODEL, device))
    opened = choice.open(network.card)
    if opened.strangers is None:
        raise SettingsError(f"{choice.name} has no views from elsewhere; --kinds needs simcity-v1")
    with progress_bar() as progress:
        settings = LocalizeSettings(depth=choice.depth)
        ask = KindBenchmark(opened.data, opened.strangers, network, settings, progress)
        found = [ask(question, choice.limit, progress) for question in QUESTIONS]
    line = json.dumps([_as_json(each) for each in found], allow_nan=False)
    if output is not None:
        write_bytes(output / "kinds.json", line.encode())
    return line if for_programs else "\n".join([_title(found), _HEADER, *map(_row, found)])


def _title(found: list[KindFound]) -> str:
    first = found[0]
    return (
        f"{len(first.rank)} views and {len(first.stranger_probability)} strangers, "
        f"{first.gallery_size} tiles; shares in %, headings in degrees (median error)"
    )


def _row(found: KindFound) -> str:
    figures = found.figures

    def share(name: str) -> str:
        value = figures[name].value
        return "-" if math.isnan(value) else f"{100 * value:.1f}"

    heading = figures["heading_error_deg"].value
    turned = "-" if math.isnan(heading) else f"{heading:.1f}"
    return (
        f"{found.question.name:42} {share('r@1'):>6} {share('reranked_r@1'):>9} "
        f"{share('within_1_m'):>5} {share('within_5_m'):>5} {share('within_10_m'):>5} "
        f"{turned:>8} {share('ece'):>5} {share('auroc'):>6} {share('located'):>8} "
        f"{share('located_within_10_m'):>8} {share('strangers_located'):>18}"
    )


def _as_json(found: KindFound) -> dict[str, object]:
    return {
        "query": found.question.name,
        "fov_deg": found.question.kind.fov_deg,
        "heading": found.question.kind.heading.value,
        "framed": found.question.framed,
        "gallery_size": found.gallery_size,
        "views": len(found.rank),
        "strangers": len(found.stranger_probability),
        "figures": {
            name: None
            if math.isnan(interval.value)
            else {
                "value": interval.value,
                "low": None if math.isnan(interval.low) else interval.low,
                "high": None if math.isnan(interval.high) else interval.high,
            }
            for name, interval in found.figures.items()
        },
    }

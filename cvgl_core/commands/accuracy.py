"""``cvgl evaluate --dataset``: a network on a data set, in the field's tables."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from cvgl_core.console import one_line, progress_bar
from cvgl_core.evaluation.benchmarks import Benchmark, open_benchmark
from cvgl_core.evaluation.network import Network
from cvgl_core.evaluation.summary import as_json, as_text, page
from cvgl_core.export.accuracy import write_accuracy
from cvgl_core.fsio import write_bytes
from cvgl_core.localization import LocalizeSettings
from cvgl_core.localization.benchmark import BenchmarkOptions, benchmark
from cvgl_core.models import DEFAULT_MODEL, load_engine
from cvgl_core.types import ModelCard

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DatasetChoice:
    """A data set and how much of it; see ``cvgl evaluate --help``."""

    name: str
    root: Path
    protocol: str
    split: str
    labels: str
    limit: int | None
    depth: int
    maps_gb: float

    def open(self, card: ModelCard) -> Benchmark:
        """Open it at the sizes that a model takes.

        Raises:
            SettingsError: a name is not known.
            DatasetError: the data set cannot be used.
        """
        return open_benchmark(
            self.name,
            self.root,
            card,
            protocol=self.protocol,
            split=self.split,
            labels=self.labels,
        )


def measure_dataset(
    choice: DatasetChoice, model: str | None, device: str, output: Path | None, for_programs: bool
) -> str:
    """Measure, write ``accuracy.html`` and ``accuracy.json`` where asked, and return what to say.

    Raises:
        SettingsError: a name is not known.
        DatasetError: the data set cannot be used.
        WeightsError: the weights cannot be used.
        OutputError: the files cannot be written.
    """
    network = Network(load_engine(model or DEFAULT_MODEL, device))
    opened = choice.open(network.card)
    for failure in opened.skipped:
        log.info("left out: %s: %s", one_line(failure.item), one_line(failure.message))
    options = BenchmarkOptions(
        LocalizeSettings(depth=choice.depth),
        limit=choice.limit,
        labels=opened.labels,
        maps_bytes=int(choice.maps_gb * 1e9),
        strangers=opened.strangers,
    )
    with progress_bar() as progress:
        found = benchmark(opened.data, network, options, progress)
    line = json.dumps(as_json(found, opened.published, len(opened.skipped)), allow_nan=False)
    if output is not None:
        write_bytes(output / "accuracy.json", line.encode())
        write_accuracy(output / "accuracy.html", page(found, opened.published, len(opened.skipped)))
    return line if for_programs else as_text(found, opened.published)

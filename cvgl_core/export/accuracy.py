"""One page for a benchmark: what was found, in tables and charts, beside what was published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cvgl_core.export.chart import Chart
from cvgl_core.export.page import render
from cvgl_core.fsio import write_bytes


@dataclass(frozen=True)
class Row:
    """A line of a table; ``ours`` marks this project's among those of others."""

    label: str
    cells: tuple[str, ...]
    ours: bool = False


@dataclass(frozen=True)
class Table:
    """Figures of one kind.

    Attributes:
        title: what they are.
        columns: over the cells of a row.
        rows: lines.
        note: what must be known to read it.
        first: over the labels of the rows.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""
    first: str = ""

    def text(self) -> str:
        """Return the table for a terminal."""
        widths = [max(map(len, column)) for column in zip(*self._lines(), strict=True)]
        lines = [
            "  ".join(
                [line[0].ljust(widths[0])]
                + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
            ).rstrip()
            for line in self._lines()
        ]
        note = [f"({self.note})"] if self.note else []
        return "\n".join([self.title, *(f"  {line}" for line in lines), *note])

    def _lines(self) -> list[tuple[str, ...]]:
        return [(self.first, *self.columns), *((row.label, *row.cells) for row in self.rows)]


@dataclass(frozen=True)
class Headline:
    """A figure for the top of the page."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class AccuracyPage:
    """What the page shows, top to bottom."""

    title: str
    subtitle: str
    headlines: tuple[Headline, ...]
    charts: tuple[Chart, ...]
    tables: tuple[Table, ...]
    published: tuple[Table, ...]
    published_note: str
    notes: tuple[str, ...]


def write_accuracy(path: Path, page: AccuracyPage) -> None:
    """Write the page atomically; it loads nothing from anywhere.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    write_bytes(path, render("accuracy.html.j2", page=page).encode())

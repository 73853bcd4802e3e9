# SPDX-License-Identifier: GPL-2.0-or-later
"""What an answer rests on: the kind of query, what was known beforehand, reasons and limits."""

from __future__ import annotations

from qgis.gui import QgsCollapsibleGroupBox
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from ..directions import texts, words_of
from ..i18n import tr
from ..result import Result


class BasisView(QgsCollapsibleGroupBox):
    """Headings with sentences below, in the engine's own words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTitle(tr("Basis and limits"))
        self.label = QLabel()
        self.label.setWordWrap(True)
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        QVBoxLayout(self).addWidget(self.label)
        self.show_candidate(None, 1)

    def show_candidate(self, result: Result | None, rank: int) -> None:
        """Show what a result rests on, and what speaks for one of its candidates."""
        self.setEnabled(result is not None)
        parts = [] if result is None else basis_of(result, rank)
        self.label.setText("\n\n".join("\n• ".join((name, *said)) for name, said in parts if said))


def basis_of(result: Result, rank: int) -> list[tuple[str, list[str]]]:
    """Return headings, each with what is said of it."""
    evidence, estimate = result.evidence, result.estimate
    return [
        (tr("Question"), texts([evidence.get("query")])),
        (tr("Known beforehand"), texts(estimate.get("priors"))),
        (tr("Photos located together"), texts(estimate.get("together"))),
        (tr("Candidate #{rank}").format(rank=rank), words_of(evidence, rank)),
        (tr("Limits"), texts(evidence.get("limits"))),
    ]

# SPDX-License-Identifier: GPL-2.0-or-later
"""The photo: dropped, pasted, opened or from a layer; its preview; what its file says."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from qgis.core import QgsApplication, QgsTask
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QImage, QKeySequence, QResizeEvent
from qgis.PyQt.QtWidgets import (
    QAction,
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from .. import settings
from ..i18n import tr
from ..result import Json, Result
from ..words import gps_note, photo_facts, photo_sources
from .photo_layer import PhotoLayerDialog
from .photo_view import SUFFIXES, PhotoView, photos_in


class PhotoBox(QWidget):
    """A `PhotoView` with buttons, and lines on the photo."""

    photo_chosen = pyqtSignal(str)
    told = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = PhotoView()
        self.view.photos_dropped.connect(self._take)
        self.view.clicked.connect(self.browse)
        self.name_label, self.facts_label, self.gps_label = _line(), _line(), _line()
        font = self.name_label.font()
        font.setBold(True)
        self.name_label.setFont(font)
        self.gps_label.setFont(font)
        self._facts = ""
        self._photo = None
        paste = QAction(tr("Paste"), self)
        paste.setShortcut(QKeySequence(QKeySequence.StandardKey.Paste))
        paste.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        paste.triggered.connect(self.paste)
        self.addAction(paste)
        buttons = QHBoxLayout()
        buttons.addWidget(self.name_label, 1)
        for text, tip, slot in (
            (tr("Open..."), tr("Open a photo"), self.browse),
            (tr("Paste"), tr("Paste a photo or its file from the clipboard"), self.paste),
            (tr("From layer..."), tr("Take the photo of a point in a layer"), self.pick_from_layer),
        ):
            buttons.addWidget(_button(text, tip, slot))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.view)
        column.addLayout(buttons)
        column.addWidget(self.facts_label)
        column.addWidget(self.gps_label)
        self.clear()

    def clear(self) -> None:
        """Show that there is no photo."""
        self._photo = None
        self.view.clear()
        self._say(tr("No photo"), "")
        self.gps_label.hide()

    def show_reading(self, path: str) -> None:
        """Show that a photo is being read."""
        self._photo = None
        self.view.show_text(tr("Reading..."))
        self._say(Path(path).name, "", path)
        self.gps_label.hide()

    def show_failure(self, path: str, message: str) -> None:
        """Show why a photo cannot be used."""
        self.view.show_text(message)
        self._say(Path(path).name, "", path)

    def show_photo(self, path: str, photo: Json, preview: str) -> None:
        """Show a photo; `photo` as `describe_photo` answers."""
        self._photo = photo
        self.view.show_preview(preview)
        self.view.setToolTip(photo_sources(photo))
        self._say(photo.get("name") or Path(path).name, photo_facts(photo), path)
        self.facts_label.setToolTip(photo_sources(photo))
        self.show_gps_used(False)

    def show_result(self, result: Result) -> None:
        """Show the photo of a result that was opened."""
        self._photo = None
        self.view.show_preview(result.photo)
        self._say(result.estimate.get("photo") or result.path.stem, "", result.path)
        self.gps_label.hide()

    def show_gps_used(self, used: bool) -> None:
        """Say whether the position in the file takes part in the search."""
        note = gps_note(self._photo, used) if self._photo else ""
        self.gps_label.setText(note)
        self.gps_label.setToolTip(note)
        self.gps_label.setVisible(bool(note))

    def browse(self) -> None:
        """Let the user pick a file."""
        patterns = " ".join("*" + suffix for suffix in SUFFIXES)
        path, _ = QFileDialog.getOpenFileName(
            self, tr("Open a photo"), settings.last_folder("photo"),
            tr("Photos") + f" ({patterns});;" + tr("All files") + " (*)",
        )  # fmt: skip
        if path:
            settings.remember_folder("photo", path)
            self.photo_chosen.emit(path)

    def paste(self) -> None:
        """Take a photo, or the file of one, from the clipboard."""
        mime = QApplication.clipboard().mimeData()
        paths = photos_in(mime) or _paths_in_text(mime.text())
        if paths:
            self._take(paths)
        elif mime.hasImage():
            self._save_pasted(QApplication.clipboard().image())
        else:
            self.told.emit(
                tr("The clipboard holds no photo: copy an image or an image file first.")
            )

    def pick_from_layer(self) -> None:
        """Let the user take the photo of a feature."""
        dialog = PhotoLayerDialog(self)
        dialog.photo_chosen.connect(self.photo_chosen)
        dialog.open()

    def _take(self, paths: list[str]) -> None:
        """Take the first of some photos."""
        if len(paths) > 1:
            self.told.emit(
                tr("One photo at a time here: the first is taken. For many, or photos of one walk "
                   "together, use the Processing algorithm Locate photos.")
            )  # fmt: skip
        self.photo_chosen.emit(str(paths[0]))

    def _save_pasted(self, image: QImage) -> None:
        """Write a pasted image to a file, in a thread, and take it."""
        folder = settings.results_folder() / "pasted"
        path = folder / time.strftime("pasted-%Y%m%d-%H%M%S.png")

        def write(_task: QgsTask) -> bool:
            folder.mkdir(parents=True, exist_ok=True)
            return image.save(str(path))

        def written(error: Exception | None, saved: bool = False) -> None:
            if error is None and saved:
                self.photo_chosen.emit(str(path))
            else:
                self.told.emit(tr("{path} cannot be written.").format(path=path))

        self._task = QgsTask.fromFunction(tr("Save the pasted photo"), write, on_finished=written)
        QgsApplication.taskManager().addTask(self._task)

    def _say(self, name: str, facts: str, path: str = "") -> None:
        """Show the lines below the photo; too long a name loses its middle."""
        self._name = name
        self.name_label.setToolTip(str(path))
        self.facts_label.setText(facts)
        self.facts_label.setVisible(bool(facts))
        self._elide()

    def _elide(self) -> None:
        """Fit the name into its place."""
        metrics = self.name_label.fontMetrics()
        room = max(60, self.name_label.width())
        self.name_label.setText(metrics.elidedText(self._name, Qt.TextElideMode.ElideMiddle, room))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the name anew."""
        super().resizeEvent(event)
        self._elide()


def _paths_in_text(text: str) -> list[str]:
    """Return a path that was copied as text, if there is such a file."""
    path = text.strip().strip("'\"")
    try:
        return [path] if path and len(path) < 4096 and Path(path).is_file() else []
    except OSError:
        return []


def _line() -> QLabel:
    """Return a label that wraps and never makes the dock wider."""
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label


def _button(text: str, tip: str, slot: Callable[[], object]) -> QToolButton:
    """Return a small button."""
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.clicked.connect(slot)
    return button

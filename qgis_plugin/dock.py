# SPDX-License-Identifier: GPL-2.0-or-later
"""The dock: puts the widgets together and connects them with the engine and the map."""

from __future__ import annotations

from pathlib import Path

from qgis.core import Qgis, QgsProject
from qgis.gui import QgisInterface, QgsDockWidget
from qgis.PyQt.QtCore import Qt, QTemporaryDir, pyqtSignal
from qgis.PyQt.QtGui import QShowEvent
from qgis.PyQt.QtWidgets import QFrame, QInputDialog, QMessageBox, QScrollArea, QVBoxLayout, QWidget

from . import settings
from .area import AreaError, searched_area
from .case import open_case, save_case
from .i18n import tr
from .layers import PhotoGroup, find_groups
from .marker import TileMarker
from .result import ANALYST_NOTE, Json, Result, ResultError, read_result
from .search import Question, Search, new_folder
from .shapes import read_fov_deg
from .station import Station
from .steps import Steps
from .widgets.basis import BasisView
from .widgets.candidates import CandidateList
from .widgets.engine_bar import EngineBar
from .widgets.evidence import EvidenceView
from .widgets.export_bar import ExportBar
from .widgets.finding import FindingForm
from .widgets.index_bar import IndexBar
from .widgets.map_layers import MapLayers
from .widgets.photo_box import PhotoBox
from .widgets.photo_options import PhotoOptions
from .widgets.run_bar import RunBar
from .widgets.settings_dialog import SettingsDialog
from .widgets.verdict import VerdictView
from .words import value_of

SUCCESS_S = 5
EXPORT_ALGORITHM = "cvgl:exportfindings"


class CvglDock(QgsDockWidget):
    """From a photo to a finding, top to bottom.

    Attributes:
        station: the engine.
        search: what is being asked.
        result: the shown `Result`, or None.
        group: its layers, or None.
    """

    located = pyqtSignal(object)

    def __init__(
        self,
        iface: QgisInterface,
        parent: QWidget | None = None,
        station: Station | None = None,
    ) -> None:
        super().__init__(tr("CVGL: where was this photo taken?"), parent)
        self.setObjectName("CvglDock")
        self._iface = iface
        self.station = station or Station(self)
        self.search = Search(self.station, self)
        self.result, self.group, self._photo, self._path = None, None, None, ""
        self._previews, self._preview_count = QTemporaryDir(), 0
        self._seen = False
        self.marker = TileMarker(iface.mapCanvas())
        self._lay_out()
        self._connect()
        self._enable()

    def close_down(self) -> None:
        """End everything; for unloading the plugin."""
        QgsProject.instance().readProject.disconnect(self._restore)
        self.search.drop()
        self.marker.clear()
        self.station.stop()

    def showEvent(self, event: QShowEvent) -> None:
        """Start the engine when the dock is first seen, and open the last index."""
        super().showEvent(event)
        if self._seen:
            return
        self._seen = True
        if self.station.start() and settings.recent_indexes():
            self.open_index(settings.recent_indexes()[0])

    # Index and photo

    def open_index(self, path: str) -> None:
        """Open an index by its folder."""
        self.index_bar.show_opening(path)
        job = self.station.request("info", {"index": str(path)})
        job.finished.connect(lambda info: self._index_opened(path, info))
        job.failed.connect(lambda _error, message: self._index_failed(path, message))

    def open_photo(self, path: str) -> None:
        """Read a photo, and locate it if all that is needed is known."""
        self.search.drop()
        self._photo, self._path = None, str(path)
        self._show_result(None, None)
        self.options.show_photo(None)
        self.photo_box.show_reading(path)
        self.run_bar.show_idle("")
        self._preview_count += 1
        preview = str(Path(self._previews.path()) / f"{self._preview_count}.jpg")
        job = self.station.request("describe_photo", {"photo": str(path), "preview": preview})
        job.finished.connect(lambda photo: self._photo_read(str(path), photo))
        job.failed.connect(lambda _error, message: self._photo_failed(str(path), message))
        self._enable()

    def locate(self) -> None:
        """Ask where the photo was taken, with the options as they are."""
        if self._photo is None:
            return
        options, canvas = self.options, self._iface.mapCanvas()
        try:
            area = searched_area(
                options.area(), canvas, options.area_layer(), QgsProject.instance()
            )
            folder = new_folder(settings.results_folder(), self._path)
        except AreaError as error:
            self._warn(str(error))
            return
        except OSError as error:
            self._warn(
                tr("Results cannot be written to {folder} ({reason}). Choose another folder in the "
                   "settings.").format(folder=settings.results_folder(), reason=error.strerror)
            )  # fmt: skip
            return
        self._show_result(None, None)
        question = Question(
            self._path, self.index_bar.path(), options.heading(),
            options.heading_std(), options.field_of_view(), options.near(), area,
            options.exif_radius(),
        )  # fmt: skip
        self.run_bar.show_progress(0.0, tr("Asking the engine"))
        self.search.locate(question, folder, value_of(self._photo, "fov_deg"))

    # What the engine answers

    def _index_opened(self, path: str, info: Json) -> None:
        """Show an index."""
        self.index_bar.show_index(str(path), info)
        self._enable()
        if self._photo is not None and self.result is None and not self.search.running:
            self._locate_if_known()

    def _index_failed(self, path: str, message: str) -> None:
        """Say why an index cannot be opened."""
        if not Path(path).exists():
            settings.forget_index(path)
            message += " " + tr("If it was moved, open it in its new place.")
        self.index_bar.show_failure()
        self._enable()
        self._warn(message)

    def _photo_read(self, path: str, photo: Json) -> None:
        """Show what a photo's file says and go on."""
        if path != self._path:
            return
        self._photo = photo
        self.photo_box.show_photo(path, photo, photo.get("preview") or "")
        self.options.show_photo(photo)
        self._enable()
        self._locate_if_known()

    def _photo_failed(self, path: str, message: str) -> None:
        """Say why a photo cannot be read."""
        if path == self._path:
            self.photo_box.show_failure(path, tr("This photo cannot be used"))
            self._warn(message)

    def _locate_if_known(self) -> None:
        """Locate at once, unless something must be chosen first."""
        if not self.index_bar.path():
            self.run_bar.show_idle(tr("Choose an index to search"))
        elif value_of(self._photo, "fov_deg") is None and not self._photo.get("panorama"):
            self.options.ask_field_of_view()
            self.run_bar.show_idle(tr("Set the field of view, then Locate"))
        else:
            self.locate()

    def _located(self, result: Result, group: PhotoGroup) -> None:
        """Show an answer."""
        self._show_result(result, group)
        self.run_bar.show_idle(tr("Done"), complete=True)
        self.candidates.setFocus()
        self.zoom_to(1)
        sure = result.estimate.get("verdict") == "located"
        level = Qgis.MessageLevel.Success if sure else Qgis.MessageLevel.Info
        self._iface.messageBar().pushMessage(
            "CVGL", self.verdict.title_label.text(), level, SUCCESS_S
        )
        self.located.emit(result)

    def _failed(self, error: str, message: str) -> None:
        """Say why there is no answer."""
        self.run_bar.show_idle(tr("Not located"))
        if error == "PhotoViewError":
            self.options.ask_field_of_view()
        self._warn(message)

    # Review

    def zoom_to(self, rank: int) -> None:
        """Show a candidate on the map."""
        ring = self.result.ring(rank)
        if ring is not None:
            self.marker.zoom_to(ring)

    def _look_at(self, rank: int) -> None:
        """Show a candidate beside the photo, and where it is on the map."""
        ring = self.result.ring(rank)
        self.evidence.show_candidate(self.result, rank, read_fov_deg(self.result))
        self.basis.show_candidate(self.result, rank)
        self.marker.show(ring)

    def _judge(self, rank: int, word: str | None) -> None:
        """Keep what the analyst thinks of a candidate."""
        self.result.judge(rank, word)
        if self.group is not None:
            self.group.choose(self.result.accepted() or 1)
        self._keep()

    def _annotate(self, rank: int) -> None:
        """Let the analyst write a note on a candidate."""
        before = self.result.candidates[rank - 1][ANALYST_NOTE] or ""
        note, given = QInputDialog.getText(
            self, tr("Note"), tr("Candidate #{rank}").format(rank=rank), text=before
        )
        if given:
            self.result.annotate(rank, note.strip())
            self._keep()

    def _conclude(self, word: str | None, note: str) -> None:
        """Keep the finding."""
        if self.result is not None:
            self.result.conclude(word, note)
            self._keep()

    def _keep(self) -> None:
        """Write the analyst's judgement to the result's file."""
        self.candidates.refresh()
        try:
            self.result.save()
        except OSError as error:
            self._warn(
                tr("{path} cannot be written ({reason}): the judgement is not kept.").format(
                    path=self.result.path, reason=error.strerror
                )
            )
            return
        if self.group is not None:
            self.group.reload()

    # Cases

    def save_case(self, folder: str) -> None:
        """Save the finding as a case in a folder."""
        if self.result is None or self.group is None:
            return
        self._work = Steps(save_case(self.result, self.group, folder), self)
        self._work.done.connect(lambda path: self._tell(tr("Case saved: {path}").format(path=path)))
        self._work.failed.connect(lambda error: self._warn(str(error)))

    def open_case(self, path: str) -> None:
        """Open a saved case: its layers, and the dock as it was."""
        self._work = Steps(open_case(path), self)
        self._work.done.connect(lambda pair: self._reopened(*pair))
        self._work.failed.connect(lambda error: self._warn(str(error)))

    def _reopened(self, result: Result, group: PhotoGroup) -> None:
        """Show a result that was read from files."""
        self.search.drop()
        self._photo, self._path = None, ""
        self.options.show_photo(None)
        self.photo_box.show_result(result)
        self.run_bar.show_idle("")
        self._show_result(result, group)
        self._enable()

    # Inside

    def _show_result(self, result: Result | None, group: PhotoGroup | None) -> None:
        """Show a result everywhere, or that there is none."""
        self.result, self.group = result, group
        self.marker.clear()
        self.verdict.show_result(result)
        if result is None:
            self.evidence.clear()
        self.basis.show_candidate(result, 1)
        self.candidates.show_result(result)
        self.map_layers.show_group(group)
        self.finding.show_result(result)
        self.export_bar.show_result(result)

    def _restore(self) -> None:
        """Show the topmost result of a project that was just opened."""
        self._show_result(None, None)
        for path, group in find_groups(QgsProject.instance()):
            try:
                result = read_result(path)
            except ResultError:
                continue
            self._reopened(result, group)
            return

    def _enable(self) -> None:
        """Enable what can be done."""
        ready = self._photo is not None and bool(self.index_bar.path())
        self.run_bar.start_button.setEnabled(ready)

    def _warn(self, message: str) -> None:
        """Say what went wrong; it stays until read."""
        self._iface.messageBar().pushMessage("CVGL", message, Qgis.MessageLevel.Warning, 0)

    def _tell(self, message: str) -> None:
        """Say something in passing."""
        self._iface.messageBar().pushMessage("CVGL", message, Qgis.MessageLevel.Info, SUCCESS_S)

    def _ask_settings(self) -> None:
        """Show the settings, beside QGIS, not instead of it."""
        dialog = SettingsDialog(self.station.diagnostics, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.saved.connect(self.station.renew)
        dialog.check_asked.connect(
            lambda command: self.station.check(command, dialog.show_check, dialog)
        )
        dialog.show()

    def _ask_export(self) -> None:
        """Show the Processing algorithm that writes other formats, filled in."""
        from processing import execAlgorithmDialog

        execAlgorithmDialog(EXPORT_ALGORITHM, {"INPUT": str(self.result.path.parent)})

    def _lay_out(self) -> None:
        """Put the dock together."""
        self.index_bar, self.engine_bar = IndexBar(), EngineBar()
        self.photo_box, self.options, self.run_bar = PhotoBox(), PhotoOptions(), RunBar()
        self.verdict, self.candidates = VerdictView(), CandidateList()
        self.evidence, self.basis = EvidenceView(), BasisView()
        self.map_layers, self.finding, self.export_bar = MapLayers(), FindingForm(), ExportBar()
        for box in (self.options, self.basis, self.map_layers):
            box.setCollapsed(True)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(6, 6, 6, 6)
        for widget in (
            self.index_bar, self.engine_bar, self.photo_box, self.options, self.run_bar,
            self.verdict, self.candidates, self.evidence, self.basis, self.map_layers,
            self.finding, self.export_bar,
        ):  # fmt: skip
            column.addWidget(widget, 1 if widget is self.candidates else 0)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        area.setWidget(body)
        self.setWidget(area)

    def _connect(self) -> None:
        """Connect the widgets."""
        self.station.state_changed.connect(self.engine_bar.show_state)
        self.engine_bar.settings_asked.connect(self._ask_settings)
        self.engine_bar.restart_asked.connect(self.station.renew)
        self.index_bar.chosen.connect(self.open_index)
        self.index_bar.info_asked.connect(
            lambda name, text: QMessageBox.information(self, name, text)
        )
        self.photo_box.photo_chosen.connect(self.open_photo)
        self.photo_box.told.connect(self._tell)
        self.options.position_use_changed.connect(self.photo_box.show_gps_used)
        self.run_bar.start_asked.connect(self.locate)
        self.run_bar.cancel_asked.connect(self.search.cancel)
        self.search.progressed.connect(self.run_bar.show_progress)
        self.search.located.connect(self._located)
        self.search.failed.connect(self._failed)
        self.search.cancelled.connect(lambda: self.run_bar.show_idle(tr("Cancelled")))
        self.candidates.current_changed.connect(self._look_at)
        self.candidates.zoom_asked.connect(self.zoom_to)
        self.candidates.judged.connect(self._judge)
        self.candidates.note_asked.connect(self._annotate)
        self.finding.concluded.connect(self._conclude)
        self.map_layers.opacity_changed.connect(
            lambda share: self.group and self.group.set_opacity(share)
        )
        self.map_layers.switched.connect(
            lambda key, on: self.group and self.group.set_visible(key, on)
        )
        self.export_bar.told.connect(self._tell)
        self.export_bar.failed.connect(self._warn)
        self.export_bar.save_case_asked.connect(self.save_case)
        self.export_bar.open_case_asked.connect(self.open_case)
        self.export_bar.other_formats_asked.connect(self._ask_export)
        QgsProject.instance().readProject.connect(self._restore)

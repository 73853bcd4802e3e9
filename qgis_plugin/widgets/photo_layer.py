# SPDX-License-Identifier: GPL-2.0-or-later
"""Taking a photo from a layer of points that names photo files."""

from __future__ import annotations

import re
from pathlib import Path

from qgis.core import QgsFieldProxyModel, QgsMapLayerProxyModel, QgsProject, QgsVectorLayer
from qgis.gui import QgsFeaturePickerWidget, QgsFieldComboBox, QgsMapLayerComboBox
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QWidget

from ..i18n import tr

PHOTO_FIELDS = re.compile(r"photo|image|picture|path|file|foto|bild", re.IGNORECASE)


class PhotoLayerDialog(QDialog):
    """Layer, field, feature."""

    photo_chosen = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Photo from a layer"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.layer_box = QgsMapLayerComboBox()
        self.layer_box.setFilters(QgsMapLayerProxyModel.Filter.PointLayer)
        self.field_box = QgsFieldComboBox()
        self.field_box.setFilters(QgsFieldProxyModel.Filter.String)
        self.feature_box = QgsFeaturePickerWidget()
        self.message = QLabel()
        self.message.setWordWrap(True)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form = QFormLayout(self)
        form.addRow(tr("Layer"), self.layer_box)
        form.addRow(tr("Field with the path"), self.field_box)
        form.addRow(tr("Photo"), self.feature_box)
        form.addRow(self.message)
        form.addRow(buttons)
        self.layer_box.layerChanged.connect(self._show_layer)
        self.field_box.fieldChanged.connect(self._show_field)
        self._show_layer(self.layer_box.currentLayer())

    def accept(self) -> None:
        """Take the photo if its file is there."""
        layer, name = self.layer_box.currentLayer(), self.field_box.currentField()
        feature = self.feature_box.feature()
        if layer is None or not name or not feature.isValid():
            self.message.setText(tr("Choose a point layer, a field and a photo."))
            return
        text = str(feature[name] or "")
        path = find_photo(text, layer, QgsProject.instance())
        if path is None:
            self.message.setText(
                tr("{path}: no such file, neither beside the layer nor beside the project.").format(
                    path=text
                )
            )
            return
        super().accept()
        self.photo_chosen.emit(str(path))

    def _show_layer(self, layer: QgsVectorLayer | None) -> None:
        """Offer the fields of a layer, the likeliest first."""
        self.field_box.setLayer(layer)
        if layer is None:
            self.message.setText(tr("The project has no point layer."))
            return
        names = [field.name() for field in layer.fields()]
        self.field_box.setField(next((name for name in names if PHOTO_FIELDS.search(name)), ""))
        self._show_field(self.field_box.currentField())

    def _show_field(self, name: str) -> None:
        """Offer the features, a selected one first."""
        layer = self.layer_box.currentLayer()
        self.feature_box.setLayer(layer)
        if layer is not None and name:
            self.feature_box.setDisplayExpression(f'"{name}"')
            selected = layer.selectedFeatureIds()
            if selected:
                self.feature_box.setFeature(selected[0])


def find_photo(text: str, layer: QgsVectorLayer, project: QgsProject) -> Path | None:
    """Return the file that a field's text names, also beside the layer or the project, or None."""
    if not text.strip():
        return None
    source = Path(layer.source().split("|")[0]).parent
    for folder in (Path(), source, Path(project.homePath() or ".")):
        path = folder / text.strip()
        if path.is_file():
            return path.resolve()
    return None

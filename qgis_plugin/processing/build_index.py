# SPDX-License-Identifier: GPL-2.0-or-later
"""``cvgl:buildindex``: from raster layers to an index that photos can be looked up in."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterString,
    QgsProviderRegistry,
    QgsRasterLayer,
)

from ..i18n import tr
from .base import CvglAlgorithm
from .engine_run import run_engine

WGS84 = "EPSG:4326"


class BuildIndex(CvglAlgorithm):
    """Runs ``cvgl-tile build``; run again on the same folder it goes on or updates."""

    NAME = "buildindex"
    INPUT, EXTENT, MODEL, OUTPUT = "INPUT", "EXTENT", "MODEL", "OUTPUT"
    INDEX_ID, TILES, VERSION = "INDEX_ID", "TILES", "VERSION"

    def title(self) -> str:
        """Return the name people read."""
        return tr("Build tile index")

    def about(self) -> str:
        """Return what the algorithm does."""
        return tr(
            "Cuts orthophotos into overlapping ground squares, describes each, and keeps them in "
            "an index folder that photos can be looked up in. Where images overlap, the first "
            "wins. Imagery of 0.5 m per pixel or finer is wanted.\n\n"
            "Run again on the same folder, it goes on where it was cancelled, or takes in what "
            "has changed."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        self.addParameter(
            QgsProcessingParameterMultipleLayers(
                self.INPUT, tr("Orthophotos"), QgsProcessing.SourceType.TypeRaster
            )
        )
        self.addParameter(
            QgsProcessingParameterExtent(self.EXTENT, tr("Only this area"), optional=True)
        )
        model = QgsProcessingParameterString(
            self.MODEL, tr("Model: a name or a file of weights"), optional=True
        )
        model.setFlags(model.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
        self.addParameter(model)
        self.addParameter(
            QgsProcessingParameterFolderDestination(self.OUTPUT, tr("Index folder (CITY.cvgl)"))
        )
        self.addOutput(QgsProcessingOutputString(self.INDEX_ID, tr("Identity of the index")))
        self.addOutput(QgsProcessingOutputNumber(self.TILES, tr("Number of squares")))
        self.addOutput(QgsProcessingOutputNumber(self.VERSION, tr("Version of the index")))

    def processAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Run the command and return what it made."""
        layers = self.parameterAsLayerList(parameters, self.INPUT, context)
        output = self.parameterAsString(parameters, self.OUTPUT, context)
        model = self.parameterAsString(parameters, self.MODEL, context)
        arguments = ["build", *map(raster_path, layers), "-o", output]
        arguments += ["--progress", "json", "--json"]
        if model:
            arguments += ["--model", model]
        crs = layers[0].crs()
        if crs.isValid():  # taken for files that do not name theirs
            arguments += ["--source-crs", crs.authid() or crs.toWkt()]
        printed: list[str] = []
        with tempfile.TemporaryDirectory() as folder:
            if parameters.get(self.EXTENT) is not None:
                arguments += ["--aoi", self._area(parameters, context, Path(folder))]
            finished = run_engine("cvgl-tile", arguments, feedback, printed.append, "tiles")
        if finished.code is None:
            return {}
        self.check(finished)
        facts = json.loads(printed[-1])
        return {
            self.OUTPUT: output,
            self.INDEX_ID: facts["index_id"],
            self.TILES: facts["tiles"],
            self.VERSION: facts["version"],
        }

    def _area(self, parameters: dict[str, Any], context: QgsProcessingContext, folder: Path) -> str:
        """Write the extent, a polygon in degrees that may stand at an angle; return its file."""
        degrees = QgsCoordinateReferenceSystem(WGS84)
        area = self.parameterAsExtentGeometry(parameters, self.EXTENT, context, degrees)
        path = folder / "area.geojson"
        path.write_text(area.asJson(9), encoding="utf-8")
        return str(path)


def raster_path(layer: QgsRasterLayer) -> str:
    """Return the file of a raster layer.

    Raises:
        QgsProcessingException: its pixels do not lie in one file on this computer.
    """
    if isinstance(layer, QgsRasterLayer) and layer.providerType() == "gdal":
        parts = QgsProviderRegistry.instance().decodeUri("gdal", layer.source())
        if not parts.get("layerName") and Path(parts.get("path", "")).is_file():
            return str(parts["path"])
    message = tr("The layer {name} is no raster file on this computer; save it as a GeoTIFF first.")
    raise QgsProcessingException(message.format(name=layer.name()))

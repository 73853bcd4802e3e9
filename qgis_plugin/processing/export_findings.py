# SPDX-License-Identifier: GPL-2.0-or-later
"""``cvgl:exportfindings``: results, with the analyst's word, for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
)

from ..i18n import tr
from .base import CvglAlgorithm
from .engine_run import run_engine

FORMATS = (
    ("KML", "kml", "findings.kml"),
    ("CSV", "csv", "findings.csv"),
    ("GeoPackage", "gpkg", "findings.gpkg"),
    ("GeoJSON", "geojson", "geojson"),
    ("GeoJSON (one file of places)", "geojson", "findings.geojson"),
    ("GeoParquet", "parquet", "findings.parquet"),
    ("Search grid (GeoJSON)", "grid", "findings.grid.geojson"),
)
"""What people read, what the engine is told, and the file; new ones go last: numbers are saved."""


class ExportFindings(CvglAlgorithm):
    """Runs ``cvgl export`` once for each format."""

    NAME = "exportfindings"
    INPUT, FORMATS, COARSEN = "INPUT", "FORMATS", "COARSEN"
    OUTPUT = "OUTPUT"

    def title(self) -> str:
        """Return the name people read."""
        return tr("Export findings")

    def about(self) -> str:
        """Return what the algorithm does."""
        return tr(
            "Takes the results of a folder (and of the folders in it), with the analyst's words "
            "and notes, and writes them as KML with a search grid coloured by probability, as a "
            "CSV table with a row per photo and links to the reports, as a GeoPackage, as GeoJSON "
            "(a file per photo, or one with a row per photo), as GeoParquet, or the search grid "
            "alone.\n\n"
            "Coarse places: a place is told no closer than a square of the given side, and "
            "candidates, regions, heatmap and report are left out."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        for parameter in (
            QgsProcessingParameterFile(
                self.INPUT,
                tr("Folder of results"),
                behavior=QgsProcessingParameterFile.Behavior.Folder,
            ),
            QgsProcessingParameterEnum(
                self.FORMATS,
                tr("Formats"),
                [name for name, _, _ in FORMATS],
                allowMultiple=True,
                defaultValue=[0, 1],
            ),
            QgsProcessingParameterNumber(
                self.COARSEN,
                tr("Coarse places: side of the square in metres (empty: exact)"),
                QgsProcessingParameterNumber.Type.Double,
                optional=True,
                minValue=1.0,
            ),
            QgsProcessingParameterFolderDestination(self.OUTPUT, tr("Folder to export to")),
        ):
            self.addParameter(parameter)

    def processAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Run the command for each format and return the files."""
        folder = self.parameterAsString(parameters, self.INPUT, context)
        output = Path(self.parameterAsString(parameters, self.OUTPUT, context))
        chosen = self.parameterAsEnums(parameters, self.FORMATS, context)
        extra = []
        if parameters.get(self.COARSEN) is not None:
            extra = ["--coarsen", str(self.parameterAsDouble(parameters, self.COARSEN, context))]
        for number, (_, form, file) in enumerate(FORMATS[index] for index in chosen):
            target = str(output / file)
            arguments = ["export", folder, "--format", form, "-o", target, *extra]
            finished = run_engine("cvgl", arguments, feedback, feedback.pushInfo)
            if finished.code is None:
                return {}
            self.check(finished)
            feedback.setProgress(100.0 * (number + 1) / len(chosen))
        return {self.OUTPUT: str(output)}

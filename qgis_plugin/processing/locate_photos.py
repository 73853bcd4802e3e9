# SPDX-License-Identifier: GPL-2.0-or-later
"""``cvgl:locatephotos``: a folder or layer of photos to a layer of places, failures as rows."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureSink,
    QgsFields,
    QgsGeometry,
    QgsPointXY,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
    QgsVectorLayer,
    QgsWkbTypes,
)

from ..i18n import tr
from .base import CvglAlgorithm
from .engine_run import run_engine

SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".heic", ".heif"}
FAILURES_NAME = "failures.jsonl"
COLUMNS = {
    "photo": "string",
    "verdict": "string",
    "confidence": "string",
    "lon": "double",
    "lat": "double",
    "probability": "double",
    "outside_probability": "double",
    "radius_50_m": "double",
    "radius_90_m": "double",
    "heading_deg": "double",
    "heading_std_deg": "double",
    "exif_lon": "double",
    "exif_lat": "double",
    "exif_distance_m": "double",
    "taken_at": "string",
    "photo_sha256": "string",
    "index_id": "string",
    "index_version": "integer",
    "model": "string",
    "weights_sha256": "string",
    "software": "string",
    "created_at": "string",
    "error": "string",
    "message": "string",
}


class LocatePhotos(CvglAlgorithm):
    """Runs ``cvgl locate`` once for all photos: one bad photo never stops the others."""

    NAME = "locatephotos"
    FOLDER, LAYER, FIELD, INDEX = "FOLDER", "LAYER", "FIELD", "INDEX"
    HEADING, HEADING_STD, FOV, EXIF_RADIUS = "HEADING", "HEADING_STD", "FOV", "EXIF_RADIUS"
    TOGETHER, CANDIDATES, REPORT = "TOGETHER", "CANDIDATES", "REPORT"
    RESULTS, OUTPUT, LOCATED, FAILED = "RESULTS", "OUTPUT", "LOCATED", "FAILED"

    def title(self) -> str:
        """Return the name people read."""
        return tr("Locate photos")

    def about(self) -> str:
        """Return what the algorithm does."""
        return tr(
            "Finds where street photos were taken by matching them to the squares of an index. "
            "Give a folder of photos, or a layer with a field that holds their paths.\n\n"
            "Every photo becomes a row: a point with verdict, probability, radii and heading, or, "
            "where the photo could not be used, a row without a place that says why. A folder for "
            "results also gets the GeoJSON, the heatmap and, if wanted, the report of each "
            "photo. Photos of one walk (at most 20, in the order they were taken) can be located "
            "together: what each shows counts for all.\n\n"
            "An estimate is a lead, not proof."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        folder = QgsProcessingParameterFile.Behavior.Folder
        decimal = QgsProcessingParameterNumber.Type.Double
        whole = QgsProcessingParameterNumber.Type.Integer
        anything = QgsProcessingParameterField.DataType.Any
        for parameter in (
            QgsProcessingParameterFile(
                self.FOLDER, tr("Folder of photos"), behavior=folder, optional=True
            ),
            QgsProcessingParameterFeatureSource(
                self.LAYER,
                tr("or a layer of photos"),
                [QgsProcessing.SourceType.TypeVector],
                optional=True,
            ),
            QgsProcessingParameterField(
                self.FIELD,
                tr("Field of the photos' paths"),
                "photo",
                self.LAYER,
                anything,
                optional=True,
            ),
            QgsProcessingParameterFile(self.INDEX, tr("Index folder (CITY.cvgl)"), behavior=folder),
            QgsProcessingParameterString(
                self.HEADING,
                tr("Heading in degrees, or 'unknown' to search it (empty: what the file says)"),
                optional=True,
            ),
            QgsProcessingParameterNumber(
                self.HEADING_STD,
                tr("How well headings are known: standard deviation in degrees (empty: exact)"),
                decimal,
                optional=True,
                minValue=0.1,
                maxValue=180.0,
            ),
            QgsProcessingParameterNumber(
                self.FOV,
                tr("Field of view in degrees (empty: what the file says)"),
                decimal,
                optional=True,
                minValue=1.0,
                maxValue=360.0,
            ),
            QgsProcessingParameterNumber(
                self.EXIF_RADIUS,
                tr("Positions in the files are right to so many metres (empty: not used)"),
                decimal,
                optional=True,
                minValue=1.0,
                maxValue=1e6,
            ),
            QgsProcessingParameterBoolean(
                self.TOGETHER, tr("The photos are of one walk, in this order"), False
            ),
            QgsProcessingParameterNumber(
                self.CANDIDATES, tr("Candidates to keep"), whole, 10, minValue=1, maxValue=1000
            ),
            QgsProcessingParameterBoolean(self.REPORT, tr("Write a report of each photo"), False),
            QgsProcessingParameterFolderDestination(
                self.RESULTS,
                tr("Folder for GeoJSON, heatmaps and reports"),
                optional=True,
                createByDefault=False,
            ),
            QgsProcessingParameterFeatureSink(
                self.OUTPUT, tr("Places"), QgsProcessing.SourceType.TypeVectorPoint
            ),
        ):
            self.addParameter(parameter)
        self.addOutput(QgsProcessingOutputNumber(self.LOCATED, tr("Photos with an answer")))
        self.addOutput(QgsProcessingOutputNumber(self.FAILED, tr("Photos that failed")))

    def processAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Run the command and fill the layer while it answers."""
        photos = self._photos(parameters, context)
        fields = row_fields()
        sink, sink_id = self.parameterAsSink(
            parameters,
            self.OUTPUT,
            context,
            fields,
            QgsWkbTypes.Type.Point,
            QgsCoordinateReferenceSystem("EPSG:4326"),
        )
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, self.OUTPUT))
        printed: list[dict[str, Any]] = []

        def take(line: str) -> None:
            answer = json.loads(line)
            printed.append(answer)
            sink.addFeature(row(answer, fields), QgsFeatureSink.Flag.FastInsert)

        results = self.parameterAsString(parameters, self.RESULTS, context)
        with tempfile.TemporaryDirectory() as folder:
            listed = Path(folder) / "photos.txt"
            listed.write_text("\n".join(photos), encoding="utf-8")
            arguments = self._arguments(parameters, context, str(listed), results)
            finished = run_engine("cvgl", arguments, feedback, take, "locating photos")
        failures = [answer for answer in printed if answer["type"] == "Failure"]
        if finished.code is not None and len(printed) < len(photos):
            self.check(finished)  # the engine gave up, which is no one photo's fault
        if results:
            lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in failures)
            Path(results, FAILURES_NAME).write_text(lines, encoding="utf-8")
        return {
            self.OUTPUT: sink_id,
            self.RESULTS: results,
            self.LOCATED: len(printed) - len(failures),
            self.FAILED: len(failures),
        }

    def _photos(self, parameters: dict[str, Any], context: QgsProcessingContext) -> list[str]:
        """Return the photos' paths.

        Raises:
            QgsProcessingException: there are none, or neither folder nor layer was given.
        """
        folder = self.parameterAsString(parameters, self.FOLDER, context)
        if folder:
            files = sorted(path for path in Path(folder).iterdir() if path.is_file())
            photos = [str(path) for path in files if path.suffix.lower() in SUFFIXES]
        else:
            source = self.parameterAsSource(parameters, self.LAYER, context)
            if source is None:
                raise QgsProcessingException(tr("Give a folder of photos or a layer of photos."))
            names = self.parameterAsFields(parameters, self.FIELD, context)
            if not names or source.fields().lookupField(names[0]) < 0:
                raise QgsProcessingException(tr("Choose the field that holds the photos' paths."))
            values = (feature[names[0]] for feature in source.getFeatures())
            photos = [str(value) for value in values if value]
        if not photos:
            raise QgsProcessingException(tr("There are no photos there."))
        return photos

    def _arguments(
        self, parameters: dict[str, Any], context: QgsProcessingContext, listed: str, results: str
    ) -> list[str]:
        """Return the arguments of ``cvgl locate``."""
        arguments = ["locate", "--list", listed, "--json", "--progress", "json"]
        arguments += ["--index", self.parameterAsString(parameters, self.INDEX, context)]
        count = self.parameterAsInt(parameters, self.CANDIDATES, context)
        arguments += ["--top-k", str(count)]
        heading = self.parameterAsString(parameters, self.HEADING, context).strip()
        if heading:
            arguments += ["--heading", heading]
        for name, option in (
            (self.HEADING_STD, "--heading-std"),
            (self.FOV, "--fov"),
            (self.EXIF_RADIUS, "--exif-prior"),
        ):
            if parameters.get(name) is not None:
                arguments += [option, str(self.parameterAsDouble(parameters, name, context))]
        if self.parameterAsBool(parameters, self.TOGETHER, context):
            arguments += ["--together"]
        if results:
            arguments += ["-o", results]
            if self.parameterAsBool(parameters, self.REPORT, context):
                arguments += ["--report"]
        return arguments


def row_fields() -> QgsFields:
    """Return the columns; a memory layer knows the types of every version of QGIS."""
    columns = "&".join(f"field={name}:{kind}" for name, kind in COLUMNS.items())
    return QgsVectorLayer(f"Point?{columns}", "columns", "memory").fields()


def row(answer: dict[str, Any], fields: QgsFields) -> QgsFeature:
    """Return the row of a photo, from what ``--json`` printed for it."""
    feature = QgsFeature(fields)
    values = answer
    if answer["type"] != "Failure":
        kinds = (one["properties"] for one in answer["features"])
        values = next(one for one in kinds if one["kind"] == "estimate")
        feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(values["lon"], values["lat"])))
    for name in COLUMNS:
        if values.get(name) is not None:
            feature[name] = values[name]
    return feature

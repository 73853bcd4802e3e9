# SPDX-License-Identifier: GPL-2.0-or-later
"""A case: everything of one finding in one folder that opens on another machine.

``NAME.gpkg`` holds the vector layers with their styles inside, ``NAME.heatmap.tif`` is the heatmap
with its style in ``NAME.heatmap.qml`` beside it, and ``NAME.geojson``, the photo's preview and the
tiles' pictures bring the dock back. Nothing in it names a path of the machine it was saved on.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from qgis.core import (
    QgsMapLayer,
    QgsProject,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsVectorFileWriter,
    QgsVectorLayer,
)

from .i18n import tr
from .layers import (
    KEYS,
    RASTERS,
    PhotoGroup,
    add_layer,
    new_group,
    remove_groups,
    title,
    unfold,
)
from .result import Result, read_result

STYLE_NAME = "default"


class CaseError(Exception):
    """A case cannot be saved or opened; the message says why and what to do."""


def save_case(result: Result, group: PhotoGroup, folder: str | Path) -> Iterator[Path | None]:
    """Write a case, one step at a time, so that the window does not stand still.

    A generator of None, and of the path of the GeoPackage in the end.

    Args:
        result: the finding, saved.
        group: its `PhotoGroup`.
        folder: where to; made if it is not there.

    Raises:
        CaseError: it cannot be written.
    """
    folder = Path(folder)
    package = folder / f"{result.path.stem}.gpkg"
    if folder.resolve() == result.path.parent.resolve():
        raise CaseError(
            tr("{folder} holds the result itself: choose another.").format(folder=folder)
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        package.unlink(missing_ok=True)
        for source in (result.path, result.shapes, result.photo, result.heatmap):
            if source.is_file():
                shutil.copyfile(source, folder / source.name)
            yield None
        pictures = result.tile(1).parent
        if pictures.is_dir():
            shutil.copytree(pictures, folder / pictures.name, dirs_exist_ok=True)
    except OSError as error:
        raise _cannot_write(folder, error.strerror or error) from error
    layers = group.layers
    for key in KEYS:
        yield None
        if key in layers:
            _save_layer(key, layers[key], folder, package, result)
    yield package


def open_case(
    package: str | Path, project: QgsProject | None = None
) -> Iterator[tuple[Result, PhotoGroup] | None]:
    """Add a case's layers to a project, one step at a time.

    A generator of None, and of the `Result` with its `PhotoGroup` in the end.

    Raises:
        CaseError: the GeoPackage is not one of a case.
        ResultError: the result beside it is missing or damaged.
    """
    package, project = Path(package), project or QgsProject.instance()
    result = read_result(package.with_suffix(".geojson"))
    remove_groups(project, result.estimate.get("photo_sha256"))
    node = new_group(project, result)
    yield None
    for key in KEYS:
        layer = _open_layer(key, package, result)
        if layer.isValid():
            add_layer(project, node, layer, key)
        yield None
    if not node.children():
        node.parent().removeChildNode(node)
        raise CaseError(
            tr("{path} holds no layers of a case: choose the .gpkg of a saved one.").format(
                path=package
            )
        )
    unfold(node)
    yield result, PhotoGroup(node)


def _save_layer(key: str, layer: QgsMapLayer, folder: Path, package: Path, result: Result) -> None:
    """Write one layer: a table with its style, or the style of the copied heatmap."""
    if key in RASTERS:
        flags = QgsMapLayer.StyleCategory.AllStyleCategories
        message, written = layer.saveNamedStyle(str(_raster_style(key, folder, result)), flags)
        if not written:
            raise _cannot_write(folder, message)
        return
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName, options.layerName = "GPKG", key
    if package.exists():
        options.actionOnExistingFile = (
            QgsVectorFileWriter.ActionOnExistingFile.CreateOrOverwriteLayer
        )
    answer = QgsVectorFileWriter.writeAsVectorFormatV3(
        layer, str(package), QgsProject.instance().transformContext(), options
    )
    if answer[0] != QgsVectorFileWriter.WriterError.NoError:
        raise _cannot_write(package, answer[1])
    saved = _open_layer(key, package, result)
    style = layer.styleManager().style(layer.styleManager().currentStyle())
    style.writeToLayer(saved)
    saved.saveStyleToDatabase(STYLE_NAME, "", True, "")


def _open_layer(key: str, package: Path, result: Result) -> QgsMapLayer:
    """Return one layer of a case; its style comes with it."""
    if key in RASTERS:
        layer = QgsRasterLayer(str(package.with_name(result.heatmap.name)), title(key), "gdal")
        style = _raster_style(key, package.parent, result)
        if style.exists():
            layer.loadNamedStyle(str(style))
        return layer
    parts = {"path": str(package), "layerName": key}
    uri = QgsProviderRegistry.instance().encodeUri("ogr", parts)
    return QgsVectorLayer(uri, title(key), "ogr")


def _raster_style(key: str, folder: Path, result: Result) -> Path:
    """Return the style file of the heatmap or its contours; the heatmap's is found by itself."""
    stem = result.heatmap.stem
    return folder / (f"{stem}.qml" if key == "heatmap" else f"{stem}.{key}.qml")


def _cannot_write(path: Path, reason: str) -> CaseError:
    """Return the error for what cannot be written."""
    return CaseError(
        tr("{path} cannot be written ({reason}): choose another folder.").format(
            path=path, reason=reason
        )
    )

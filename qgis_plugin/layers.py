# SPDX-License-Identifier: GPL-2.0-or-later
"""The map layers of a photo: one group above the imagery, each layer with its own style and CRS.

Vector layers read the result's files in WGS 84, the heatmap is in the CRS of the index; QGIS draws
both in whatever CRS the project has. Building goes in steps, each short, so that the window never
stands still.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from qgis.core import (
    QgsLayerTreeGroup,
    QgsMapLayer,
    QgsProject,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsVectorLayer,
)

from .i18n import tr
from .result import Result

STYLES = Path(__file__).parent / "styles"
RESULT_PROPERTY = "cvgl/result"
PHOTO_PROPERTY = "cvgl/photo_sha256"
KEY_PROPERTY = "cvgl/layer"


class LayerKind(NamedTuple):
    """A vector layer of a group: where its features are, and its style's name.

    Attributes:
        key: name of the style, and of the table in a case.
        source: "path" or "shapes", the attribute of the result that names the file.
        geometry: as OGR names it.
        filter: which features, SQL.
    """

    key: str
    source: str
    geometry: str
    filter: str


VECTORS = (
    LayerKind("estimate", "path", "Point", "\"kind\" = 'estimate'"),
    LayerKind("exif", "shapes", "Point", "\"kind\" = 'exif'"),
    LayerKind("reach", "shapes", "Polygon", "\"kind\" IN ('radius', 'heading')"),
    LayerKind("chosen", "path", "Polygon", '"kind" = \'candidate\' AND "rank" = 1'),
    LayerKind("candidates", "path", "Polygon", "\"kind\" = 'candidate'"),
    LayerKind("regions", "path", "MultiPolygon", "\"kind\" = 'credible_region'"),
)
RASTERS = ("contours", "heatmap")
SEARCH_AREA = LayerKind("search_area", "shapes", "Polygon", "\"kind\" = 'search_area'")
KEYS = (*(kind.key for kind in VECTORS), *RASTERS, SEARCH_AREA.key)
"""Of all layers, the topmost first."""


def title(key: str) -> str:
    """Return a layer's name in the user's language."""
    return {
        "estimate": tr("Estimate"),
        "exif": tr("Position in the photo's EXIF"),
        "reach": tr("Radius and heading"),
        "chosen": tr("Chosen tile"),
        "candidates": tr("Candidate tiles"),
        "regions": tr("50 % and 90 % regions"),
        "contours": tr("Likelihood contours"),
        "heatmap": tr("Likelihood"),
        "search_area": tr("Search area"),
    }[key]


class PhotoGroup:
    """The layers of one photo in the layer tree.

    Attributes:
        node: the group.
        layers: by key; a layer the user removed is not among them.
    """

    def __init__(self, node: QgsLayerTreeGroup) -> None:
        self.node = node

    @property
    def layers(self) -> dict[str, QgsMapLayer]:
        """Return the layers that are there, by key."""
        found = (tree_layer.layer() for tree_layer in self.node.findLayers())
        return {layer.customProperty(KEY_PROPERTY): layer for layer in found if layer is not None}

    def choose(self, rank: int) -> None:
        """Show another candidate as the chosen tile."""
        layer = self.layers.get("chosen")
        if layer is not None:
            layer.setSubsetString(f'"kind" = \'candidate\' AND "rank" = {int(rank)}')

    def reload(self) -> None:
        """Read the result's files again, after a judgement was written."""
        for layer in self.layers.values():
            if isinstance(layer, QgsVectorLayer):
                layer.dataProvider().reloadData()
                layer.triggerRepaint()

    def set_opacity(self, share: float) -> None:
        """Set how opaque the heatmap is, 0 to 1."""
        layer = self.layers.get("heatmap")
        if layer is not None:
            layer.setOpacity(share)
            layer.triggerRepaint()

    def set_visible(self, key: str, visible: bool) -> None:
        """Show or hide a layer."""
        layer = self.layers.get(key)
        if layer is not None:
            self.node.findLayer(layer.id()).setItemVisibilityChecked(visible)

    def is_visible(self, key: str) -> bool:
        """Tell whether a layer is shown."""
        layer = self.layers.get(key)
        return layer is not None and self.node.findLayer(layer.id()).itemVisibilityChecked()


def build_group(
    result: Result, peak: float, project: QgsProject | None = None
) -> Iterator[PhotoGroup | None]:
    """Add a result's layers to the project, one each step; the last step yields the group.

    A generator of None, and of the `PhotoGroup` in the end (see `Steps`). An older group of the
    same photo goes.

    Args:
        result: a `Result` whose shapes were written.
        peak: highest probability of a cell of the heatmap.
        project: where to; the open one if not named.
    """
    project = project or QgsProject.instance()
    remove_groups(project, result.estimate.get("photo_sha256"))
    node = new_group(project, result)
    yield None
    for key in KEYS:
        layer = make_layer(key, result, peak)
        if layer is not None:
            add_layer(project, node, layer, key)
        yield None
    unfold(node)
    yield PhotoGroup(node)


def new_group(project: QgsProject, result: Result) -> QgsLayerTreeGroup:
    """Return an empty group for a result on top of the layer tree."""
    node = project.layerTreeRoot().insertGroup(0, result.estimate.get("photo") or result.path.stem)
    node.setCustomProperty(RESULT_PROPERTY, str(result.path))
    node.setCustomProperty(PHOTO_PROPERTY, result.estimate.get("photo_sha256") or "")
    return node


def unfold(node: QgsLayerTreeGroup) -> None:
    """Show what is in a group; it counts as open since it was empty, though it is not shown so."""
    node.setExpanded(False)
    node.setExpanded(True)


def add_layer(project: QgsProject, node: QgsLayerTreeGroup, layer: QgsMapLayer, key: str) -> None:
    """Add a layer at the end of a group, its legend folded."""
    layer.setCustomProperty(KEY_PROPERTY, key)
    project.addMapLayer(layer, False)
    node.addLayer(layer).setExpanded(False)


def make_layer(key: str, result: Result, peak: float) -> QgsMapLayer | None:
    """Return one layer of a result with its style; None where there is nothing to show."""
    if key in RASTERS:
        return _raster(key, result, peak)
    kind = next(kind for kind in (*VECTORS, SEARCH_AREA) if kind.key == key)
    registry = QgsProviderRegistry.instance()
    parts = {
        "path": str(getattr(result, kind.source)),
        "geometryType": kind.geometry,
        "subset": kind.filter,
    }
    layer = QgsVectorLayer(registry.encodeUri("ogr", parts), title(key), "ogr")
    if not layer.isValid() or layer.featureCount() == 0:
        return None
    layer.loadNamedStyle(str(STYLES / f"{key}.qml"))
    layer.setReadOnly(True)
    return layer


def _raster(key: str, result: Result, peak: float) -> QgsRasterLayer | None:
    """Return the heatmap, coloured or as contours; levels are shares of its peak."""
    layer = QgsRasterLayer(str(result.heatmap), title(key), "gdal")
    if not layer.isValid() or not peak:
        return None
    layer.loadNamedStyle(str(STYLES / f"{key}.qml"))
    renderer = layer.renderer()
    if key == "contours":
        renderer.setContourInterval(renderer.contourInterval() * peak)
        renderer.setContourIndexInterval(renderer.contourIndexInterval() * peak)
        return layer
    ramp = renderer.shader().rasterShaderFunction()
    items = ramp.colorRampItemList()
    for item in items:
        item.value *= peak
    ramp.setColorRampItemList(items)
    ramp.setMaximumValue(peak)
    renderer.setClassificationMax(peak)
    return layer


def remove_groups(project: QgsProject, photo_sha256: str | None) -> None:
    """Remove the groups of a photo with their layers."""
    for node in project.layerTreeRoot().findGroups():
        if photo_sha256 and node.customProperty(PHOTO_PROPERTY) == photo_sha256:
            project.removeMapLayers([layer.layerId() for layer in node.findLayers()])
            node.parent().removeChildNode(node)


def find_groups(project: QgsProject) -> list[tuple[Path, PhotoGroup]]:
    """Return pairs of the result's path and the `PhotoGroup`, the topmost first."""
    pairs = (
        (node.customProperty(RESULT_PROPERTY), node)
        for node in project.layerTreeRoot().findGroups()
    )
    return [(Path(path), PhotoGroup(node)) for path, node in pairs if path]

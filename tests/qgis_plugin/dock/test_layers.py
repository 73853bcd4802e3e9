"""The layers of a photo: where they lie in every CRS, and the pixels of the map they make."""

import math

import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsDistanceArea,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

from qgis_plugin.layers import KEYS, find_groups, remove_groups
from qgis_plugin.mapping import geometry_in_degrees, outline_on_map, place_on_map
from qgis_plugin.result import Place, ResultError, read_result
from qgis_plugin.shapes import arc, cone_half_deg, read_fov_deg

SIDE_PX, VIEW_M = 400, 200.0
BACKGROUND = QColor(10, 10, 10)
UTM, MERCATOR, DEGREES = "EPSG:32746", "EPSG:3857", "EPSG:4326"
ROTATED = (
    "+proj=omerc +lat_0=-28.54 +lonc=92.884 +alpha=40 +gamma=0 +k=1 +x_0=0 +y_0=0 +datum=WGS84"
)
SOUTH_UP = "+proj=tmerc +lat_0=0 +lon_0=93 +k=0.9996 +axis=wsu +datum=WGS84"


def crs_of(text):
    """Return a CRS from its code or its PROJ string."""
    if text.startswith("EPSG"):
        return QgsCoordinateReferenceSystem(text)
    return QgsCoordinateReferenceSystem.fromProj(text)


def rendered(layers, crs, place, rotation_deg=0.0):
    """Return the picture of 200 m round a place, and the settings it was made with."""
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(crs)
    settings.setTransformContext(QgsProject.instance().transformContext())
    settings.setBackgroundColor(BACKGROUND)
    settings.setOutputSize(QSize(SIDE_PX, SIDE_PX))
    settings.setRotation(rotation_deg)
    centre = place_on_map(place, crs, QgsProject.instance())
    side = VIEW_M / 111_320.0 if crs.isGeographic() else VIEW_M
    if crs.authid() == MERCATOR:
        side /= math.cos(math.radians(place.lat))
    settings.setExtent(QgsRectangle.fromCenterAndSize(centre, side, side))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    assert not job.errors()
    return job.renderedImage(), settings


def pixel(image, settings, place):
    """Return the colour of the map at a place."""
    at = place_on_map(place, settings.destinationCrs(), QgsProject.instance())
    at = settings.mapToPixel().transform(at)
    return image.pixelColor(round(at.x()), round(at.y()))


def unlike(colour, other):
    """Return how much two colours differ."""
    return sum(abs(a - b) for a, b in zip(colour.getRgb()[:3], other.getRgb()[:3], strict=True))


def test_one_group_on_top_with_every_layer_in_order(imagery, group, result):
    root = QgsProject.instance().layerTreeRoot()
    assert root.children()[0] is group.node or root.children()[0].name() == group.node.name()
    expected = [key for key in KEYS if key != "search_area"]
    assert list(group.layers) == expected
    assert [layer.isValid() for layer in group.layers.values()] == [True] * len(expected)
    assert root.layerOrder()[-1] == imagery


def test_layers_keep_their_own_crs(group):
    crs = {key: layer.crs().authid() for key, layer in group.layers.items()}
    assert crs.pop("heatmap") == crs.pop("contours") == UTM
    assert set(crs.values()) == {DEGREES}


@pytest.mark.parametrize(
    "name",
    [MERCATOR, DEGREES, UTM, ROTATED, SOUTH_UP],
    ids=["mercator", "degrees", "utm", "rotated", "south-up"],
)
def test_the_map_is_right_in_every_crs(name, group, result):
    crs, layers = crs_of(name), group.layers
    assert crs.isValid()
    image, settings = rendered([layers["estimate"]], crs, result.place)
    assert unlike(pixel(image, settings, result.place), QColor("#ff2d95")) < 60
    image, settings = rendered([layers["chosen"]], crs, result.place)
    ring = result.ring(1)
    middle = [sum(values) / 2.0 for values in zip(ring[0], ring[1], strict=True)]
    assert unlike(pixel(image, settings, middle), QColor("#ff2d95")) < 60
    centre = [sum(values) / 4.0 for values in zip(*ring, strict=True)]
    assert unlike(pixel(image, settings, centre), BACKGROUND) == 0


@pytest.mark.parametrize("rotation_deg", [0.0, 180.0, 33.0])
def test_the_heatmap_is_clear_where_there_is_no_probability(group, result, rotation_deg):
    image, settings = rendered(
        [group.layers["heatmap"]], crs_of(MERCATOR), result.place, rotation_deg
    )
    peak = pixel(image, settings, result.place)
    assert unlike(peak, BACKGROUND) > 150 and peak.green() > peak.blue()
    corner = [result.place.lon + 0.0005, result.place.lat + 0.0005]
    assert unlike(pixel(image, settings, corner), BACKGROUND) == 0


def test_contours_and_regions_are_drawn_round_the_peak(group, result):
    for key in ("contours", "regions"):
        image, _ = rendered([group.layers[key]], crs_of(UTM), result.place)
        changed = sum(
            unlike(image.pixelColor(x, y), BACKGROUND) > 30
            for x in range(0, SIDE_PX, 2)
            for y in range(0, SIDE_PX, 2)
        )
        assert 0 < changed < SIDE_PX**2 / 40, key


def test_candidates_are_graded_and_rejected_ones_fade(group, result):
    group.layers["candidates"].setLabelsEnabled(False)
    last = max(candidate["rank"] for candidate in result.candidates)
    before = stroke(group, result, last)
    assert unlike(stroke(group, result, 1), BACKGROUND) > unlike(before, BACKGROUND) > 40
    result.judge(last, "false")
    result.save()
    group.reload()
    after = stroke(group, result, last)
    assert abs(after.red() - after.blue()) < 30 < abs(before.red() - before.blue())


def stroke(group, result, rank):
    """Return the strongest colour at the lower side of a candidate, drawn without the others."""
    layer = group.layers["candidates"]
    layer.setSubsetString(f'"rank" = {rank}')
    ring = result.ring(rank)
    middle = Place(*[0.7 * a + 0.3 * b for a, b in zip(ring[0], ring[1], strict=True)])
    image, settings = rendered([layer], crs_of(UTM), middle)
    layer.setSubsetString("")
    at = settings.mapToPixel().transform(
        place_on_map(middle, settings.destinationCrs(), QgsProject.instance())
    )
    around = [
        image.pixelColor(round(at.x()) + dx, round(at.y()) + dy)
        for dx in range(-3, 4)
        for dy in range(-3, 4)
    ]
    return max(around, key=lambda colour: unlike(colour, BACKGROUND))


def test_choosing_switching_and_fading(group):
    group.choose(3)
    assert [feature["rank"] for feature in group.layers["chosen"].getFeatures()] == [3]
    group.set_visible("candidates", False)
    assert not group.is_visible("candidates") and group.is_visible("chosen")
    group.set_opacity(0.25)
    assert group.layers["heatmap"].opacity() == 0.25


def test_a_layer_the_user_removed_is_no_trouble(group):
    for key in ("heatmap", "chosen", "candidates"):
        QgsProject.instance().removeMapLayer(group.layers[key])
    group.set_opacity(0.5)
    group.set_visible("candidates", True)
    group.choose(2)
    group.reload()
    assert not group.is_visible("heatmap")


def test_the_same_photo_again_replaces_its_group(group, result, imagery):
    from qgis_plugin.layers import build_group

    again = [step for step in build_group(result, result.peak) if step is not None]
    assert len(QgsProject.instance().layerTreeRoot().findGroups()) == 1
    assert len(again[0].layers) == len(KEYS) - 1
    remove_groups(QgsProject.instance(), result.estimate["photo_sha256"])
    assert list(QgsProject.instance().mapLayers().values()) == [imagery]


def test_a_project_brings_its_groups_back(group, result, tmp_path):
    path = tmp_path / "projet été.qgz"
    assert QgsProject.instance().write(str(path))
    QgsProject.instance().clear()
    assert QgsProject.instance().read(str(path))
    ((found, reopened),) = find_groups(QgsProject.instance())
    assert found == result.path
    assert all(layer.isValid() for layer in reopened.layers.values())
    ramp = reopened.layers["heatmap"].renderer().shader().rasterShaderFunction()
    assert ramp.colorRampItemList()[-1].value == pytest.approx(result.peak)


def test_circle_and_cone_are_true_on_the_ellipsoid(result):
    measure = QgsDistanceArea()
    measure.setEllipsoid("WGS84")
    centre = QgsPointXY(*result.place)
    places = [QgsPointXY(*place) for place in arc(measure, result.place, 50.0, 0.0, 360.0)]
    for place in places:
        assert measure.measureLine(centre, place) == pytest.approx(50.0, abs=1e-3)
    north, east = places[0], places[len(places) // 4]
    assert north.x() == pytest.approx(centre.x(), abs=1e-9) and north.y() > centre.y()
    assert east.x() > centre.x()
    assert read_fov_deg(result) == 360.0
    assert [cone_half_deg(*case) for case in ((74.0, None), (360.0, 12.0), (None, None))] == [
        37.0, 24.0, 10.0,
    ]  # fmt: skip


def test_areas_go_back_and_forth_between_map_and_degrees(result):
    ring, crs = result.ring(1), crs_of(ROTATED)
    area = geometry_in_degrees(
        outline_on_map(ring, crs, QgsProject.instance()), crs, QgsProject.instance()
    )
    corners = area["coordinates"][0]
    for place in ring:
        assert min(math.hypot(place[0] - x, place[1] - y) for x, y in corners) < 1e-6
    beyond = QgsRectangle(1e9, 1e9, 2e9, 2e9)
    mercator = crs_of(MERCATOR)
    shape = outline_on_map(ring, mercator, QgsProject.instance()).fromRect(beyond)
    assert geometry_in_degrees(shape, mercator, QgsProject.instance()) is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"features": []}', '{"features": [{"properties": {"kind": "estimate"}}]}'],
    ids=["empty", "list", "no features", "no geometry"],
)
def test_what_is_no_result_is_refused_by_name(tmp_path, text):
    path = tmp_path / "strange.geojson"
    path.write_text(text)
    with pytest.raises(ResultError, match=r"strange\.geojson"):
        read_result(path)
    with pytest.raises(ResultError, match="cannot be read"):
        read_result(tmp_path / "missing.geojson")


def test_directions_agree_with_the_ellipsoid(result):
    from qgis_plugin.sight import azimuth_at, column_of, tile_frame

    ring = result.ring(1)
    frame = tile_frame(ring, ring[3])
    assert (frame.u, frame.v) == (pytest.approx(0.0), pytest.approx(0.0))
    measure = QgsDistanceArea()
    measure.setEllipsoid("WGS84")
    bearing = math.degrees(measure.bearing(QgsPointXY(*ring[0]), QgsPointXY(*ring[3])))
    assert frame.up_deg == pytest.approx(bearing, abs=0.05)
    for fov_deg in (40.0, 74.0, 120.0, 200.0, 360.0):
        for share in (0.01, 0.3, 0.5, 0.99):
            azimuth_deg = azimuth_at(share, 350.0, fov_deg)
            assert column_of(azimuth_deg, 350.0, fov_deg) == pytest.approx(share)
    assert azimuth_at(1.0, 350.0, 90.0) == pytest.approx(35.0)
    assert column_of(180.0, 0.0, 74.0) is None

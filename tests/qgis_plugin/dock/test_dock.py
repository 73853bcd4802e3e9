"""The dock with the real engine: from a drop to layers on the map, and everything in between."""

import json
import os
import shutil
import signal
import stat
from collections import Counter
from pathlib import Path

import pytest
from qgis.core import (
    QgsDistanceArea,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QMimeData, Qt, QUrl
from qgis.PyQt.QtGui import QImage
from qgis.PyQt.QtWidgets import QApplication

from qgis_plugin.directions import FOR
from qgis_plugin.mapping import place_on_map
from qgis_plugin.widgets.photo_layer import PhotoLayerDialog, find_photo
from qgis_plugin.words import verdict_text

LONG_S = 120
BUSY_MS = 100.0


def names():
    """Names of the layers in the topmost group."""
    top = QgsProject.instance().layerTreeRoot().children()[0]
    return [node.name() for node in top.findLayers()] if hasattr(top, "findLayers") else []


def metres(place, other):
    """Distance on the ellipsoid."""
    measure = QgsDistanceArea()
    measure.setEllipsoid("WGS84")
    return measure.measureLine(QgsPointXY(*place), QgsPointXY(*other))


def project():
    """The open project."""
    return QgsProject.instance()


def holds(area, lon, lat):
    """Tell whether a GeoJSON polygon holds a place."""
    assert area["type"] == "Polygon"
    ring = [QgsPointXY(*point) for point in area["coordinates"][0]]
    return QgsGeometry.fromPolygonXY([ring]).contains(QgsPointXY(lon, lat))


def test_a_dropped_photo_ends_as_layers_on_the_map(open_dock, city, drop_on, wait, busy):
    assert drop_on(open_dock.photo_box.view, city.photos[0])
    wait(lambda: open_dock.result is not None, LONG_S)
    assert metres(open_dock.result.place, city.truth[0]) < 10.0
    assert names()[:3] == ["Estimate", "Position in the photo's EXIF", "Radius and heading"]
    assert "Likelihood" in names() and "Candidate tiles" in names()
    assert open_dock.candidates.model().rowCount() == 10
    assert open_dock.photo_box.view.has_preview()
    assert "EXIF GPS present, not used" in open_dock.photo_box.gps_label.text()
    assert open_dock.verdict.title_label.text().startswith("Located")
    assert busy() < BUSY_MS


def test_a_long_foreign_path_dropped_before_there_is_an_index(dock, city, tmp_path, drop_on, wait):
    photo = tmp_path / "ø ünï 写真" / ("lång " * 30 + "名.jpg")
    photo.parent.mkdir()
    shutil.copy(city.photos[1], photo)
    drop_on(dock.photo_box.view, photo)
    wait(dock.photo_box.view.has_preview, LONG_S)
    assert "index" in dock.run_bar.bar.text()
    dock.open_index(str(city.index))
    wait(lambda: dock.result is not None, LONG_S)
    assert dock.result.estimate["photo"] == photo.name
    assert "…" in dock.photo_box.name_label.text()


def test_text_and_files_that_are_no_photos_are_refused(dock, tmp_path, drop_on):
    view = dock.photo_box.view
    note = tmp_path / "note.txt"
    note.write_text("no photo")
    assert not drop_on(view, text="a text")
    assert not drop_on(view, note)


def test_pasting_a_file_a_path_and_a_picture(dock, city, wait):
    chosen = []
    dock.photo_box.photo_chosen.disconnect()
    dock.photo_box.photo_chosen.connect(chosen.append)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(city.photos[0]))])
    QApplication.clipboard().setMimeData(mime)
    dock.photo_box.paste()
    QApplication.clipboard().setText(f'"{city.photos[1]}"')
    dock.photo_box.paste()
    assert chosen == [str(city.photos[0]), str(city.photos[1])]
    dock.photo_box.view.show_preview(city.photos[0])
    QApplication.clipboard().setImage(dock.photo_box.view._pixmap.toImage())
    dock.photo_box.paste()
    wait(lambda: len(chosen) == 3)
    assert chosen[2].endswith(".png") and Path(chosen[2]).stat().st_size > 1000


def test_a_photo_from_a_layer_of_points(dock, city, wait):
    layer = QgsVectorLayer("Point?crs=EPSG:4326&field=id:int&field=photo:string", "p", "memory")
    project().addMapLayer(layer)
    feature = QgsFeature(layer.fields())
    feature["photo"] = f"photos/{city.photos[2].name}"
    feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(*city.truth[2])))
    layer.dataProvider().addFeatures([feature])
    project().write(str(city.folder / "project.qgz"))
    assert find_photo(feature["photo"], layer, project()) == city.photos[2].resolve()
    assert find_photo("photos/none.jpg", layer, project()) is None
    assert find_photo(" ", layer, project()) is None
    dialog, chosen = PhotoLayerDialog(dock), []
    dialog.photo_chosen.connect(chosen.append)
    assert dialog.field_box.currentField() == "photo"
    dialog.accept()
    assert not chosen and "Choose" in dialog.message.text()
    dialog.feature_box.setFeature(next(layer.getFeatures()).id())
    wait(lambda: dialog.feature_box.feature().isValid())
    dialog.accept()
    assert chosen == [str(city.photos[2].resolve())]


def test_an_unreadable_photo_says_so_and_the_next_one_works(dock, city, tmp_path, drop_on, wait):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8 not really")
    drop_on(dock.photo_box.view, broken)
    wait(lambda: dock.messages, LONG_S)
    assert "broken.jpg" in dock.messages[0]
    drop_on(dock.photo_box.view, city.photos[0])
    wait(dock.photo_box.view.has_preview, LONG_S)


def test_cancel_brings_the_dock_to_rest_at_once(open_dock, city, drop_on, wait):
    drop_on(open_dock.photo_box.view, city.photos[0])
    wait(lambda: open_dock.search.running, LONG_S)
    open_dock.run_bar.cancel_button.click()
    assert not open_dock.search.running
    assert open_dock.run_bar.bar.text() == "Cancelled"
    assert open_dock.run_bar.start_button.isEnabled()


def test_the_engine_is_killed_at_work_and_works_again(shown_dock, city, drop_on, wait):
    layers = names()
    drop_on(shown_dock.photo_box.view, city.photos[1])
    wait(lambda: shown_dock.search.running, LONG_S)
    os.kill(shown_dock.station._engine.facts["pid"], signal.SIGKILL)
    wait(lambda: shown_dock.messages, LONG_S)
    assert not shown_dock.search.running and shown_dock.run_bar.start_button.isEnabled()
    assert names() == layers
    wait(lambda: shown_dock.station._engine.state == "ready", LONG_S)
    shown_dock.run_bar.start_button.click()
    wait(lambda: shown_dock.result is not None, LONG_S)


def test_review_by_keys_is_kept_in_the_file(shown_dock, qtbot, wait):
    listed = shown_dock.candidates
    listed.setFocus()
    qtbot.keyClick(listed, Qt.Key.Key_Down)
    assert listed.rank() == 2
    qtbot.keyClick(listed, Qt.Key.Key_A)
    qtbot.keyClick(listed, Qt.Key.Key_Down)
    qtbot.keyClick(listed, Qt.Key.Key_R)
    shown_dock._conclude("strong possibility", "crane matches")
    saved = json.loads(shown_dock.result.path.read_text(encoding="utf-8"))["features"]
    by_rank = {
        f["properties"]["rank"]: f["properties"]["analyst_confidence"]
        for f in saved
        if f["properties"]["kind"] == "candidate"
    }
    assert (by_rank[1], by_rank[2], by_rank[3]) == (None, "verified", "false")
    estimate = saved[0]["properties"]
    assert estimate["analyst_confidence"] == "strong possibility"
    assert estimate["analyst_note"] == "crane matches"
    chosen = shown_dock.group.layers["chosen"]
    assert [feature["rank"] for feature in chosen.getFeatures()] == [2]
    shown = shown_dock.group.layers["candidates"]
    assert {f["rank"]: f["analyst_confidence"] for f in shown.getFeatures()}[3] == "false"
    qtbot.keyClick(listed, Qt.Key.Key_R)
    assert shown_dock.result.candidates[2]["analyst_confidence"] is None


def test_photo_and_tile_look_the_same_way(shown_dock, qtbot):
    evidence, heading_deg = shown_dock.evidence, shown_dock.result.heading_deg()
    frame = evidence.photo_panel._frame()
    qtbot.mouseMove(evidence.photo_panel, frame.center())
    evidence.photo_panel._point(0.75)
    assert evidence.tile_panel._ray_deg == pytest.approx((heading_deg + 90.0) % 360.0)
    up_deg = evidence.tile_panel._place.up_deg
    assert evidence.tile_panel.turn_deg() == pytest.approx(up_deg - heading_deg)
    evidence.up_check.setChecked(False)
    assert evidence.tile_panel.turn_deg() == pytest.approx(up_deg)
    assert not evidence.grab().isNull()


def colours_in(widget):
    """Colours of the picture of a widget, by how many pixels have them."""
    image = widget.grab().toImage()
    pixels = (image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height()))
    return Counter(colour.name() for colour in pixels)


def test_each_direction_says_what_it_adds(shown_dock, city):
    evidence = shown_dock.evidence
    lines = evidence.label.text()
    evidence.photo_panel._point(0.6)
    said = evidence.label.text()
    assert said.startswith(lines.strip()) and " here" in said and "°:" in said
    evidence.photo_panel._point(None)
    assert evidence.label.text() == lines
    assert colours_in(evidence.photo_panel)[FOR] > 50
    photo = evidence.photo_panel
    photo.show_photo(photo._pixmap, 0.0, 360.0)
    assert FOR not in colours_in(photo)


def test_what_the_answer_rests_on_is_said(shown_dock):
    said = shown_dock.basis.label.text()
    assert "Question" in said and "full circle" in said and "Limits" in said
    assert "Candidate #1" in said and "All directions together" in said
    assert "Known beforehand" not in said
    shown_dock.result.estimate["priors"] = ["position in the file", 3]
    shown_dock.result.estimate["together"] = ["a.jpg", "b.jpg"]
    shown_dock.basis.show_candidate(shown_dock.result, 1)
    said = shown_dock.basis.label.text()
    assert "Known beforehand\n• position in the file\n" in said and "• b.jpg" in said
    shown_dock._show_result(None, None)
    assert shown_dock.basis.label.text() == ""


def test_words_are_no_surer_than_the_figures():
    estimate = {"lon": -1.5, "lat": -2.0, "probability": 0.001, "radius_50_m": 3.25}
    estimate.update(radius_90_m=2500.0, outside_probability=0.9, verdict="ambiguous")
    text = verdict_text({**estimate, "confidence": "weak"})
    assert "not calibrated" in text and "<\u00a01\u00a0%" in text
    assert "2.000000°\u00a0S, 1.500000°\u00a0W" in text and "2.5\u00a0km" in text
    outside = verdict_text({**estimate, "verdict": "not_in_area"})
    assert "90\u00a0%" in outside and "should not be relied on" in outside


def test_the_gps_of_the_file_is_used_only_when_chosen(open_dock, asked, city, drop_on, wait):
    drop_on(open_dock.photo_box.view, city.photos[0])
    wait(lambda: asked, LONG_S)
    box = open_dock.options.near_box
    for choice in ("only", "probably", "unused"):
        box.setCurrentIndex(box.findData(choice))
        used = "EXIF GPS used" in open_dock.photo_box.gps_label.text()
        assert used == (choice != "unused")
        open_dock.locate()
    first, only, probably, unused = asked
    assert only["near"][2] == probably["exif_radius_m"] == 500.0
    assert "exif_radius_m" not in only and "near" not in probably
    assert not {"near", "exif_radius_m"} & {*first, *unused}


def test_heading_and_field_of_view_by_hand(open_dock, asked, tmp_path, drop_on, wait):
    photo = tmp_path / "bare.jpg"
    image = QImage(640, 480, QImage.Format.Format_RGB32)
    image.fill(0x8899AA)
    assert image.save(str(photo))
    drop_on(open_dock.photo_box.view, photo)
    wait(open_dock.photo_box.view.has_preview, LONG_S)
    assert not open_dock.options.isCollapsed() and open_dock.options.fov_spin.isEnabled()
    assert "field of view" in open_dock.run_bar.bar.text()
    assert not asked
    open_dock.options.fov_spin.setValue(65.0)
    heading = open_dock.options.heading_box
    heading.setCurrentIndex(heading.findData("hand"))
    open_dock.options.heading_spin.setValue(123.0)
    open_dock.options.heading_std_spin.setValue(15.0)
    open_dock.run_bar.start_button.click()
    heading.setCurrentIndex(heading.findData("unknown"))
    open_dock.locate()
    assert (asked[0]["fov_deg"], asked[0]["heading_deg"]) == (65.0, 123.0)
    assert asked[0]["heading_std_deg"] == 15.0
    assert asked[1]["heading_deg"] == "unknown" and "heading_std_deg" not in asked[1]


def test_search_inside_the_map_and_inside_polygons(
    open_dock, asked, city, qgis_canvas, drop_on, wait
):
    drop_on(open_dock.photo_box.view, city.photos[0])
    wait(lambda: asked, LONG_S)
    lon, lat = city.truth[0]
    centre = place_on_map((lon, lat), qgis_canvas.mapSettings().destinationCrs(), project())
    qgis_canvas.setExtent(QgsRectangle.fromCenterAndSize(centre, 200.0, 200.0))
    box = open_dock.options.area_box
    box.setCurrentIndex(box.findData("canvas"))
    open_dock.locate()
    assert holds(asked[1]["area"], lon, lat)
    layer = QgsVectorLayer("Polygon?crs=EPSG:32746", "area", "memory")
    project().addMapLayer(layer)
    box.setCurrentIndex(box.findData("layer"))
    open_dock.options.layer_box.setLayer(layer)
    open_dock.locate()
    assert "no polygons" in open_dock.messages[-1] and len(asked) == 2
    feature = QgsFeature()
    centre = place_on_map((lon, lat), layer.crs(), project())
    feature.setGeometry(QgsGeometry.fromPointXY(centre).buffer(80.0, 8))
    layer.dataProvider().addFeatures([feature])
    open_dock.locate()
    assert holds(asked[2]["area"], lon, lat) and not holds(asked[2]["area"], lon + 0.002, lat)


def test_an_index_that_was_moved_is_opened_in_its_new_place(dock, city, tmp_path, wait):
    moved = tmp_path / "elsewhere" / "city.cvgl"
    dock.open_index(str(moved))
    wait(lambda: dock.messages, LONG_S)
    assert str(moved) in dock.messages[0] and "moved" in dock.messages[0]
    shutil.copytree(city.index, moved)
    dock.open_index(str(moved))
    wait(dock.index_bar.path, LONG_S)
    assert dock.index_bar.path() == str(moved)
    assert "151 tiles" in dock.index_bar.box.currentText()


def test_an_index_whose_files_are_gone_is_named(open_dock, city, tmp_path, drop_on, wait):
    copy = tmp_path / "copy.cvgl"
    shutil.copytree(city.index, copy)
    open_dock.open_index(str(copy))
    wait(lambda: open_dock.index_bar.path() == str(copy), LONG_S)
    shutil.rmtree(copy / "shards")
    drop_on(open_dock.photo_box.view, city.photos[0])
    wait(lambda: open_dock.messages, LONG_S)
    assert "copy.cvgl" in open_dock.messages[0]
    assert open_dock.result is None


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be made read-only this way on Windows")
def test_results_that_cannot_be_written_are_reported(open_dock, city, tmp_path, drop_on, wait):
    from qgis_plugin import settings

    blocked = tmp_path / "a file, not a folder"
    blocked.write_text("")
    blocked.chmod(stat.S_IRUSR)
    settings.set_results_folder(blocked)
    drop_on(open_dock.photo_box.view, city.photos[0])
    wait(lambda: open_dock.messages, LONG_S)
    assert "cannot be written" in open_dock.messages[0] and "settings" in open_dock.messages[0]


def test_no_engine_is_said_in_words(dock, wait):
    from qgis_plugin import settings
    from qgis_plugin.station import Station

    settings.set_engine_command("/nowhere/python")
    station, states = Station(dock), []
    station.state_changed.connect(lambda state, text: states.append((state, text)))
    failures = []
    station.request("info", {}).failed.connect(lambda *failure: failures.append(failure))
    wait(lambda: failures)
    assert failures[0][0] == "EngineNotFound" and states[0][0] == "failed"
    assert "/nowhere/python" in station.diagnostics()


def test_unloading_leaves_nothing(imagery, station, fresh_settings, qgis_iface, wait):
    from qgis_plugin.dock import CvglDock

    dock = CvglDock(qgis_iface)
    dock.show()
    wait(lambda: dock.station._engine.facts, LONG_S)
    pid = dock.station._engine.facts["pid"]
    dock.close_down()
    wait(lambda: not _alive(pid), 10)


def _alive(pid):
    """Tell whether a process runs."""
    try:
        with Path(f"/proc/{pid}/stat").open() as file:
            return file.read().split()[2] != "Z"
    except OSError:
        return False

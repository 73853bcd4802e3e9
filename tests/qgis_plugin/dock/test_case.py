"""A case: saved in one folder, opened on what stands for another machine."""

import os
import shutil
import sqlite3
import stat

import pytest
from qgis.core import QgsProject

from qgis_plugin.case import CaseError, open_case, save_case
from qgis_plugin.result import ResultError


def last(steps):
    """Do all steps and return what the last one brings."""
    return [step for step in steps if step is not None][-1]


@pytest.fixture
def case(result, group, tmp_path):
    """A case in a folder with a difficult name."""
    result.judge(2, "verified")
    result.conclude("possible", "Zwei Türme, ein Kran")
    result.save()
    return last(save_case(result, group, tmp_path / "Fall №1 é" / "case"))


def test_a_case_opens_elsewhere_with_its_styles(case, result, group, tmp_path):
    styles = {key: layer.renderer().type() for key, layer in group.layers.items()}
    peak = top_of_ramp(group.layers["heatmap"])
    elsewhere = tmp_path / "other machine"
    shutil.move(str(case.parent), str(elsewhere))
    shutil.rmtree(result.path.parent)
    QgsProject.instance().clear()
    opened, reopened = last(open_case(elsewhere / case.name))
    assert {key: layer.renderer().type() for key, layer in reopened.layers.items()} == styles
    assert top_of_ramp(reopened.layers["heatmap"]) == pytest.approx(peak)
    assert reopened.layers["candidates"].labelsEnabled()
    assert opened.accepted() == 2
    assert opened.estimate["analyst_note"] == "Zwei Türme, ein Kran"
    assert opened.photo.is_file() and opened.tile(1).is_file()
    for layer in reopened.layers.values():
        assert str(elsewhere) in layer.source()


def top_of_ramp(layer):
    """Return the value of the ramp's last colour."""
    return layer.renderer().shader().rasterShaderFunction().colorRampItemList()[-1].value


def test_the_geopackage_alone_brings_its_styles(case, group):
    with sqlite3.connect(case) as database:
        tables = {row[0] for row in database.execute("SELECT table_name FROM gpkg_contents")}
        styled = {row[0] for row in database.execute("SELECT f_table_name FROM layer_styles")}
        default = database.execute("SELECT min(useAsDefault) FROM layer_styles").fetchone()
    vectors = set(group.layers) - {"heatmap", "contours"}
    assert styled == vectors and vectors <= tables and default == (1,)


def test_a_case_names_no_path_of_the_machine(case, tmp_path):
    for path in case.parent.rglob("*"):
        if path.suffix in (".gpkg", ".geojson", ".qml"):
            assert str(tmp_path).encode() not in path.read_bytes(), path.name


def test_a_case_can_be_saved_again(case, result, group):
    result.conclude("false", "")
    result.save()
    group.reload()
    assert last(save_case(result, group, case.parent)) == case
    QgsProject.instance().clear()
    opened, reopened = last(open_case(case))
    assert opened.estimate["analyst_confidence"] == "false"
    (estimate,) = reopened.layers["estimate"].getFeatures()
    assert estimate["analyst_confidence"] == "false"


@pytest.mark.skipif(os.name == "nt", reason="permissions are others on Windows")
def test_a_folder_that_cannot_be_written_is_named(result, group, tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("")
    taken.chmod(stat.S_IRUSR)
    with pytest.raises(CaseError, match=r"taken.*cannot be written"):
        last(save_case(result, group, taken / "case"))
    with pytest.raises(CaseError, match="holds the result itself"):
        last(save_case(result, group, result.path.parent))


def test_what_is_no_case_is_refused(result, tmp_path):
    with pytest.raises(ResultError, match=r"nothing\.geojson"):
        last(open_case(tmp_path / "nothing.gpkg"))
    shutil.copy(result.path, tmp_path / "alone.geojson")
    (tmp_path / "alone.gpkg").write_bytes(b"")
    with pytest.raises(CaseError, match="holds no layers"):
        last(open_case(tmp_path / "alone.gpkg"))
    assert not QgsProject.instance().layerTreeRoot().findGroups()


def test_the_dock_opens_a_case_and_a_project(dock, case, result, tmp_path, wait):
    dock.open_case(str(case))
    wait(lambda: dock.result is not None)
    assert dock.result.path.parent == case.parent
    assert dock.photo_box.view.has_preview()
    assert dock.finding.note_edit.text() == "Zwei Türme, ein Kran"
    path = tmp_path / "project.qgz"
    assert QgsProject.instance().write(str(path))
    QgsProject.instance().clear()
    dock._show_result(None, None)
    assert QgsProject.instance().read(str(path))
    assert dock.result is not None and dock.group.layers["heatmap"].isValid()

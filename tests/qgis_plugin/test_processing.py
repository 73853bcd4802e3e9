"""The Processing algorithms in real QGIS, with the real engine on a small simulated city."""

import csv
import json
import os
import shutil
import subprocess
import threading
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace

import pytest
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelParameter,
    QgsProcessingParameterFile,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

from qgis_plugin.engine.environment import scrubbed_environment
from qgis_plugin.processing.engine_run import run_engine
from qgis_plugin.processing.provider import CvglProvider
from qgis_plugin.settings import set_engine_command

PYTHON = os.environ.get("CVGL_PYTHON", "")
pytestmark = pytest.mark.skipif(
    not Path(PYTHON).is_file(), reason="CVGL_PYTHON names no Python with cvgl: see make test-qgis"
)


def cvgl(program, *arguments):
    command = [str(Path(PYTHON).parent / program), *map(str, arguments)]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env=scrubbed_environment()
    ).stdout


class Feedback(QgsProcessingFeedback):
    """Keeps what it is told."""

    def __init__(self):
        super().__init__(False)
        self.shares, self.said, self.errors = [], [], []
        self.progressChanged.connect(self.shares.append)

    def pushInfo(self, text):
        self.said.append(text)

    def reportError(self, text, fatal=False):
        self.errors.append(text)


@pytest.fixture(autouse=True)
def no_engine_in_the_settings():
    set_engine_command("")


@pytest.fixture(scope="module")
def provider(qgis_app):
    """The provider in the registry, as the plugin puts it there."""
    made = CvglProvider()
    assert QgsApplication.processingRegistry().addProvider(made)
    yield made
    QgsApplication.processingRegistry().removeProvider(made)


@pytest.fixture
def run(provider):
    """Run an algorithm to its end; returns results, feedback and context."""

    def call(name, **parameters):
        algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"cvgl:{name}")
        context, feedback = QgsProcessingContext(), parameters.pop("feedback", Feedback())
        context.setProject(QgsProject.instance())
        possible, why = algorithm.checkParameterValues(parameters, context)
        assert possible, why
        results, good = algorithm.run(parameters, context, feedback)
        return SimpleNamespace(results=results, good=good, feedback=feedback, context=context)

    return call


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """A city of 300 m, three photos of it, a text that calls itself a photo, and the index."""
    folder = tmp_path_factory.mktemp("Städte & Dörfer")
    made = folder / "city"
    cvgl(
        "cvgl",
        "simulate",
        "city",
        "-o",
        made,
        "--seed",
        31,
        "--size-m",
        300,
        "--gsd-m",
        0.5,
        "--photos",
        3,
    )
    index = folder / "city.cvgl"
    cvgl("cvgl-tile", "build", made / "ortho.tif", "-o", index)
    photos = made / "photos"
    (photos / "zz no photo.jpg").write_text("this is no image")
    (photos / "notes.txt").write_text("passed over")
    return SimpleNamespace(ortho=made / "ortho.tif", photos=photos, index=index, folder=folder)


@pytest.fixture(scope="module")
def located(city, provider, tmp_path_factory):
    """The photos of the city, located into a folder."""
    folder = tmp_path_factory.mktemp("results")
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("cvgl:locatephotos")
    context, feedback = QgsProcessingContext(), Feedback()
    context.setProject(QgsProject.instance())
    parameters = {
        "FOLDER": str(city.photos),
        "INDEX": str(city.index),
        "RESULTS": str(folder),
        "REPORT": True,
        "OUTPUT": str(folder / "places.gpkg"),
    }
    results, good = algorithm.run(parameters, context, feedback)
    assert good, feedback.errors
    return SimpleNamespace(folder=folder, results=results, feedback=feedback)


def test_the_registry_knows_the_algorithms(provider):
    registry = QgsApplication.processingRegistry()
    names = {"buildindex", "locatephotos", "exportfindings"}
    assert {algorithm.name() for algorithm in provider.algorithms()} == names
    for name in names:
        algorithm = registry.algorithmById(f"cvgl:{name}")
        assert algorithm.displayName()
        assert algorithm.shortHelpString()
        assert algorithm.createInstance().name() == name
        described = {p.name() for p in algorithm.parameterDefinitions()}
        assert all(p.description() for p in algorithm.parameterDefinitions())
        assert "OUTPUT" in described


def test_builds_an_index_from_a_layer_and_an_extent(run, city, tmp_path):
    layer = QgsRasterLayer(str(city.ortho), "ortho")
    whole = layer.extent()
    part = f"{whole.xMinimum()},{whole.xMinimum() + 180},{whole.yMinimum()},{whole.yMaximum()}"
    done = run(
        "buildindex",
        INPUT=[layer],
        EXTENT=f"{part} [{layer.crs().authid()}]",
        OUTPUT=str(tmp_path / "teil.cvgl"),
    )
    assert done.good, done.feedback.errors
    facts = json.loads(cvgl("cvgl-tile", "info", tmp_path / "teil.cvgl", "--json"))
    assert done.results["TILES"] == facts["tiles"]
    assert done.results["INDEX_ID"] == facts["index_id"]
    everything = json.loads(cvgl("cvgl-tile", "info", city.index, "--json"))
    assert 0 < facts["tiles"] < everything["tiles"]
    assert done.feedback.shares[-1] == 100.0
    assert sorted(done.feedback.shares) == done.feedback.shares


def test_photos_of_one_walk_are_located_together(run, city, tmp_path):
    done = run(
        "locatephotos", FOLDER=str(city.photos), INDEX=str(city.index), OUTPUT="memory:",
        RESULTS=str(tmp_path / "out"), TOGETHER=True, HEADING_STD=20.0, EXIF_RADIUS=100.0,
    )  # fmt: skip
    assert done.good, done.feedback.errors
    way, *places = json.loads((tmp_path / "out" / "together.geojson").read_text())["features"]
    assert len(places) == len(way["properties"]["photos"]) == 3
    told = "\n".join(places[0]["properties"]["priors"])
    assert "± 20 degrees" in told and "100 m in 95 of 100" in told and "2 more" in told


def test_a_cancelled_build_goes_on(run, city, tmp_path):
    feedback = Feedback()
    stopped_s = []

    def stop(share):
        if share > 0.0 and not stopped_s:
            stopped_s.append(time.monotonic())
            feedback.cancel()

    feedback.progressChanged.connect(stop)
    parameters = {"INPUT": [str(city.ortho)], "OUTPUT": str(tmp_path / "c.cvgl")}
    done = run("buildindex", feedback=feedback, **parameters)
    assert time.monotonic() - stopped_s[0] < 6.0
    assert done.results == {}
    again = run("buildindex", **parameters)
    assert again.good, again.feedback.errors
    assert "every byte" in cvgl("cvgl-tile", "verify", tmp_path / "c.cvgl")
    whole = json.loads(cvgl("cvgl-tile", "info", city.index, "--json"))
    assert again.results["TILES"] == whole["tiles"]
    assert again.results["INDEX_ID"] == whole["index_id"]


def test_cancelling_ends_the_process(city, tmp_path):
    feedback = Feedback()
    threading.Timer(0.3, feedback.cancel).start()
    seen = []
    start_s = time.monotonic()
    done = run_engine(
        "cvgl-tile", ["build", str(city.ortho), "-o", str(tmp_path / "x")], feedback, seen.append
    )
    assert done.code is None
    assert time.monotonic() - start_s < 6.0
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    if children.exists():
        commands = [Path(f"/proc/{pid}/cmdline") for pid in children.read_text().split()]
        assert not [c for c in commands if c.exists() and b"tiling" in c.read_bytes()]


def test_a_layer_that_is_no_file_is_refused(run, tmp_path):
    layer = QgsRasterLayer("type=xyz&url=https://example.org/{z}/{x}/{y}.png", "xyz", "wms")
    QgsProject.instance().addMapLayer(layer)
    done = run("buildindex", INPUT=[layer], OUTPUT=str(tmp_path / "c.cvgl"))
    assert not done.good
    assert "is no raster file" in done.feedback.errors[-1]


def test_every_photo_is_a_row_failures_too(located, city):
    layer = QgsVectorLayer(located.results["OUTPUT"], "places", "ogr")
    assert layer.crs() == QgsCoordinateReferenceSystem("EPSG:4326")
    rows = {Path(row["photo"]).name: row for row in layer.getFeatures()}
    assert len(rows) == 4
    bad = rows.pop("zz no photo.jpg")
    assert bad.geometry().isEmpty()
    assert bad["error"] == "PhotoOpenError"
    assert "zz no photo.jpg" in bad["message"]
    area = json.loads(cvgl("cvgl-tile", "info", city.index, "--json"))["bbox"]
    for row in rows.values():
        place = row.geometry().asPoint()
        assert area[0] <= place.x() <= area[2] and area[1] <= place.y() <= area[3]
        assert row["lon"] == pytest.approx(place.x())
        assert row["verdict"] in ("located", "ambiguous", "not_in_area")
        assert len(row["photo_sha256"]) == 64
    assert (located.results["LOCATED"], located.results["FAILED"]) == (3, 1)
    assert located.feedback.shares[-1] == 100.0


def test_the_folder_holds_what_each_photo_got(located, city):
    photos = sorted(path.stem for path in city.photos.iterdir() if path.suffix == ".jpg")[:3]
    for suffix in (".geojson", ".heatmap.tif", ".html"):
        assert (
            sorted(path.name.removesuffix(suffix) for path in located.folder.glob(f"*{suffix}"))
            == photos
        )
    heatmap = QgsRasterLayer(str(located.folder / f"{photos[0]}.heatmap.tif"), "heat")
    assert heatmap.isValid() and heatmap.crs().isValid()
    (failure,) = (located.folder / "failures.jsonl").read_text("utf-8").splitlines()
    assert json.loads(failure)["type"] == "Failure"


def test_photos_of_a_layer(run, city):
    layer = QgsVectorLayer("Point?field=path:string&field=other:string", "photos", "memory")
    photos = sorted(city.photos.glob("*.jpg"))[:2]
    for photo in photos:
        feature = QgsFeature(layer.fields())
        feature["path"] = str(photo)
        layer.dataProvider().addFeature(feature)
    QgsProject.instance().addMapLayer(layer)
    done = run(
        "locatephotos", LAYER=layer, FIELD="path", INDEX=str(city.index), OUTPUT="memory:",
        HEADING="90", FOV=80.0, CANDIDATES=3,
    )  # fmt: skip
    assert done.good, done.feedback.errors
    made = done.context.getMapLayer(done.results["OUTPUT"])
    rows = list(made.getFeatures())
    assert sorted(row["photo"] for row in rows) == [photo.name for photo in photos]
    # The heading asked for is from true north, and stays it up to what rounding leaves.
    assert [row["heading_deg"] for row in rows] == pytest.approx([90.0, 90.0], abs=0.1)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "Give a folder of photos or a layer"),
        ({"FOLDER": "empty"}, "no photos"),
        ({"FOLDER": "photos", "HEADING": "north"}, "--heading"),
        ({"FOLDER": "photos", "INDEX": "empty"}, "empty"),
    ],
    ids=["nothing", "empty", "heading", "no index"],
)
def test_what_is_wrong_is_said(run, city, tmp_path, parameters, words):
    (tmp_path / "empty").mkdir()
    places = {"empty": str(tmp_path / "empty"), "photos": str(city.photos)}
    named = {key: places.get(value, value) for key, value in parameters.items()}
    done = run("locatephotos", **({"INDEX": str(city.index), "OUTPUT": "memory:"} | named))
    assert not done.good
    assert words in "\n".join(done.feedback.errors)


def test_without_an_engine_the_way_to_one_is_said(run, city, monkeypatch, tmp_path):
    monkeypatch.setenv("CVGL_PYTHON", str(tmp_path / "nowhere"))
    done = run("locatephotos", FOLDER=str(city.photos), INDEX=str(city.index), OUTPUT="memory:")
    assert not done.good
    assert "nowhere" in "\n".join(done.feedback.errors)


def test_a_poisoned_environment_does_no_harm(run, city, monkeypatch, tmp_path):
    for name in ("PYTHONHOME", "PROJ_LIB", "GDAL_DATA", "LD_LIBRARY_PATH", "QT_PLUGIN_PATH"):
        monkeypatch.setenv(name, "/usr/share/proj")
    monkeypatch.setenv("PYTHONPATH", "/usr/share/qgis/python:/usr/lib/python3/dist-packages")
    done = run("exportfindings", INPUT=str(tmp_path), OUTPUT=str(tmp_path / "out"), FORMATS=[1])
    assert not done.good
    assert "neither a result nor a failure" in "\n".join(done.feedback.errors)


def test_findings_go_out_with_the_analysts_words(run, located, tmp_path):
    folder = tmp_path / "case"
    shutil.copytree(located.folder, folder)
    judged = sorted(folder.glob("*.geojson"))[0]
    collection = json.loads(judged.read_text("utf-8"))
    collection["features"][0]["properties"] |= {
        "analyst_confidence": "strong possibility",
        "analyst_note": "=the green door",
    }
    judged.write_text(json.dumps(collection), "utf-8")
    done = run(
        "exportfindings", INPUT=str(folder), FORMATS=list(range(7)), OUTPUT=str(tmp_path / "out")
    )
    assert done.good, done.feedback.errors
    out = Path(done.results["OUTPUT"])
    with (out / "findings.csv").open(encoding="utf-8", newline="") as stream:
        rows = {Path(row["photo"]).name: row for row in csv.DictReader(stream)}
    assert len(rows) == 4
    row = rows[collection["features"][0]["properties"]["photo"]]
    assert row["analyst_confidence"] == "strong possibility"
    assert row["analyst_note"] == "'=the green door"
    assert (out / row["report"]).resolve() == judged.with_suffix(".html").resolve()
    kml = ET.parse(out / "findings.kml").getroot()
    folders = [e.text for e in kml.iter("{http://www.opengis.net/kml/2.2}name")]
    assert folders.count("Search grid") == 3
    layer = QgsVectorLayer(f"{out / 'findings.gpkg'}|layername=estimate", "e", "ogr")
    assert layer.featureCount() == 3
    assert layer.renderer().type() == "categorizedSymbol", "its style comes with it"
    cells = QgsVectorLayer(f"{out / 'findings.gpkg'}|layername=search_cell", "c", "ogr")
    assert len(cells.renderer().categories()) == 5
    (again,) = (p for p in (out / "geojson").glob("*.geojson") if p.name == judged.name)
    assert json.loads(again.read_text("utf-8")) == collection
    assert (out / "findings.parquet").read_bytes()[:4] == b"PAR1"
    places, grid = (out / f"findings{ending}" for ending in (".geojson", ".grid.geojson"))
    assert len(json.loads(places.read_text("utf-8"))["features"]) == 4
    assert json.loads(grid.read_text("utf-8"))["features"]


def test_coarse_findings(run, located, tmp_path):
    done = run(
        "exportfindings", INPUT=str(located.folder), FORMATS=[1], COARSEN=1000.0,
        OUTPUT=str(tmp_path / "out"),
    )  # fmt: skip
    assert done.good, done.feedback.errors
    with (tmp_path / "out" / "findings.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["coarsened_m"] for row in rows} == {"1000.0", ""}
    assert len({row["lon"] for row in rows if row["lon"]}) <= 2, "all in one square, or beside it"


def test_in_a_model(provider, city, tmp_path):
    """Folder of photos -> Locate photos -> Export findings, as a model does it."""
    model = QgsProcessingModelAlgorithm("both", "test")
    parameter = QgsProcessingParameterFile("PHOTOS", behavior=1)
    model.addModelParameter(parameter, QgsProcessingModelParameter("PHOTOS"))
    value = QgsProcessingModelChildParameterSource.fromStaticValue

    def child(name, **sources):
        step = QgsProcessingModelChildAlgorithm(f"cvgl:{name}")
        step.setChildId(name)
        for key, source in sources.items():
            step.addParameterSources(key, [source])
        model.addChildAlgorithm(step)

    results = str(tmp_path / "results")
    child(
        "locatephotos",
        FOLDER=QgsProcessingModelChildParameterSource.fromModelParameter("PHOTOS"),
        INDEX=value(str(city.index)),
        RESULTS=value(results),
        OUTPUT=value("memory:"),
    )
    child(
        "exportfindings",
        INPUT=QgsProcessingModelChildParameterSource.fromChildOutput("locatephotos", "RESULTS"),
        FORMATS=value([1]),
        OUTPUT=value(str(tmp_path / "out")),
    )
    context, feedback = QgsProcessingContext(), Feedback()
    context.setProject(QgsProject.instance())
    _, good = model.run({"PHOTOS": str(city.photos)}, context, feedback)
    assert good, feedback.errors
    assert len((tmp_path / "out" / "findings.csv").read_text("utf-8").splitlines()) == 5


def test_with_qgis_process(city, tmp_path):
    """From a terminal; Debian's wrapper ``qgis_process`` adds an option that it does not know."""
    program = shutil.which("qgis_process.bin")
    if program is None:
        pytest.skip("qgis_process.bin is not installed")
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "cvgl_from_source").symlink_to(Path(__file__).parents[2] / "qgis_plugin")
    environment = dict(
        os.environ,
        QGIS_PLUGINPATH=str(plugins),
        QGIS_CUSTOM_CONFIG_PATH=str(tmp_path / "profile"),
        QT_QPA_PLATFORM="offscreen",
    )
    settings = tmp_path / "profile" / "profiles" / "default" / "QGIS" / "QGIS3.ini"
    settings.parent.mkdir(parents=True)
    settings.write_text("[PythonPlugins]\ncvgl_from_source=true\n")
    done = subprocess.run(
        [program, "--json", "run", "cvgl:locatephotos", f"--FOLDER={city.photos}",
         f"--INDEX={city.index}", f"--OUTPUT={tmp_path / 'places.gpkg'}"],
        capture_output=True, text=True, env=environment, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)["results"]
    assert (results["LOCATED"], results["FAILED"]) == (3, 1)
    layer = QgsVectorLayer(str(tmp_path / "places.gpkg"), "places", "ogr")
    assert layer.featureCount() == 4

"""KML: parsed back, held against the result; the search grid against another sum."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from shapely.geometry import Point, Polygon

from cvgl_core.errors import ResultFileError
from cvgl_core.export.geojson import write_geojson
from cvgl_core.export.heatmap import write_heatmap
from cvgl_core.export.kml import NAMESPACE, write_kml
from cvgl_core.export.saved import coarsened, read_saved
from cvgl_core.export.search_grid import MOST_ACROSS, SHADES, read_search_grid
from cvgl_core.geo import from_lonlat, geodesic_distance_m
from cvgl_core.types import Failure

K = {"k": NAMESPACE}
FAILURES = (Failure("<b>.jpg", "PhotoOpenError", "<b>.jpg: is damaged", 31),)


def write(folder, case, name="street"):
    write_geojson(folder / f"{name}.geojson", case.result)
    write_heatmap(folder / f"{name}.heatmap.tif", case.result)
    return list(read_saved([folder / f"{name}.geojson"]))


def marks(root, folder):
    found = root.find(f".//k:Folder[k:name='{folder}']", K)
    return [] if found is None else found.findall("k:Placemark", K)


def rings(mark, part="outerBoundaryIs"):
    texts = mark.findall(f".//k:{part}/k:LinearRing/k:coordinates", K)
    return [[tuple(map(float, p.split(","))) for p in text.text.split()] for text in texts]


def data(mark):
    return {d.get("name"): d.findtext("k:value", "", K) for d in mark.findall(".//k:Data", K)}


@pytest.fixture
def root(tmp_path, case):
    results = write(tmp_path, case)
    write_kml(tmp_path / "out.kml", [*results, *FAILURES])
    return ET.parse(tmp_path / "out.kml").getroot()


def test_the_estimate_is_a_point_with_all_it_says(root, case):
    mark = root.find(".//k:Folder[k:name='street.jpg']/k:Placemark", K)
    lon, lat = map(float, mark.findtext("k:Point/k:coordinates", "", K).split(","))
    assert (lon, lat) == pytest.approx((case.result.estimate.lon, case.result.estimate.lat))
    assert data(mark)["photo_sha256"] == "ab" * 32
    assert "heading_std_deg" not in data(mark), "null is left out"
    assert mark.findtext("k:LookAt/k:heading", "", K) == "123.4"


def test_candidates_are_ranked_and_coloured(root, case):
    found = marks(root, "Candidates")
    assert [mark.findtext("k:name", "", K).split(":")[0] for mark in found] == list("123456")
    colours = [mark.findtext("k:styleUrl", "", K) for mark in found]
    assert colours[0] == f"#p{len(SHADES) - 1}"
    assert colours == sorted(colours, reverse=True)
    for mark, candidate in zip(found, case.result.candidates, strict=True):
        assert Polygon(rings(mark)[0]).contains(Point(candidate.lon, candidate.lat))
    assert {style.get("id") for style in root.iter(f"{{{NAMESPACE}}}Style")} >= {
        colour[1:] for colour in colours
    }


def test_regions_keep_their_holes(root):
    names = {mark.findtext("k:name", "", K): mark for mark in marks(root, "street.jpg")}
    assert len(rings(names["90% region"], "innerBoundaryIs")) == 1


def test_failures_are_listed_without_a_place(root):
    (mark,) = marks(root, "Photos that could not be used")
    assert mark.findtext("k:name", "", K) == "<b>.jpg"
    assert mark.findtext("k:description", "", K) == ("PhotoOpenError: &lt;b&gt;.jpg: is damaged")
    assert mark.find("k:Point", K) is None


def test_the_search_grid_holds_the_probability(tmp_path, case):
    write(tmp_path, case)
    cells = read_search_grid(tmp_path / "street.heatmap.tif", 20.0)
    posterior = case.result.posterior
    rows, cols = np.nonzero(posterior.probability)
    x = posterior.left_m + (cols + 0.5) * posterior.cell_m
    y = posterior.top_m - (rows + 0.5) * posterior.cell_m
    for cell in cells[:3]:
        (polygon,) = cell.polygons
        corners = np.array(polygon[0])[:4]
        cx, cy = from_lonlat(posterior.crs, corners[:, 0], corners[:, 1])
        inside = (x >= cx.min()) & (x < cx.max()) & (y >= cy.min()) & (y < cy.max())
        mass = posterior.probability[rows, cols][inside].sum()
        assert cell.probability == pytest.approx(mass, abs=1e-4)
        assert float(geodesic_distance_m(*corners[0], *corners[1])) == pytest.approx(20.0, rel=1e-3)
    assert [cell.rank for cell in cells] == list(range(1, len(cells) + 1))
    assert sum(cell.probability for cell in cells) == pytest.approx(0.9, abs=0.02)


def test_cells_are_round_and_few(tmp_path, case, root):
    found = marks(root, "Search grid")
    assert 1 < len(found) <= MOST_ACROSS**2
    assert data(found[0]) | {"probability": ""} == {
        "rank": "1", "probability": "", "searched": "false",
    }  # fmt: skip
    first = rings(found[0])[0]
    assert float(geodesic_distance_m(*first[0], *first[1])) == pytest.approx(10.0, rel=1e-3)


def test_coarse_results_have_neither_squares_nor_cells(tmp_path, case):
    results = [coarsened(result, 1000.0) for result in write(tmp_path, case)]
    write_kml(tmp_path / "out.kml", results)
    root = ET.parse(tmp_path / "out.kml").getroot()
    assert marks(root, "Candidates") == marks(root, "Search grid") == []
    assert f"{case.result.estimate.lat:.4f}" not in (tmp_path / "out.kml").read_text()


def test_hostile_text_stays_text(tmp_path, make):
    case = make(hostile='"><script>alert(1)</script>\x07‮')
    (result,) = write(tmp_path, case)
    result.estimate["analyst_note"] = "</description><Placemark> & \x00"
    write_kml(tmp_path / "out.kml", [result])
    text = (tmp_path / "out.kml").read_text("utf-8")
    root = ET.fromstring(text)
    assert "<script>" not in text
    assert "‮" not in text
    described = root.findtext(".//k:description", "", K)
    assert "&lt;Placemark&gt; &amp; \\u0000" in described


def test_the_report_is_linked_from_where_the_file_lies(tmp_path, case):
    (tmp_path / "with space").mkdir()
    write_geojson(tmp_path / "with space" / "a.geojson", case.result)
    (tmp_path / "with space" / "a.html").touch()
    results = read_saved([tmp_path / "with space" / "a.geojson"])
    write_kml(tmp_path / "out.kml", results)
    assert 'href="with%20space/a.html"' in ET.parse(tmp_path / "out.kml").getroot().findtext(
        ".//k:description", "", K
    )


def test_a_damaged_heatmap_is_named(tmp_path, case):
    (result,) = write(tmp_path, case)
    result.heatmap.write_bytes(b"II*\x00")
    with pytest.raises(ResultFileError, match=r"street\.heatmap\.tif: cannot be read"):
        write_kml(tmp_path / "out.kml", [result])
    assert not (tmp_path / "out.kml").exists()


def test_a_file_of_numbers_is_written_across_the_antimeridian(tmp_path, make):
    results = write(tmp_path, make(179.99995, -16.8))
    write_kml(tmp_path / "out.kml", results)
    root = ET.parse(tmp_path / "out.kml").getroot()
    for mark in marks(root, "Search grid") + marks(root, "Candidates"):
        for ring in rings(mark):
            assert np.ptp(np.array(ring)[:, 0]) < 1.0
    assert json.dumps(data(marks(root, "Search grid")[0]))

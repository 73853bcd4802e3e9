"""Charts and the page of a benchmark."""

import re
import xml.etree.ElementTree as ET

import pytest

from cvgl_core.export.accuracy import AccuracyPage, Headline, Row, Table, write_accuracy
from cvgl_core.export.chart import HEIGHT, WIDTH, Chart, Series, ticks

CHART = Chart(
    "Errors",
    "distance (m)",
    "share",
    (Series("one <way>", ((1, 0.0), (10, 0.5), (100, 1.0)), True), Series("none", ())),
    ticks((1, 10, 100)),
    x_log=True,
    marks=((10, "default"),),
)


def test_places_of_a_line():
    assert CHART.places(CHART.series[0]) == [(0, HEIGHT), (WIDTH / 2, HEIGHT / 2), (WIDTH, 0)]
    linear = Chart("", "", "", (), ((0, "0"), (4, "4")))
    assert [linear.x(v) for v in (0, 1, 4)] == [0, WIDTH / 4, WIDTH]
    assert linear.x(9) == WIDTH  # what lies beyond stays inside the frame
    assert CHART.x(0) == 0


def test_what_is_not_a_number_is_not_drawn():
    line = Series("", ((1, 0.5), (10, float("nan")), (float("inf"), 1.0), (100, 1.0)))
    assert CHART.places(line) == [(0, HEIGHT / 2), (WIDTH, 0)]


def test_svg_is_well_formed_and_every_line_has_its_own_colour():
    root = ET.fromstring(CHART.svg())
    lines = [e for e in root.iter("path") if "line" in e.get("class")]
    dots = list(root.iter("circle"))
    assert [e.get("class") for e in lines] == ["line s1"]
    assert {e.get("class") for e in dots} == {"dot s1"}
    assert len(dots) == 3
    assert "default" in "".join(root.itertext())


TABLE = Table("Figures (%)", ("R@1", "R@5"), (Row("a", ("1.0", "22.0")), Row("ours", ("", "3"))))


def test_text_of_a_table_is_aligned():
    lines = Table(TABLE.title, TABLE.columns, TABLE.rows, "a note").text().splitlines()
    assert lines == [
        "Figures (%)",
        "        R@1   R@5",
        "  a     1.0  22.0",
        "  ours          3",
        "(a note)",
    ]


@pytest.fixture
def page(tmp_path):
    content = AccuracyPage(
        title="A <b>set</b>",
        subtitle="of & <i>views</i>",
        headlines=(Headline("R@1", "50 %"),),
        charts=(CHART,),
        tables=(TABLE,),
        published=(),
        published_note="none",
        notes=("read <this>",),
    )
    path = tmp_path / "out" / "accuracy.html"
    write_accuracy(path, content)
    return path.read_text(encoding="utf-8")


def test_page_loads_nothing_and_escapes_everything(page):
    assert not re.search(r"(?:src|href)\s*=|@import|url\(|<script", page)
    for raw in ("<b>set", "<i>views", "one <way>", "read <this>"):
        assert raw not in page
    assert "default-src 'none'" in page
    assert "one &lt;way&gt;" in page
    assert page.count("<svg") == 1

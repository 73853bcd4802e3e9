"""The pages hold what they promise, load nothing, and obey nothing that a file says."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvgl_core.errors import OutputError
from cvgl_core.export.limits import ImagerySource
from cvgl_core.export.mapview import BaseMap
from cvgl_core.export.overview import (
    OverviewEntry,
    OverviewInputs,
    error_curve,
    overview_html,
    thumbnail,
    write_overview,
)
from cvgl_core.export.panel import axis_centred
from cvgl_core.export.report import (
    ReportInputs,
    cone_deg,
    map_windows,
    metadata_rows,
    report_html,
    write_report,
)
from cvgl_core.export.sight import ColumnMatch
from cvgl_core.types import Bounds, Failure, GroundView, LonLat, Verdict

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
    "</style><script>x</script>",
    "]]>--><b>",
    "{{ 7 * 7 }}{% raw %}",
    "=cmd|' /C calc'!A0",
    "\u202egpj.exe",
    "a\nb\r\0c",
    "&lt;script&gt;",
    "javascript:alert(1)",
]


class Page(HTMLParser):
    """Collects tags, addresses and text; unclosed or crossed tags fail."""

    VOID = ("meta", "img", "br", "link", "input")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [v or "" for n, v in attrs if n in ("href", "src", "xlink:href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def inputs(case: Any, **change: Any) -> ReportInputs:
    maps = (BaseMap(case.basemap, case.bounds, "Around the estimate."),)
    strip = axis_centred(case.result.view)
    made = ReportInputs(case.result, case.photo, strip, case.tiles, maps)
    return replace(made, **change)


def overview(case: Any, **change: Any) -> OverviewInputs:
    estimate = case.result.estimate
    truth = LonLat(estimate.lon + 0.0001, estimate.lat)
    entries = (
        OverviewEntry(
            "one.jpg", case.result.estimate, None, thumbnail(case.photo), truth, 1, "one.html"
        ),
        OverviewEntry("two.jpg", failure=Failure("two.jpg", "PhotoOpenError", "two: damaged", 31)),
    )
    base = BaseMap(case.basemap, case.bounds)
    made_by = asdict(case.result.provenance)
    made = OverviewInputs("Photos", base, case.result.posterior.crs, entries, made_by)
    return replace(made, **change)


def test_the_report_says_it_all(case: Any) -> None:
    html = report_html(inputs(case))
    page = Page(html)
    for words in (
        "street.jpg", "Located", "strong evidence", "47.370000", "8.540000", "62 %", "7.1 m",
        "15 m", "123°", "Before: rank by retrieval", "After: final rank", "shown, not used",
        "XMP GPano:PoseHeadingDegrees", "ab" * 32, "ef" * 32, "cd" * 32, "cvgl 0.1.0",
        "EXIF GPSImgDirection ignored", "Altered photos", "private persons",
    ):  # fmt: skip
        assert words in page.text, words
    for candidate in case.result.candidates:
        assert candidate.tile_id in page.text
    assert page.tags.count("svg") >= 2


def test_a_position_that_was_used_is_not_called_unused(case: Any) -> None:
    text = Page(report_html(inputs(case))).text
    assert "had no part in the answer" in text and "used as a prior" not in text
    result = replace(case.result, exif_used=True, priors=("position in the file",))
    text = Page(report_html(inputs(case, result=result))).text
    assert "had no part" not in text and "shown, not used" not in text
    assert text.count("used as a prior") == 2 and "Known beforehand: position" in text


def looked_at(case: Any, make_sight: Any, heading_deg: float | None = 123.4) -> dict[str, Any]:
    """The estimate and two other places."""
    random = np.random.default_rng(2)
    matches = [
        ColumnMatch(
            -180.0, random.uniform(-0.02, 0.1, 16), random.uniform(0, 0.02, 16),
            np.arange(16) > 1, LonLat(case.result.estimate.lon, case.result.estimate.lat),
        )
        for _ in range(3)
    ]  # fmt: skip
    sights = tuple(
        make_sight(case, match, heading_deg, rank) for rank, match in enumerate(matches, start=1)
    )
    source = ImagerySource("city <b>.tif", "2019-05-01", 0.25, "12" * 32)
    return {"sights": sights, "sources": (source,) * 20}


def test_the_evidence_is_shown(case: Any, make_sight: Any) -> None:
    html = report_html(inputs(case, **looked_at(case, make_sight)))
    page = Page(html)
    for words in (
        "What matched", "N 0°", "SE 135°", "Speaks for this place rather than the others",
        "All directions together", "Other places that were considered", "compared with the first",
        "Imagery that was searched", "city <b>.tif", "2019-05-01", "And 8 more", "Kind of query",
        "What this result can bear", "a full circle, its heading given",
    ):  # fmt: skip
        assert words in page.text, words
    assert "<b>.tif" not in html
    assert page.text.count("compared with the first") == 2
    # The strip is in the file once, however often it is drawn.
    assert html.count('id="strip"') == 1 and html.count('href="#strip"') == 3
    assert "url(" not in re.sub(r"url\(#unseen\)", "", html)


def test_evidence_without_heading_or_match(case: Any, make_sight: Any) -> None:
    sights = (make_sight(case, None, None),)
    view = GroundView(case.result.view.rgb, np.arange(256) < 60, None)
    result = replace(
        case.result, view=view, estimate=replace(case.result.estimate, heading_deg=None)
    )
    text = Page(report_html(inputs(case, result=result, sights=sights))).text
    assert "cannot be laid out" in text and "was not looked at" in text and "axis" in text
    assert "All candidates listed lie around the same place" in text


def test_pages_are_self_contained(case: Any) -> None:
    for html in (report_html(inputs(case)), overview_html(overview(case))):
        page = Page(html)
        assert all(a.startswith(("data:image/", "#", "one.html")) for a in page.addresses)
        assert not {"script", "iframe", "link", "object", "form"} & set(page.tags)
        assert "default-src 'none'" in html
        assert "url(" not in html.replace("url(#unseen)", "") and "@import" not in html
        assert "nan" not in re.sub(r"data:[^\"']*", "", html).lower().split()


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_shown_not_obeyed(case: Any, make: Any, words: str) -> None:
    clean = Page(report_html(inputs(case)))
    hostile = make(hostile=words)
    html = report_html(inputs(hostile, attribution=words))
    page = Page(html)
    assert page.tags == clean.tags, "a word became a tag"
    assert page.attributes == clean.attributes
    assert "\u202e" not in html and "\0" not in html
    entry = OverviewEntry(words, hostile.result.estimate, report_href=words + ".html")
    failed = OverviewEntry(words, failure=Failure(words, "PhotoOpenError", words, 31))
    made = overview_html(overview(hostile, title=words, entries=(entry, failed), notes=(words,)))
    table = Page(made)
    assert "script" not in table.tags and "img" not in table.tags
    assert not any(a.lower().startswith("javascript:") for a in table.addresses)
    assert "\u202e" not in made


@pytest.mark.parametrize("verdict", list(Verdict))
def test_verdicts_in_words(case: Any, verdict: Verdict) -> None:
    estimate = replace(case.result.estimate, verdict=verdict)
    text = Page(report_html(inputs(case, result=replace(case.result, estimate=estimate)))).text
    assert ("should not be relied on" in text) == (verdict is Verdict.NOT_IN_AREA)
    assert ("most likely stood" in text) == (verdict is Verdict.LOCATED)
    assert ("More than one place" in text) == (verdict is Verdict.AMBIGUOUS)


def test_little_is_known(case: Any) -> None:
    """No heading, no candidates, no EXIF, an empty posterior: still a page."""
    result = replace(
        case.result,
        estimate=replace(case.result.estimate, heading_deg=None, radius_90_m=float("inf")),
        candidates=(), regions=(), exif_distance_m=None,
        metadata=replace(case.result.metadata, exif_lon=None, exif_lat=None, sources={}),
        posterior=replace(case.result.posterior, probability=np.zeros((4, 4), np.float32)),
        view=GroundView(case.result.view.rgb, np.arange(256) < 60, None),
    )  # fmt: skip
    page = Page(report_html(inputs(case, result=result, tiles_rgb=case.tiles[:0])))
    assert "unknown" in page.text and "not stated" in page.text
    assert "What matched" not in page.text


def test_close_up_holds_the_estimate(case: Any) -> None:
    area = Bounds(
        case.bounds.left_m - 900, case.bounds.bottom_m - 900,
        case.bounds.right_m + 900, case.bounds.top_m + 900,
    )  # fmt: skip
    near, whole = map_windows(case.result, area)
    assert whole == area
    x, y = case.centre
    assert near.left_m < x - 40 and near.right_m > x + 40
    assert near.bottom_m < y - 40 and near.top_m > y + 40
    assert near.right_m - near.left_m == pytest.approx(near.top_m - near.bottom_m)


def test_estimate_is_drawn_where_it_lies(case: Any) -> None:
    html = report_html(inputs(case))
    found = re.search(r'translate\(([\d.]+) ([\d.]+)\)">\s*<circle r="10"', html)
    assert found is not None
    x, y = case.centre
    width_m = case.bounds.right_m - case.bounds.left_m
    assert float(found[1]) == pytest.approx((x - case.bounds.left_m) / width_m * 1000, abs=0.2)
    assert float(found[2]) == pytest.approx((case.bounds.top_m - y) / width_m * 1000, abs=0.2)


def test_the_cone_is_as_wide_as_the_picture() -> None:
    rgb = np.zeros((48, 256, 3), np.uint8)
    assert cone_deg(GroundView(rgb, np.arange(256) < 64, 0.0)) == 90.0
    assert cone_deg(GroundView(rgb, np.ones(256, bool), 0.0)) < 60.0


def test_overview_figures(case: Any) -> None:
    text = Page(overview_html(overview(case, attribution="Somebody"))).text
    assert "one.jpg" in text and "two: damaged" in text and "Somebody" in text
    assert re.search(r"7\.[56] m", text) and "1 of 1" in text and "1st" in text


def test_error_curve_counts_what_failed() -> None:
    assert error_curve([], 3) == ""
    path = error_curve([1.0, 10.0], 4)
    assert path.endswith("V50.0H300")


def test_files(case: Any, make_sight: Any, tmp_path: Path) -> None:
    write_report(tmp_path / "a.html", inputs(case, **looked_at(case, make_sight)))
    write_overview(tmp_path / "b.html", overview(case))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.html", "b.html"]
    assert (tmp_path / "a.html").stat().st_size < 3_000_000
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_report(tmp_path / "file" / "a.html", inputs(case))


def test_a_photo_from_above_is_shown_as_it_was_compared(case):
    street = inputs(case)
    assert "likeness +" in report_html(street)
    view = GroundView(case.tiles[0], np.ones(128, bool), None)
    above = replace(street, result=replace(case.result, view=view, from_above=True))
    html = report_html(above)
    Page(html)
    assert "laid out as a map" in html
    assert "point of the ground under the camera" in html
    assert "likeness +" not in html


def test_what_a_drone_wrote_is_shown(case):
    flown = replace(case.result.metadata, height_m=49.8, altitude_m=2600.1)
    named = {label: value for label, value, _ in metadata_rows(flown)}
    assert (named["Height of the drone"], named["Altitude"]) == ("49.8 m", "2600.1 m")
    assert "Altitude" not in {label for label, *_ in metadata_rows(case.result.metadata)}

"""XMP sidecars: what photo managers read, what of others stays, what is refused."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from cvgl_core.errors import OutputError
from cvgl_core.export.geojson import estimate_properties
from cvgl_core.export.xmp_sidecar import CVGL, EXIF, RDF, _angle, merged, write_sidecar

# As darktable writes it, in short: another prefix, history, a title, a comment.
DARKTABLE = b"""<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><!-- kept -->
  <r:Description r:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:darktable="http://darktable.sf.net/" darktable:history_end="3">
   <dc:title><r:Alt><r:li xml:lang="x-default">Stra\xc3\x9fe &amp; Platz</r:li></r:Alt></dc:title>
  </r:Description>
 </r:RDF>
</x:xmpmeta>
"""


@pytest.fixture
def estimate(case):
    return estimate_properties(case.result)


def properties(data):
    """Return the description that holds ours as ``{name: value}``."""
    (ours,) = fromstring(data).findall(f".//{{{RDF}}}Description[@{{{CVGL}}}Verdict]")
    return ours.attrib


def test_a_position_as_xmp_has_it(tmp_path, estimate):
    path = tmp_path / "street.jpg.xmp"
    assert write_sidecar(path, estimate | {"lat": -33.5, "lon": 8.54}) is None
    found = properties(path.read_bytes())
    assert found[f"{{{EXIF}}}GPSLatitude"] == "33,30.0000000S"
    assert found[f"{{{EXIF}}}GPSLongitude"] == "8,32.4000000E"
    assert found[f"{{{EXIF}}}GPSHPositioningError"] == "153/10"
    assert found[f"{{{EXIF}}}GPSImgDirection"] == "12340/100"
    assert found[f"{{{EXIF}}}GPSImgDirectionRef"] == "T"
    assert found[f"{{{EXIF}}}GPSProcessingMethod"] == "CVGL"
    assert found[f"{{{CVGL}}}Verdict"] == "located"
    assert found[f"{{{CVGL}}}PhotoSHA256"] == "ab" * 32
    assert f"{{{CVGL}}}HeadingStdDeg" not in found, "null is left out"


@pytest.mark.parametrize("verdict", ["ambiguous", "not_in_area"])
def test_no_program_shows_a_guess_as_a_fact(estimate, tmp_path, verdict):
    path = tmp_path / "street.jpg.xmp"
    write_sidecar(path, estimate)
    assert write_sidecar(path, estimate | {"verdict": verdict}) is None
    found = properties(path.read_bytes())
    assert found[f"{{{CVGL}}}Verdict"] == verdict
    assert not [name for name in found if name.startswith(f"{{{EXIF}}}")]


def test_what_others_wrote_keeps_every_byte(estimate):
    once = merged(DARKTABLE, estimate)
    twice = merged(once, estimate | {"verdict": "ambiguous"})
    assert properties(once)[f"{{{CVGL}}}Verdict"] == "located"
    assert properties(twice)[f"{{{CVGL}}}Verdict"] == "ambiguous"
    for made in (once, twice):
        start = made.index(b"<rdf:Description")
        end = made.index(b"/>\n", start) + 3
        assert made[:start] + made[end:] == DARKTABLE


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (DARKTABLE.replace(b"history_end", b'a="1" xmlns:e="%s" e:GPSLatitude' % EXIF.encode(), 1)
         .replace(b"darktable:a=", b"darktable:b="), "GPSLatitude"),
        (DARKTABLE.replace(b"<dc:title>", b'<e:GPSLongitude xmlns:e="%s">1,2E</e:GPSLongitude>'
         b"<dc:title>" % EXIF.encode()), "GPSLongitude"),
        (b"not xml", "is no XMP"),
        (b"", "is no XMP"),
        (DARKTABLE.decode().encode("utf-16"), "is no XMP"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "is no XMP"),
        (b"<a/>", "could take another property"),
        (b"<a><!-- </r:RDF> --></a>", "could take another property"),
    ],
    ids=["latitude", "longitude", "text", "empty", "UTF-16", "entities", "no RDF", "in a comment"],
)  # fmt: skip
def test_what_cannot_be_added_to_is_left_as_it_is(tmp_path, estimate, data, says):
    path = tmp_path / "street.jpg.xmp"
    path.write_bytes(data)
    reason = write_sidecar(path, estimate)
    assert reason is not None
    assert str(path) in reason
    assert says in reason
    assert path.read_bytes() == data


def test_hostile_text_stays_text(tmp_path, make):
    values = estimate_properties(make(hostile="").result) | {"model": "\"/><script a='\x07'>&"}
    path = tmp_path / "a.xmp"
    for _ in range(2):
        assert write_sidecar(path, values) is None
    assert properties(path.read_bytes())[f"{{{CVGL}}}Model"] == "\"/><script a='\\u0007'>&"


def test_a_folder_that_cannot_be_written_is_named(tmp_path, estimate):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"a\.jpg\.xmp: cannot be written"):
        write_sidecar(tmp_path / "file" / "a.jpg.xmp", estimate)


@given(st.floats(-180, 180))
def test_angles_survive(value_deg):
    text = _angle(value_deg, "EW")
    degrees, minutes = text[:-1].split(",")
    assert 0 <= float(minutes) < 60
    turned = (int(degrees) + float(minutes) / 60) * (-1 if text.endswith("W") else 1)
    assert turned == pytest.approx(value_deg, abs=1e-8)


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_exiftool_reads_it(tmp_path, estimate):
    path = tmp_path / "street.jpg.xmp"
    path.write_bytes(merged(DARKTABLE, estimate))
    command = ["exiftool", "-n", "-s3", "-GPSPosition", "-GPSHPositioningError", "-Title", path]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [float(part) for part in said[0].split()] == pytest.approx([47.37, 8.54])
    assert said[1:] == ["15.3", "Straße & Platz"]

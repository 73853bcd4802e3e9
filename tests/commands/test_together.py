"""``cvgl locate --together`` and priors, as other programs meet them."""

import json

import jsonschema
import numpy as np
import pytest

from cvgl_core.export.geojson import SCHEMA_PATH
from cvgl_core.photo import Panorama, write_photo

SCHEMA = json.loads(SCHEMA_PATH.read_text())


@pytest.fixture
def locate(site, cvgl):
    def call(*args):
        return cvgl("locate", "--index", site.index, "--model", site.weights, *args)

    return call


def estimates(result):
    collections = [json.loads(line) for line in result.out.splitlines()]
    for one in collections:
        jsonschema.validate(one, SCHEMA)
    return [c["features"][0]["properties"] for c in collections if c["type"] != "Failure"]


@pytest.fixture
def far(site, tmp_path):
    """A photo whose file states a position a kilometre from the area."""
    path = tmp_path / "far.jpg"
    rgb = np.full((96, 192, 3), 90, np.uint8)
    lon, lat = site.place
    write_photo(path, rgb, lonlat=(lon, lat + 0.01), panorama=Panorama(pose_heading_deg=10.0))
    return path


class TestTogether:
    def test_each_photo_is_answered_and_all_as_one(self, locate, site, tmp_path):
        result = locate(
            "--together", site.pano, site.text, site.bare, "--json", "-o", tmp_path, "--apart", 20
        )
        assert result.code == 31
        first, second = estimates(result)
        assert first["together"] == second["together"] == ["pano.jpg", "bare.jpg"]
        assert first["priors"] == [
            "located together with 1 more: at most 20 m from one to the next"
        ]
        assert first["outside_probability"] == second["outside_probability"]
        joint = json.loads((tmp_path / "together.geojson").read_text())
        way, *places = joint["features"]
        assert way["properties"]["photos"] == ["pano.jpg", "bare.jpg"]
        assert way["properties"]["surest"] in ("pano.jpg", "bare.jpg")
        assert [one["properties"] for one in places] == [first, second]
        assert json.loads((tmp_path / "pano.geojson").read_text())["features"][0][
            "properties"
        ] == first  # fmt: skip

    def test_a_track_and_a_line_for_all(self, locate, site, tmp_path):
        track = tmp_path / "track.csv"
        track.write_text("photo,east_m,north_m\npano.jpg,0,0\nbare.jpg,10,0\n")
        result = locate("--together", site.pano, site.bare, "--track", track)
        assert result.code == 0
        *photos, joint = result.out.splitlines()
        assert len(photos) == 2 and joint.startswith("2 photos together (given offsets)  ")

    def test_a_photo_called_together_keeps_off_the_joint_file(self, locate, site, tmp_path):
        photo = tmp_path / "together.jpg"
        photo.write_bytes(site.pano.read_bytes())
        out = tmp_path / "out"
        assert locate("--together", photo, site.bare, "-o", out, "--apart", 0).code == 0
        joint = json.loads((out / "together.geojson").read_text())
        assert joint["features"][0]["properties"]["kind"] == "way"
        assert (out / "together-2.geojson").exists()

    def test_one_photo_that_can_be_used_is_answered_alone(self, locate, site):
        result = locate("--together", site.text, site.pano, "--json", "--apart", 20)
        (alone,) = estimates(result)
        assert alone["together"] == ["pano.jpg"] and "priors" not in alone

    @pytest.mark.parametrize(
        ("args", "says"),
        [
            (("--apart", "5"), "--together"),
            (("--together", "--apart", "5", "--track", "x.csv"), "not both"),
            (("--together", "--track", "none.csv"), "none.csv"),
            (("--together", "--jobs", "2"), "--jobs"),
            (("--together", "--apart", "-1"), "--apart"),
        ],
    )
    def test_usage(self, locate, site, args, says):
        result = locate(site.pano, site.bare, *args)
        assert result.code == 2 and says in result.err and result.out == ""

    def test_too_many_photos_are_refused(self, locate, site):
        result = locate("--together", *[site.pano] * 21)
        assert result.code == 11 and "split the walk" in result.err

    def test_several_indexes_are_searched_as_one(self, locate, site):
        """The same index twice: every tile has a twin, which changes no place."""
        walk = ("--together", site.pano, site.bare, "--apart", 20, "--json")
        alone = (site.pano, "--exif-prior", 300, "--json")
        for args, told in ((walk, 1), (alone, 2)):
            once = estimates(locate(*args))
            twice = estimates(locate(*args, "--index", site.index))
            for one, other in zip(once, twice, strict=True):
                there = pytest.approx((one["lon"], one["lat"]), abs=1e-5)
                assert (other["lon"], other["lat"]) == there
                assert other.get("together") == one.get("together")
                assert len(other["priors"]) == len(one["priors"]) == told


class TestPriors:
    def test_a_heading_give_or_take(self, locate, site):
        result = locate(site.bare, "--json", "--heading", 120, "--heading-std", 20)
        (estimate,) = estimates(result)
        assert estimate["priors"] == ["heading 120 ± 20 degrees (given)"]
        assert estimate["heading_std_deg"] is not None
        (estimate,) = estimates(locate(site.pano, "--json", "--heading-std", 15))
        assert estimate["priors"] == ["heading 20 ± 15 degrees (the file)"]
        result = locate(site.bare, "--heading-std", 20)
        assert result.code == 30 and "give --heading, too" in result.err

    def test_a_shadow_and_the_time(self, locate, site):
        at = ("--shadow-deg", -90, "--time", "2024-06-21T12:10+01:00")
        (estimate,) = estimates(locate(site.bare, "--json", *at))
        (told,) = estimate["priors"]
        assert told.endswith("shadow -90 degrees from the axis, 2024-06-21T12:10:00+01:00)")
        assert "± 8 degrees" in told
        assert locate(site.bare, "--shadow-at", 20, "--time", "2024-06-21T12:10Z").code == 0
        result = locate(site.bare, "--shadow-at", 20)
        assert result.code == 30 and "give --time" in result.err
        night = locate(site.bare, "--shadow-deg", 0, "--time", "2024-06-21T00:10Z")
        assert night.code == 30 and "time and its zone" in night.err

    def test_the_position_in_the_file(self, locate, site):
        (estimate,) = estimates(locate(site.pano, "--json", "--exif-prior", 50))
        position, beyond = estimate["priors"]
        assert "within 50 m in 95 of 100" in position
        assert "beyond 50 m" in beyond and "outside the area" in beyond
        result = locate(site.bare, "--exif-prior", 50)
        assert result.code == 30 and "states no position" in result.err

    def test_a_position_elsewhere_raises_outside(self, locate, far):
        plain, prior = (
            estimates(locate(far, "--json", *args))[0] for args in ((), ("--exif-prior", 50))
        )
        assert prior["outside_probability"] >= plain["outside_probability"]

    def test_where_was_searched_is_told(self, locate, site):
        lon, lat = site.place
        (estimate,) = estimates(locate(site.pano, "--json", "--near", f"{lon},{lat},60"))
        assert estimate["priors"][0].startswith("searched only within 60 m of ")

    @pytest.mark.parametrize(
        ("args", "says"),
        [
            (("--heading-std", "0"), "--heading-std"),
            (("--heading", "unknown", "--heading-std", "9"), "leave --heading-std out"),
            (("--heading", "9", "--shadow-deg", "9"), "not both"),
            (("--shadow-at", "9", "--shadow-deg", "9"), "not both"),
            (("--time", "2024-06-21T12:10Z"), "for a shadow"),
            (("--shadow-deg", "9", "--time", "2024-06-21T12:10"), "has no zone"),
            (("--shadow-deg", "9", "--time", "noon"), "such as"),
            (("--exif-prior", "-1"), "--exif-prior"),
        ],
    )
    def test_usage(self, locate, site, args, says):
        result = locate(site.pano, *args)
        assert result.code == 2 and result.out == ""
        assert says in " ".join(result.err.replace("│", " ").split())

    def test_without_priors_nothing_is_told(self, locate, site):
        (estimate,) = estimates(locate(site.pano, "--json"))
        assert "priors" not in estimate and "together" not in estimate

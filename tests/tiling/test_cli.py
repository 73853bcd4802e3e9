import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from shapely.geometry import shape

from cvgl_core.console import run
from cvgl_core.index import Index
from tests.tiling.helpers import PLAIN, UTM, StubDescriber, world_raster, write_raster
from tiling.cli import app


@pytest.fixture(autouse=True)
def _stub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tiling.engines.load_describer",
        lambda model, device, precision, runtime: StubDescriber(
            precision=precision or "float32", runtime=runtime or "torch"
        ),
    )


def cvgl_tile(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    code = run(app, "cvgl-tile", [str(arg) for arg in args])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return world_raster(tmp_path / "world.tif", PLAIN, (200, 200), UTM)


def test_from_plan_to_footprints(world: Path, tmp_path: Path, capsys) -> None:
    city = tmp_path / "city.cvgl"
    code, out, _ = cvgl_tile(capsys, "plan", world, "--json")
    planned = json.loads(out)
    assert code == 0 and planned["crs"] == UTM and planned["area_km2"] == pytest.approx(0.01)
    code, out, err = cvgl_tile(capsys, "build", world, "-o", city, "--json")
    built = json.loads(out)
    assert code == 0
    # A slow machine may show progress, and nothing else.
    assert all(re.fullmatch(r"[a-z ]+: \d+/\d+", line) for line in err.splitlines())
    assert built["tiles"] <= planned["tiles"] and built["index_id"] == planned["index_id"]
    size = sum(p.stat().st_size for p in city.glob("shards/*/*.npy"))
    assert size == pytest.approx(planned["bytes"], rel=0.05)
    code, out, _ = cvgl_tile(capsys, "info", city, "--json")
    facts = json.loads(out)
    assert facts["version"] == 1 and facts["sources"][0]["name"] == "world.tif"
    west, south, east, north = facts["bbox"]
    assert west < 15.003 < east and south < 48.755 < north and east - west < 0.003
    assert str(tmp_path) not in (city / "manifest.json").read_text()
    code, out, _ = cvgl_tile(capsys, "footprints", city)
    features = json.loads(out)["features"]
    index = Index.open(city)
    assert [f["id"] for f in features] == [index.tile_id(i) for i in range(len(index))]
    assert len({f["id"] for f in features}) == built["tiles"]
    middle = shape(features[0]["geometry"]).centroid
    assert (middle.x, middle.y) == pytest.approx((index.lons[0], index.lats[0]), abs=1e-6)
    for command in (
        ["verify", city],
        ["info", city],
        ["plan", world],
        ["build", world, "-o", city],
    ):
        code, out, _ = cvgl_tile(capsys, *command)
        assert code == 0 and out.strip()


def test_a_large_index_is_made_ready_for_search(
    world: Path, tmp_path: Path, capsys, monkeypatch
) -> None:
    pytest.importorskip("faiss")
    city, part = tmp_path / "city.cvgl", tmp_path / "part.cvgl"
    monkeypatch.setattr("cvgl_core.index.codes.EXACT_TILES", 1)
    monkeypatch.setattr("cvgl_core.index.codes.shortlist_length", lambda k: 1)
    assert cvgl_tile(capsys, "build", world, "-o", part, "--shard", "1/2")[0] == 0
    assert not (part / "cache").exists()
    assert cvgl_tile(capsys, "build", world, "-o", city)[0] == 0
    made = {path: path.stat().st_mtime_ns for path in (city / "cache").iterdir()}
    assert len(made) == 2
    assert cvgl_tile(capsys, "build", world, "-o", city)[0] == 0
    assert made == {path: path.stat().st_mtime_ns for path in (city / "cache").iterdir()}
    assert cvgl_tile(capsys, "verify", city)[0] == 0


def test_maps_can_be_left_out(world: Path, tmp_path: Path, capsys) -> None:
    sizes = {}
    for option in ("--maps", "--no-maps"):
        city = tmp_path / f"{option}.cvgl"
        planned = json.loads(cvgl_tile(capsys, "plan", world, option, "--json")[1])
        built = json.loads(cvgl_tile(capsys, "build", world, "-o", city, option, "--json")[1])
        assert built["index_id"] == planned["index_id"]
        sizes[option] = sum(p.stat().st_size for p in city.glob("shards/*/*.npy"))
        assert sizes[option] == pytest.approx(planned["bytes"], rel=0.05)
        assert Index.open(city).has_maps == (option == "--maps")
    assert sizes["--maps"] > sizes["--no-maps"]


@pytest.mark.parametrize(
    ("option", "first_value", "other_value"),
    [("precision", "bfloat16", "float32"), ("runtime", "openvino", "torch")],
)
def test_a_build_goes_on_with_the_arithmetic_it_began_with(
    world: Path, tmp_path: Path, capsys, option, first_value, other_value
) -> None:
    def build(*options: str) -> dict[str, object]:
        code, out, _ = cvgl_tile(
            capsys, "build", world, "-o", tmp_path / "c.cvgl", "--json", *options
        )
        assert code == 0
        return json.loads(out)

    first = build(f"--{option}", first_value)
    assert first[option] == first_value and first["blocks_written"] > 0
    again = build()
    assert again[option] == first_value and again["blocks_written"] == 0
    other = build(f"--{option}", other_value)
    assert other[option] == other_value and other["blocks_kept"] == 0
    assert other["index_id"] != first["index_id"]
    assert getattr(Index.open(tmp_path / "c.cvgl").manifest, option) == other_value
    code, _, err = cvgl_tile(
        capsys, "build", world, "-o", tmp_path / "c.cvgl", f"--{option}", "int4"
    )
    assert code != 0 and "int4" in err


def test_a_shared_trunk_needs_a_model_that_can(
    world: Path, tmp_path: Path, capsys, monkeypatch
) -> None:
    def build(city: str, *options: str) -> dict[str, object]:
        code, out, _ = cvgl_tile(capsys, "build", world, "-o", tmp_path / city, "--json", *options)
        assert code == 0
        return json.loads(out)

    code, _, err = cvgl_tile(capsys, "build", world, "-o", tmp_path / "no", "--shared-trunk")
    assert code != 0 and "--no-shared-trunk" in err
    alone = build("alone.cvgl")
    monkeypatch.setattr(StubDescriber, "shared_trunk", "a" * 64)
    together = build("together.cvgl", "--shared-trunk")
    assert (alone["shared_trunk"], together["shared_trunk"]) == (False, True)
    assert alone["index_id"] != together["index_id"]
    planned = json.loads(cvgl_tile(capsys, "plan", world, "--shared-trunk", "--json")[1])
    assert planned["index_id"] == together["index_id"]
    one, other = (Index.open(tmp_path / f"{name}.cvgl") for name in ("alone", "together"))
    assert np.array_equal(one.descriptors, -np.asarray(other.descriptors))  # the stub's mark
    for began in ("alone", "together"):
        assert build(f"{began}.cvgl")["blocks_written"] == 0  # goes on as it began
    again = build("alone.cvgl", "--shared-trunk")
    assert again["shared_trunk"] is True and again["index_id"] == together["index_id"]
    odd = build("odd.cvgl", "--shared-trunk", "--overlap", "0.75")
    assert odd["shared_trunk"] is False
    for lost_points, expected in ((0.6, False), (0.5, True)):
        monkeypatch.setattr(StubDescriber, "shared_trunk_lost_points", lost_points)
        assert build(f"{lost_points}.cvgl")["shared_trunk"] is expected


def test_a_folder_with_a_broken_file(world: Path, tmp_path: Path, capsys) -> None:
    folder, city = tmp_path / "ortho", tmp_path / "city.cvgl"
    folder.mkdir()
    world.rename(folder / "world.tif")
    whole = json.loads(cvgl_tile(capsys, "build", folder, "-o", city, "--json")[1])
    assert whole["sources"] == 1 and whole["skipped"] == []
    (folder / "broken.tif").write_text("hello")
    code, out, err = cvgl_tile(capsys, "build", folder, "-o", city, "--json")
    built = json.loads(out)
    assert code == 0 and built["tiles"] == whole["tiles"] and built["blocks_written"] == 0
    assert [one["name"] for one in built["skipped"]] == ["broken.tif"]
    assert "broken.tif" in err and "1 of 2 sources" in err
    manifest = json.loads((city / "manifest.json").read_text())["body"]
    assert "known format" in manifest["skipped"][0]["reason"]
    planned = json.loads(cvgl_tile(capsys, "plan", folder, "--json")[1])
    assert planned["skipped"] == built["skipped"] and planned["index_id"] == built["index_id"]
    one_line_error(cvgl_tile(capsys, "plan", folder, "--strict"), 21, "broken.tif")
    code, _, err = cvgl_tile(capsys, "plan", folder, "--precedence", "newest")
    assert code == 11 and "--date-in-name" in err


def one_line_error(result: tuple[int, str, str], code: int, *words: str) -> None:
    assert result[0] == code and result[1] == ""
    assert len(result[2].strip().splitlines()) == 1 and "Traceback" not in result[2]
    for word in words:
        assert word in result[2]


def test_errors_are_one_line_with_their_exit_code(world: Path, tmp_path: Path, capsys) -> None:
    city = tmp_path / "city.cvgl"
    pixels = np.full((200, 200, 3), 50, np.uint8)
    no_crs = write_raster(tmp_path / "nocrs.tif", pixels, PLAIN, None)
    (tmp_path / "text.tif").write_text("hello")
    tiny = world_raster(tmp_path / "tiny.tif", PLAIN, (20, 20), UTM)
    blank = write_raster(tmp_path / "blank.tif", pixels * 0, PLAIN, UTM, nodata=0)

    def build(*args: object) -> tuple[int, str, str]:
        return cvgl_tile(capsys, "build", *args, "-o", city)

    one_line_error(build(tmp_path / "gone.tif"), 21, "gone.tif", "does not exist")
    one_line_error(build(tmp_path / "text.tif"), 21, "text.tif", "known format")
    one_line_error(build(no_crs), 22, "nocrs.tif", "--source-crs")
    one_line_error(build(tiny), 23, "tiny.tif", "less than one tile")
    one_line_error(build(blank), 23, "blank.tif", "nodata")
    one_line_error(build(world, "--aoi", "0,0,1,1"), 23, "outside")
    one_line_error(build(world, "--aoi", "1,2,3"), 11, "--aoi")
    one_line_error(build(world, "--overlap", "0.99"), 11, "overlap")
    one_line_error(build(world, "--bands", "a"), 11, "--bands")
    for text in ("1", "9,1", "nan,1", "0,inf", "a,b"):
        one_line_error(build(world, "--stretch", text), 11, "--stretch")
    one_line_error(build(world, "--crs", "EPSG:4326"), 11, "EPSG:4326")
    assert not city.exists()
    assert build(no_crs, "--source-crs", UTM)[0] == 0
    one_line_error(cvgl_tile(capsys, "verify", tmp_path / "none"), 41, "none")
    path = sorted(city.glob("shards/*/imagery.npy"))[0]
    data = bytearray(path.read_bytes())
    data[99] ^= 1
    path.write_bytes(data)
    for command in ("verify", "info", "footprints"):
        one_line_error(cvgl_tile(capsys, command, city), 42, "imagery.npy")
    code, out, _ = cvgl_tile(capsys, "verify", city, "--json")
    assert (
        code == 42
        and json.loads(out)["ok"] is False
        and "imagery.npy" in json.loads(out)["problems"][0]
    )
    (city / "manifest.json").unlink()
    one_line_error(cvgl_tile(capsys, "verify", city), 41, "no finished index")
    assert cvgl_tile(capsys, "build", "-o", city)[0] == 2


def test_engines_that_are_not_there(world: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it were not installed
    build = ("build", world, "-o", tmp_path / "c.cvgl", "--engine")
    one_line_error(cvgl_tile(capsys, *build, "ray"), 80, "cvgl[ray]", "local")
    one_line_error(cvgl_tile(capsys, *build, "abacus"), 11, "abacus", "local")


def test_a_build_in_parts(world: Path, tmp_path: Path, capsys) -> None:
    build = ("build", world, "-o", tmp_path / "part.cvgl", "--json", "--shard")
    code, out, _ = cvgl_tile(capsys, *build, "1/1")
    part = json.loads(out)
    assert code == 0 and part["blocks_written"] > 0
    whole = json.loads(cvgl_tile(capsys, "plan", world, "--json")[1])
    assert part["index_id"] == whole["index_id"]
    one_line_error(cvgl_tile(capsys, *build, "2/1"), 11, "--shard", "3/8")


def test_help_needs_neither_torch_nor_gdal() -> None:
    code = (
        "import sys; from tiling.cli import app; from cvgl_core.console import run\n"
        "run(app, 'cvgl-tile', ['build', '--help'])\n"
        "print(sorted({'torch', 'rasterio', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]") or "['numpy']" in done.stdout
    for option in (
        "--model",
        "--aoi",
        "--tile-size-m",
        "--overlap",
        "--device",
        "--workers",
        "--shard",
        "--no-maps",
        "--engine",
        "--json",
    ):
        assert option in done.stdout


def test_imagery_is_kept_as_the_index_began(world: Path, tmp_path: Path, capsys) -> None:
    city = tmp_path / "city.cvgl"
    assert cvgl_tile(capsys, "build", world, "-o", city, "--imagery", "png")[0] == 11
    code, out, _ = cvgl_tile(capsys, "build", world, "-o", city, "--imagery", "jpeg", "--json")
    assert code == 0 and list(city.glob("shards/*/imagery.jpg"))
    again = cvgl_tile(capsys, "build", world, "-o", city, "--json")[1]
    assert json.loads(again)["index_id"] == json.loads(out)["index_id"]
    other = cvgl_tile(capsys, "build", world, "-o", city, "--imagery", "raw", "--json")[1]
    assert json.loads(other)["index_id"] != json.loads(out)["index_id"]
    assert Index.open(city).manifest.shards[0].imagery is not None

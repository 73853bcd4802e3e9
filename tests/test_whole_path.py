"""The real commands, the bundled weights, an unseen city: from simulation to evaluation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SEED = 4711
PHOTOS = 6


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of this distribution as a user would."""
    program, *arguments = command
    return subprocess.run(
        [str(Path(sys.executable).with_name(program)), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A small city that no weights were trained on, and its index."""
    folder = tmp_path_factory.mktemp("world")
    simulated = run(
        "cvgl",
        "simulate",
        "city",
        "-o",
        str(folder / "city"),
        "--seed",
        str(SEED),
        "--size-m",
        "400",
        "--photos",
        str(PHOTOS),
    )
    assert simulated.returncode == 0, simulated.stderr
    built = run(
        "cvgl-tile", "build", str(folder / "city" / "ortho.tif"), "-o", str(folder / "city.cvgl")
    )
    assert built.returncode == 0, built.stderr
    return folder


def test_index_is_as_written(world):
    assert run("cvgl-tile", "verify", str(world / "city.cvgl")).returncode == 0
    footprints = json.loads(run("cvgl-tile", "footprints", str(world / "city.cvgl")).stdout)
    assert len(footprints["features"]) > 100


def test_photos_are_placed_where_they_were_taken(world):
    evaluated = run(
        "cvgl",
        "evaluate",
        "--index",
        str(world / "city.cvgl"),
        "--photos",
        str(world / "city"),
        "--kind",
        "panorama",
        "--report",
        str(world / "report"),
        "--json",
    )
    assert evaluated.returncode == 0, evaluated.stderr
    figures = json.loads(evaluated.stdout)["figures"]
    assert figures["photos"] == PHOTOS - 1  # every fifth is a perspective photo
    assert figures["given the right tile, median m"] < 3
    assert figures["within 10 m"] >= 0.5
    assert (world / "report" / "index.html").stat().st_size > 10_000


def test_locate_keeps_its_contract(world):
    photo, bad = world / "city" / "photos" / "0000.jpg", world / "notes.jpg"
    bad.write_text("no photo")
    located = run(
        "cvgl",
        "locate",
        str(photo),
        str(bad),
        "--index",
        str(world / "city.cvgl"),
        "-o",
        str(world / "out"),
        "--report",
        "--json",
    )
    assert located.returncode == 31
    result, failure = (json.loads(line) for line in located.stdout.splitlines())
    assert failure["type"] == "Failure" and failure["error"] == "PhotoOpenError"
    assert json.loads((world / "out" / "0000.geojson").read_text()) == result
    kinds = {feature["properties"]["kind"] for feature in result["features"]}
    assert {"estimate", "candidate", "credible_region"} <= kinds
    assert {path.name for path in (world / "out").iterdir()} == {
        "0000.geojson",
        "0000.heatmap.tif",
        "0000.html",
    }

"""Killed at any operation or instant, a command leaves what was there, and goes on to the end."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.soak import cases

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the disk is watched on Linux")


@pytest.mark.parametrize(
    ("scene", "operations", "instants"),
    [
        ("new", cases(50, 10_000), cases(50, 1000)),
        ("update", cases(30, 10_000), cases(30, 1000)),
        ("merge", cases(12, 10_000), cases(3, 500)),
        ("gc", cases(12, 10_000), cases(3, 500)),
        ("migrate", cases(12, 10_000), cases(3, 500)),
    ],
    ids=["new", "update", "merge", "gc", "migrate"],
)
def test_a_killed_command_goes_on_to_the_same_bytes(
    scratch: Path, scene: str, operations: int, instants: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.kill", scratch, scene, str(operations), str(instants)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert not done.returncode, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert sum(case["died"] for case in found) > 0.9 * operations * (operations < 1000)
    assert [case for case in found if not case["left_as_it_was"]] == []
    assert [case for case in found if case["differs"]] == []
    # A shard on the disk is never made again; besides the one being written, one waits to be
    # written and one is being described.
    assert [case for case in found if case["lost"] or case["redone"] > 3] == []

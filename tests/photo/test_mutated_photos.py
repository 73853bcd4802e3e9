"""Damaged photos: read or refused by an error of ours, never a crash, a hang or much memory.

Each file is tried by a child of its own with bounded memory and time.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.photo.originals import make_originals
from tests.soak import cases

ROOT = Path(__file__).parents[2]
CASES = cases(120, 3_000)
MAX_MB = 1_500
ENDS = {"read", "PhotoOpenError", "PhotoTooLargeError", "PhotoViewError"}


@pytest.mark.skipif(sys.platform != "linux", reason="limits are those of Linux")
def test_mutated_photos_are_read_or_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.photo.mutants", tmp_path, "0", str(CASES)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == CASES, done.stderr
    assert [case for case in found if case[2] or case[3] not in ENDS or case[4] > MAX_MB] == []
    ends = Counter(case[3] for case in found)
    assert min(ends["read"], ends["PhotoOpenError"]) > CASES / 5, ends


def test_originals_are_whole(tmp_path: Path) -> None:
    from tests.photo.mutants import attempt

    for name, data in make_originals().items():
        (tmp_path / name).write_bytes(data)
        assert attempt(tmp_path / name) == "read", name

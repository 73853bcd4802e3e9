"""The program in docs/index-format.md runs, and what the page names is there."""

import os
import re
import subprocess
import sys
from pathlib import Path

from cvgl_core.index import Index, Manifest, ShardRecord

PAGE = (Path(__file__).parents[2] / "docs" / "index-format.md").read_text()


def test_the_reader_of_the_page_reads(city: Path) -> None:
    code = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=city.parent,
        env=os.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    index = Index.open(city)
    lines = done.stdout.splitlines()
    assert len(lines) == 5
    assert lines[0] == f"{index.tile_id(0)} {index.lons[0]} {index.lats[0]}"


def test_the_page_names_every_field_and_file(city: Path) -> None:
    for field in (*Manifest.model_fields, *ShardRecord.model_fields):
        assert re.search(rf"\b{field}\b", PAGE), field
    for path in city.rglob("*"):
        if path.is_file():
            assert path.name in PAGE, path.name

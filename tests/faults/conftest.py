import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tiling import plan


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for thousands of small files, in memory where there is such a place."""
    monkeypatch.setattr(plan, "BLOCK_TILES", plan.BLOCK_TILES)  # scenes change it
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="cvgl-", dir=memory if memory.is_dir() else None))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)

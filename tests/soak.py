"""How many cases a test tries: few with every change, many by hand (``make test-soak``)."""

import os

SOAK = bool(os.environ.get("CVGL_SOAK"))


def cases(few: int, many: int) -> int:
    """The number for this run."""
    return many if SOAK else few

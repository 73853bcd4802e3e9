"""Self-contained HTML: templates of this package, everything escaped, nothing from the network."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cvgl_core.export import words


@cache
def environment() -> Environment:
    """Return the template environment: autoescape on, undefined names are errors."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "plain": words.plain,
        "percent": words.percent,
        "metres": words.metres,
        "ordinal": words.ordinal,
    }
    return made


def render(template: str, **values: object) -> str:
    """Return a page of ``templates/``."""
    return environment().get_template(template).render(**values)

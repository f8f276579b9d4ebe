"""docs/support.md says what is so today."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_is_up_to_date() -> None:
    page = runpy.run_path(str(DOCS / "generate_support.py"))["support"]()
    assert (DOCS / "support.md").read_text(encoding="utf-8") == page, "run: python docs/generate_support.py"

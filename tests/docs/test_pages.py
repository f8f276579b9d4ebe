"""The pages that repeat what pyproject.toml says, say the same."""

import re
import tomllib
from pathlib import Path

import zarr_hdf5 as zh

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_architecture_has_the_layers_of_the_linter() -> None:
    (contract,) = PROJECT["tool"]["importlinter"]["contracts"]
    wanted = [layer.replace("zarr_hdf5.", "") for layer in contract["layers"]]
    picture = page("docs/architecture.md").split("```")[1].removeprefix("text\n")
    assert [re.split(r"  +", line)[0] for line in picture.splitlines()] == wanted


def test_dependencies_all_have_a_reason() -> None:
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    used = [*project["dependencies"], *extras["notebook"], *extras["test"], *extras["dev"]]
    used += PROJECT["build-system"]["requires"]
    named = set(re.findall(r"`([\w.-]+)`", page("docs/dependencies.md")))
    assert {re.split(r"[>=\[]", one)[0] for one in used} <= named


def test_decisions_are_numbered_and_short() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    for number, record in enumerate(records, 1):
        text = record.read_text(encoding="utf-8")
        assert record.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number}. ")
        assert len(text.splitlines()) <= 20


def test_changelog_has_this_version() -> None:
    assert zh.__version__ in page("CHANGELOG.md")

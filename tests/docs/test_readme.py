"""What README.md shows is what happens."""

import re
import shlex
import warnings
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from itertools import pairwise
from pathlib import Path

import pytest

import zarr_hdf5 as zh
from zarr_hdf5.cli.main import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PRESETS = {'`"deflate"` (default)': "deflate", '`"zstd"`': "zstd", '`"blosc"`': "blosc", "`None`": None}


def blocks(*languages: str) -> list[tuple[str, str]]:
    """Language and text of the fenced blocks."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [(language, text) for language, text in found if language in languages]


@dataclass(frozen=True, slots=True)
class Examples:
    """Where the Python examples ran; what each printed, and what is shown for it."""

    folder: Path
    printed: list[str]
    shown: list[str]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    folder = tmp_path_factory.mktemp("readme")
    found = blocks("python", "text")
    shown = [pair for pair in pairwise(found) if (pair[0][0], pair[1][0]) == ("python", "text")]
    names: dict[str, object] = {}
    printed = []
    with chdir(folder), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Numcodecs codecs are not in the Zarr version 3 specification")
        for (_, code), _ in shown:
            out = StringIO()
            with redirect_stdout(out):
                exec(compile(code, "README.md", "exec"), names)
            printed.append(out.getvalue())
    return Examples(folder, printed, [text for _, (_, text) in shown])


def test_python_prints_what_is_shown(examples: Examples) -> None:
    assert examples.printed == examples.shown
    assert len(examples.shown) == len(blocks("python")) == 8


def commands() -> list[str]:
    return [line for _, text in blocks("sh") for line in text.splitlines() if line.startswith("zarr-hdf5 ")]


def test_commands_succeed(examples: Examples, capsys: pytest.CaptureFixture[str]) -> None:
    with chdir(examples.folder):
        for command in commands():
            assert main(shlex.split(command, comments=True)[1:]) == 0, command
            assert capsys.readouterr().out, command


def test_every_command_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = re.findall(r"^    ([a-z0-9-]+)(?: |$)", capsys.readouterr().out, re.MULTILINE)
    assert list(dict.fromkeys(shlex.split(command)[1] for command in commands())) == listed


def readers_table() -> str:
    tables = {}
    for title, compressors in PRESETS.items():
        options: dict[str, object] = {"shape": (4, 4), "dtype": "u2", "compressors": compressors}
        tables[title] = zh.create_array("memory://readers", overwrite=True, **options).readers()  # type: ignore[arg-type]
    lines = [f"| program | {' | '.join(PRESETS)} |", "|---" * (len(PRESETS) + 1) + "|"]
    for rows in zip(*tables.values(), strict=True):
        cells = [row.note if row.opens and row.note else "yes" if row.opens else "no" for row in rows]
        lines.append(f"| {rows[0].side}: {rows[0].program} | {' | '.join(cells)} |")
    return "\n".join(lines)


def test_readers() -> None:
    shown = re.search(r"<!-- readers -->\n(.*?)\n<!-- /readers -->", README, re.DOTALL)
    assert shown is not None
    assert shown[1] == readers_table(), readers_table()


def test_every_error_is_shown() -> None:
    for name in set(zh.errors.__all__) - {"Problem", "StaleVersionError"}:
        kind = getattr(zh.errors, name)
        assert f"`{name}`" in README or f"`zh.errors.{name}`" in README, name
        if kind is not zh.errors.ZarrHDF5Error:
            (row,) = re.findall(rf"^\|.*`{name}`.*\| `(\w+)` \|", README, re.MULTILINE)
            assert row in {base.__name__ for base in kind.__mro__}


def test_links_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), (page, link)


def test_continuous_integration_finds_its_lines() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for words in re.findall(r"readme_line \"(.*)\"", script):
        assert len([line for line in README.splitlines() if words in line]) == 1, words

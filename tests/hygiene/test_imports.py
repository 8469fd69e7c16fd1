"""What frequent commands do not import, and that no import crosses the layers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, sys
sys.argv = sys.argv[1:]
leave = os._exit
def tell(code):
    sys.stderr.write("MODULES " + " ".join(sorted(sys.modules)))
    sys.stderr.flush()
    leave(code)
os._exit = tell
from gastown_cli.main import gt, bd
{"gt": gt, "bd": bd}[sys.argv[0]]()
"""


def modules_of(words: list[str], cwd: Path) -> set[str]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], cwd=cwd, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.rsplit("MODULES ", 1)[1].split())


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.support.towns import reference_town

    return Path(reference_town(tmp_path_factory.mktemp("town")))


HEAVY = {
    "dataclasses",
    "hashlib",
    "typing",
    "pathlib",
    "asyncio",
    "subprocess",
    "orjson",
    "psutil",
    "git",
    "libtmux",
    "textual",
    "rich",
}

PARSING = {"argparse", "collections", "contextlib", "enum", "functools", "importlib", "json", "re"}
"""What plain words, plain text and sound JSON do not need: half as long again as a bare Python takes."""


@pytest.mark.parametrize(
    "words",
    [
        ["bd", "ready"],
        ["bd", "show", "dm-k3f"],
        ["bd", "create", "a new one"],
        ["bd", "update", "dm-k3f", "--priority", "1"],
        ["bd", "list"],
        ["gt", "convoy", "list"],
        ["gt", "convoy", "show", "hq-cv-ml8y3"],
    ],
    ids=" ".join,
)
def test_frequent_commands_import_nothing_heavy(town: Path, words: list[str]) -> None:
    # the second time: at the first the index may have to take in what was written before
    modules_of(words, town / "demo")
    assert not modules_of(words, town / "demo") & (HEAVY if "show" in words and "convoy" in words else HEAVY | PARSING)


@pytest.mark.parametrize(
    "words", [["gt", "__complete", "sling", "."], ["bd", "__complete", "close", "."]], ids=" ".join
)
def test_completion_of_beads_imports_nothing_heavy(town: Path, words: list[str]) -> None:
    modules_of(words, town / "demo")
    assert not modules_of(words, town / "demo") & (HEAVY | PARSING | {"signal"})


WRITING = {"gastown_core.beads." + name for name in ("batch", "rules", "twins", "index_intake", "jsonl_writer")}
"""What a read has no use for where the index is up to date."""
RARE = {"gastown_core.beads.filters", "gastown_core.beads.store", "gastown_core.beads.twins"}


@pytest.mark.parametrize(
    ("words", "left_out"),
    [
        (["bd", "ready"], WRITING | RARE | {"gastown_core.beads.ids", "gastown_core.beads.unfolding"}),
        (["bd", "list"], WRITING | RARE | {"gastown_core.beads.ids", "gastown_core.beads.unfolding"}),
        (["bd", "create", "another new one"], RARE),
        (["gt", "convoy", "list"], WRITING | RARE | {"gastown_core.files.tail", "gastown_core.state.collect"}),
        (["gt", "status"], WRITING | RARE | {"gastown_core.files.tail", "gastown_core.town.hook_record"}),
    ],
    ids=lambda some: " ".join(some) if isinstance(some, list) else "",
)
def test_a_command_imports_only_what_it_uses(town: Path, words: list[str], left_out: set[str]) -> None:
    folder = town / "demo" if words[0] == "bd" else town
    # the second time: at the first the index may have to take in what was written before
    modules_of(words, folder)
    assert not modules_of(words, folder) & left_out


def test_status_stays_away_from_the_console_and_from_libtmux(town: Path) -> None:
    assert not modules_of(["gt", "status"], town) & ((HEAVY - {"subprocess"}) | (PARSING - {"enum"}))


@pytest.mark.parametrize("words", [["gt", "--help"], ["bd", "--help"]], ids=" ".join)
def test_help_imports_no_command(town: Path, words: list[str]) -> None:
    loaded = modules_of(words, town)
    assert not {name for name in loaded if name.startswith(("gastown_cli.commands.", "gastown_cli.bd_commands."))}


def test_the_first_frame_needs_no_textual(town: Path) -> None:
    program = "import sys; from gastown_cli import fastpath; fastpath.frame(sys.argv[1], 160, 45, None); sys.stderr.write('MODULES ' + ' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program, str(town)], capture_output=True, text=True, timeout=30, cwd=town
    )
    assert done.returncode == 0, done.stderr
    assert not set(done.stderr.rsplit("MODULES ", 1)[1].split()) & HEAVY


def test_the_layers_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(lint), "--no-cache"], capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == 0, done.stdout


def test_the_engine_names_the_command_line_in_one_place() -> None:
    root = Path(__file__).parents[2]
    folders = ("gastown_core", "gastown_agent", "gastown_cli")
    files = [path for folder in folders for path in (root / folder).rglob("*.py")]
    naming = [str(path.relative_to(root)) for path in files if '"-m", "gastown_cli"' in path.read_text()]
    assert naming == ["gastown_core/process.py"]

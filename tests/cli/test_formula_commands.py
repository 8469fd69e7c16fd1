"""The formula commands as a person types them."""

from __future__ import annotations

import os

import pytest

from gastown_cli.gt import ROOT as GT
from gastown_cli.lazy import run_root
from tests.support.bd import bd
from tests.support.towns import reference_town

__all__ = ["bd"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return str(tmp_path / "home")


@pytest.fixture
def gt(tmp_path, home, monkeypatch, capsys):
    for key in ("GT_TOWN_ROOT", "GT_ROOT", "BEADS_DIR", "GT_ROLE", "VISUAL", "EDITOR"):
        monkeypatch.delenv(key, raising=False)
    root = reference_town(tmp_path)
    monkeypatch.chdir(root)
    monkeypatch.setenv("PWD", root)

    def run(*words: str, code: int = 0):
        capsys.readouterr()
        got = run_root(GT, list(words))
        text = capsys.readouterr()
        assert got == code, text
        return text.out + text.err

    run.root = root  # type: ignore[attr-defined]
    return run


def test_the_list_groups_by_type_and_names_tiers(bd, home) -> None:
    lines = bd("formula", "list").lines
    assert lines[0] == "Workflows"
    assert "Convoys" in lines
    assert any(line.split()[:3] == ["release", "shipped", "5"] for line in lines)
    rows = bd("formula", "list", "--json", "--type", "expansion").json
    assert [row["name"] for row in rows] == ["rule-of-five", "tdd-cycle"]


def test_a_type_of_which_there_is_none_shows_where_was_looked(bd, home) -> None:
    said = bd("formula", "list", "--tier", "user").out
    assert said.startswith("no formulas")
    assert home in said


def test_show_tells_variables_steps_and_needs(bd, home) -> None:
    said = bd("formula", "show", "release").out
    assert "version  The semantic version to release (e.g., 1.2.0)  required" in said
    assert "├─ run-tests     Run tests           ← bump-version" in said
    data = bd("formula", "show", "release", "--json").json
    assert (data["formula"], data["source"], len(data["steps"])) == ("release", "shipped:release", 5)
    assert "implement.refine-4" in bd("formula", "show", "shiny-enterprise", "--resolve").out


def test_cook_fills_in_variables_and_writes_nothing(bd, home) -> None:
    before = sorted(os.listdir(".beads"))
    out = bd("cook", "release", "--var", "version=1.2.0").json
    assert out["mode"] == "runtime"
    assert out["steps"][0]["description"] == "Run ./scripts/bump-version.sh 1.2.0"
    assert [step["needs"] for step in out["steps"]][1:] == [["bump-version"], ["run-tests"], ["build"], ["create-tag"]]
    assert bd("cook", "release").json["missing"] == ["version"]
    assert "nothing written" in bd("cook", "release", "--dry-run").out
    assert sorted(os.listdir(".beads")) == before


def test_cook_without_a_needed_variable_names_it(bd, home) -> None:
    said = bd("cook", "release", "--mode", "runtime", code=1).err
    assert said.splitlines() == [
        "formula release needs a value for version",
        "  why:  no value given and no default: version (The semantic version to release (e.g., 1.2.0))",
        "  next: add --var version=…",
    ]
    assert (
        bd("cook", "release", "--mode", "runtime", "--json", code=1).json["error"].startswith("formula release needs")
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("release", "--var", "version"), 2, "invalid --var version"),
        (("relase",), 1, "did you mean release or"),
        (("./none.formula.toml",), 1, "cannot be read"),
        (("release", "--var", "version=1", "--mode", "compile"), 2, "--var and --mode compile cannot be used together"),
    ],
)
def test_cook_refuses_politely(bd, home, words: tuple[str, ...], code: int, said: str) -> None:
    assert said in bd("cook", *words, code=code).err


def test_cook_tells_a_variable_that_the_formula_does_not_know(bd, home) -> None:
    said = bd("cook", "shiny-secure", "--var", "feature=x", "--var", "isue=y")
    assert said.err == "note: the formula has no variable isue; did you mean issue?\n"


def test_problems_come_as_data_too(bd, home) -> None:
    with open("bad.formula.toml", "w") as handle:
        handle.write('formula = "bad"\n[[steps]]\nid = "a"\ntitle = "A"\nneeds = ["b"]\npriority = 9\n')
    found = bd("cook", "bad.formula.toml", "--json", code=1).json
    assert [row["line"] for row in found["problems"]] == [6, 5]
    assert found["problems"][1]["problem"] == "step a needs an unknown step: b"


def test_a_search_path_comes_first(bd, home, tmp_path) -> None:
    os.makedirs(tmp_path / "more")
    (tmp_path / "more" / "release.formula.toml").write_text(
        'formula = "release"\n[[steps]]\nid = "only"\ntitle = "Only"\n'
    )
    out = bd("cook", "release", "--search-path", str(tmp_path / "more")).json
    assert [step["id"] for step in out["steps"]] == ["only"]


def test_a_persisted_formula_is_a_proto_once(bd, home) -> None:
    out = bd("cook", "release", "--persist", "--json").json
    assert out["formula"] == "release"
    assert out["created"] == 6
    assert out["variables"] == ["version"]
    assert bd("cook", "release", "--persist", code=1).err
    assert bd("cook", "release", "--persist", "--force").out


def test_gt_knows_formulas_by_both_words(gt) -> None:
    assert "release" in gt("formulas", "list")
    assert "release" in gt("formula", "show", "release")


def test_create_writes_where_the_town_finds_it_and_never_over_another(gt) -> None:
    said = gt("formula", "create", "mine", "--type", "workflow")
    path = os.path.join(gt.root, ".beads", "formulas", "mine.formula.toml")
    assert path in said
    assert "mine" in gt("formula", "list", "--tier", "town")
    assert "already exists" in gt("formula", "create", "mine", code=1)
    assert "there is no starter" in gt("formula", "create", "other", "--type", "opera", code=2)
    assert "letters, digits" in gt("formula", "create", "../up", code=2)


def test_an_overlay_is_edited_shown_and_listed(gt, monkeypatch, tmp_path) -> None:
    editor = tmp_path / "editor"
    editor.write_text(
        '#!/bin/sh\nprintf \'[[step-overrides]]\\nstep_id = "build"\\nmode = "skip"\\n'
        '[[step-overrides]]\\nstep_id = "nope"\\nmode = "skip"\\n\' >> "$1"\n'
    )
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    said = gt("formula", "overlay", "edit", "release", "--rig", "demo")
    assert "release has no step nope" in said
    assert "2 overrides" in said
    shown = gt("formula", "overlay", "show", "release", "--rig", "demo")
    assert "build  skip" in shown
    assert "no such step in the formula" in shown
    assert "demo" in gt("formula", "overlay", "list")
    assert "no overlay for release" in gt("formula", "overlay", "show", "release", "--town")
    assert '"create-tag"' in gt("formula", "show", "release", "--resolve", "--rig", "demo", "--json")
    assert '"build"\n      ' not in gt("formula", "show", "release", "--resolve", "--rig", "demo", "--json")

"""What stops a program before its first prompt, by the files that it would read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gastown_core.git.repo import Git
from gastown_core.runtimes.presets import BUILT_IN
from gastown_core.runtimes.readiness import obstacles
from gastown_core.runtimes.readiness.obstacle import Obstacle, Surroundings, with_json, without_comments
from gastown_core.runtimes.readiness.repository import repository_of
from gastown_core.runtimes.readiness.version import is_older
from tests.support.repos import make_repo

KEY = "sk-ant-0123456789-abcdefghij-0123456789"


class Home:
    """A home folder, a repository in which an agent works, and a program on PATH."""

    def __init__(self, base: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.work, self.preset = base / "home", base / "work", BUILT_IN[command]
        program = base / "bin" / command
        program.parent.mkdir()
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        self.path.mkdir()
        make_repo(str(self.work))
        self.env = {"HOME": str(self.path), "IS_SANDBOX": "1"}

    def put(self, name: str, content: Any) -> Path:
        place = self.path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
        return place

    def found(self, *, quick: bool = False, **env: str) -> list[Obstacle]:
        return obstacles(self.preset, str(self.work), Surroundings({**self.env, **env}, is_quick=quick))

    def kinds(self, **env: str) -> list[str]:
        return [one.kind for one in self.found(**env)]


@pytest.fixture
def claude(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path, "claude", monkeypatch)


@pytest.fixture
def copilot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path, "copilot", monkeypatch)


@pytest.fixture
def codex(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path, "codex", monkeypatch)


@pytest.fixture
def gemini(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path, "gemini", monkeypatch)


def claude_record(home: Home, **more: Any) -> dict[str, Any]:
    trusted = {str(home.work): {"hasTrustDialogAccepted": True}}
    return {"hasCompletedOnboarding": True, "oauthAccount": {"x": 1}, "projects": trusted, **more}


def worktree(source: Path, bare: Path, tree: Path) -> None:
    """A worktree of a bare repository, as polecats have them."""
    Git(str(source)).run("clone", "--quiet", "--bare", str(source), str(bare))
    Git(str(bare)).run("worktree", "add", "--quiet", "-b", "x", str(tree))


ACCEPTED = {"skipDangerousModePermissionPrompt": True}


def test_nothing_stands_in_the_way_of_a_claude_that_was_set_up(claude: Home) -> None:
    claude.put(".claude.json", claude_record(claude))
    claude.put(".claude/settings.json", ACCEPTED)

    assert claude.found() == []


def test_the_record_of_an_old_installation_is_read_where_it_has_no_newer_one(claude: Home) -> None:
    claude.put(".claude/settings.json", ACCEPTED)
    claude.put(".claude/.config.json", claude_record(claude))
    assert claude.found() == []

    claude.put(".claude.json", {})
    assert claude.kinds() == ["setup", "login", "trust"]


def test_a_new_claude_meets_everything(claude: Home) -> None:
    assert claude.kinds() == ["setup", "login", "bypass", "trust"]


@pytest.mark.parametrize(
    ("change", "env", "kinds"),
    [
        ({"hasCompletedOnboarding": False}, {}, ["setup"]),
        ({"oauthAccount": None}, {}, ["login"]),
        ({"oauthAccount": None}, {"ANTHROPIC_AUTH_TOKEN": "t"}, []),
        ({"oauthAccount": None}, {"CLAUDE_CODE_USE_BEDROCK": "1"}, []),
        ({}, {"ANTHROPIC_API_KEY": KEY}, ["key"]),
        ({"customApiKeyResponses": {"approved": [KEY[-20:]]}}, {"ANTHROPIC_API_KEY": KEY}, []),
        ({"customApiKeyResponses": {"rejected": [KEY[-20:]]}}, {"ANTHROPIC_API_KEY": KEY}, ["key"]),
        ({"customApiKeyResponses": [1]}, {"ANTHROPIC_API_KEY": KEY}, ["key"]),
        ({"projects": {}}, {}, ["trust"]),
        ({"projects": [1]}, {}, ["trust"]),
        ({"bypassPermissionsModeAccepted": True}, {}, []),
    ],
)
def test_each_thing_that_claude_asks_is_found_by_itself(
    claude: Home, change: dict[str, Any], env: dict[str, str], kinds: list[str]
) -> None:
    claude.put(".claude.json", claude_record(claude, **change))
    claude.put(".claude/settings.json", {} if "bypassPermissionsModeAccepted" in change else ACCEPTED)

    assert claude.kinds(**env) == kinds


def test_claude_as_root_needs_a_sandbox(claude: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    claude.put(".claude.json", claude_record(claude))
    claude.put(".claude/settings.json", ACCEPTED)
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert claude.kinds(IS_SANDBOX="") == ["root"]
    assert claude.kinds(IS_SANDBOX="1") == []
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert claude.kinds(IS_SANDBOX="") == []


def test_settings_that_forbid_bypassed_permissions_have_no_fix(claude: Home) -> None:
    claude.put(".claude.json", claude_record(claude))
    claude.put(".claude/settings.json", {**ACCEPTED, "permissions": {"disableBypassPermissionsMode": "disable"}})

    (found,) = claude.found()
    assert (found.kind, found.edit) == ("bypass", None)


def test_a_login_or_a_key_is_never_fixed(claude: Home) -> None:
    found = {one.kind: one for one in claude.found(ANTHROPIC_API_KEY=KEY)}

    assert found["key"].edit is None
    assert {one.kind: one for one in claude.found()}["login"].edit is None


def test_claudes_trust_is_that_of_the_bare_repository_for_all_its_worktrees(claude: Home, tmp_path: Path) -> None:
    bare, tree = tmp_path / "rig" / ".repo.git", tmp_path / "rig" / "polecats" / "opal" / "rig"
    worktree(claude.work, bare, tree)
    claude.put(".claude/settings.json", ACCEPTED)
    claude.put(".claude.json", claude_record(claude))
    claude.work = tree

    (found,) = claude.found()
    assert (found.kind, found.edit and found.edit.folder) == ("trust", str(bare))
    assert found.edit is not None
    claude.put(".claude.json", found.edit.change((claude.path / ".claude.json").read_bytes()).decode())
    assert claude.found() == []
    assert str(claude.work) not in json.loads((claude.path / ".claude.json").read_text())["projects"]


def test_a_trusted_parent_counts_up_to_the_repository_only(claude: Home) -> None:
    claude.put(".claude/settings.json", ACCEPTED)
    claude.put(
        ".claude.json", claude_record(claude, projects={str(claude.work.parent): {"hasTrustDialogAccepted": True}})
    )
    assert claude.kinds() == ["trust"]

    plain = claude.work.parent / "plain"
    plain.mkdir()
    claude.work = plain
    assert claude.kinds() == []


@pytest.mark.parametrize("junk", ["{", "[1]", '"x"', "{" * 5000, "\x00\x01"])
@pytest.mark.parametrize("name", [".claude.json", ".claude/settings.json"])
def test_a_file_that_claude_cannot_read_is_told_and_never_replaced(claude: Home, name: str, junk: str) -> None:
    claude.put(name, junk)

    (found,) = claude.found()
    assert (found.kind, found.edit) == ("setup", None)
    assert str(claude.path / name) in found.what
    with pytest.raises(ValueError):
        with_json(junk.encode(), lambda value: None)


def test_a_file_that_is_too_large_or_no_file_is_told(claude: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gastown_core.runtimes.readiness.obstacle.MOST_BYTES", 10)
    claude.put(".claude.json", claude_record(claude))
    assert "larger" in claude.found()[0].why
    (claude.path / ".claude.json").unlink()
    (claude.path / ".claude.json").mkdir()
    assert "directory" in claude.found()[0].why


def test_without_a_home_variable_the_users_own_is_read(claude: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "expanduser", lambda path: path.replace("~", str(claude.path)))
    claude.put(".claude.json", claude_record(claude))
    claude.put(".claude/settings.json", ACCEPTED)
    claude.env.pop("HOME")

    assert claude.found() == []


def test_a_program_that_is_missing_or_too_old_is_told(claude: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    claude.put(".claude.json", claude_record(claude))
    claude.put(".claude/settings.json", ACCEPTED)
    package = claude.path.parent / "package.json"
    package.write_text('{"version": "2.0.19"}')
    assert "2.0.19 is too old" in claude.found()[0].what
    assert claude.found()[0].remedy == "npm install -g @anthropic-ai/claude-code@latest"
    package.write_text('{"version": "2.0.20"}')
    assert claude.found() == []

    monkeypatch.setenv("PATH", "/nowhere")
    assert claude.kinds() == ["program"]


@pytest.mark.parametrize(
    ("version", "than", "older"),
    [
        ("2.0.9", "2.0.20", True),
        ("2.1", "2.0.20", False),
        ("", "2.0", False),
        ("x.y", "2.0", False),
        ("2.0.20-b", "2.0.20", False),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str, than: str, older: bool) -> None:
    assert is_older(version, than) is older


CODEX = 'model_provider = "own"\n[model_providers.own]\nenv_key = "OWN_KEY"\n'


def codex_trust(folder: object) -> str:
    return f'[projects."{folder}"]\ntrust_level = "trusted"\n'


@pytest.mark.parametrize(
    ("config", "env", "kinds"),
    [
        ("", {}, ["login", "trust"]),
        (CODEX, {}, ["login", "trust"]),
        (CODEX, {"OWN_KEY": "x"}, ["trust"]),
        (CODEX + codex_trust("WORK"), {"OWN_KEY": "x"}, []),
        (CODEX + codex_trust("WORK").replace("trusted", "untrusted"), {"OWN_KEY": "x"}, []),
        ("[projects", {}, ["setup"]),
    ],
)
def test_what_codex_asks(codex: Home, config: str, env: dict[str, str], kinds: list[str]) -> None:
    codex.put(".codex/config.toml", config.replace("WORK", str(codex.work)))

    assert codex.kinds(**env) == kinds


def test_codex_with_an_account_is_logged_in(codex: Home) -> None:
    codex.put(".codex/auth.json", "{}")
    codex.put(".codex/config.toml", codex_trust(codex.work))

    assert codex.found() == []


def test_codex_ends_where_its_folder_is_missing(codex: Home) -> None:
    (found,) = codex.found(CODEX_HOME=str(codex.path / "none"))

    assert found.kind == "setup" and found.edit is not None and found.edit.change(None) == b""


def test_hooks_of_codex_that_nobody_looked_at_wait_for_a_review(codex: Home) -> None:
    hooks = codex.put(".codex/hooks.json", {"hooks": {"Stop": [{"hooks": []}]}})
    config = CODEX + codex_trust(codex.work)
    codex.put(".codex/config.toml", config)
    assert codex.kinds(OWN_KEY="x") == ["review"]

    codex.put(".codex/config.toml", f'{config}[hooks.state."{hooks}:stop:0:0"]\ntrusted_hash = "sha256:1"\n')
    assert codex.kinds(OWN_KEY="x") == []


def test_codex_trusts_each_worktree_of_a_bare_repository(codex: Home, tmp_path: Path) -> None:
    bare, tree = tmp_path / "rig" / ".repo.git", tmp_path / "rig" / "tree"
    worktree(codex.work, bare, tree)
    own = CODEX + codex_trust(codex.work)
    config = codex.put(".codex/config.toml", own)
    codex.work = tree

    (found,) = codex.found(OWN_KEY="x")
    assert found.edit is not None and found.edit.folder == str(tree)
    after = found.edit.change(config.read_bytes())
    assert after.decode().startswith(own), "what stood there stays"
    config.write_bytes(after)
    assert codex.found(OWN_KEY="x") == codex.found(OWN_KEY="x", quick=True) == []
    assert found.edit.change(after) == after, "a second time changes nothing"


@pytest.mark.parametrize("odd", ["projects = {}\n", "[projects", 'x = """\n[projects]\n'])
def test_settings_of_codex_in_an_odd_form_are_never_written(codex: Home, odd: str) -> None:
    codex.put(".codex/config.toml", "")
    edit = codex.found()[-1].edit

    assert edit is not None
    with pytest.raises(ValueError):
        edit.change(odd.encode())


def test_what_gemini_asks(gemini: Home) -> None:
    assert gemini.kinds() == ["setup", "login", "trust"]
    assert gemini.found()[0].edit is None, "which log-in is a person's choice while there is no key"

    found = gemini.found(GEMINI_API_KEY="x")
    assert [one.kind for one in found] == ["setup", "trust"]
    for one in found:
        assert one.edit is not None
        path = Path(one.edit.path)
        gemini.put(str(path.relative_to(gemini.path)), one.edit.change(None).decode())
    assert gemini.found(GEMINI_API_KEY="x") == []


@pytest.mark.parametrize(
    ("rules", "kinds"),
    [
        ({"ABOVE": "TRUST_FOLDER"}, []),
        ({"WORK/x": "TRUST_PARENT"}, []),
        ({"ABOVE": "TRUST_FOLDER", "WORK": "DO_NOT_TRUST"}, ["trust"]),
        ({"ABOVE": "DO_NOT_TRUST", "WORK": "TRUST_FOLDER"}, []),
        ({"WORK": "TRUST_FOLDER", "ABOVE": "DO_NOT_TRUST"}, []),
        ({"WORKER": "TRUST_FOLDER"}, ["trust"]),
        ({"WORK": 5}, ["trust"]),
    ],
)
def test_the_longest_rule_of_gemini_counts(gemini: Home, rules: dict[str, Any], kinds: list[str]) -> None:
    gemini.put(".gemini/settings.json", '{"security": {"auth": {"selectedType": "gemini-api-key"}}} // mine')
    places = {"ABOVE": str(gemini.work.parent), "WORK": str(gemini.work)}
    named = {
        key.replace("ABOVE", places["ABOVE"]).replace("WORK", places["WORK"]): level for key, level in rules.items()
    }
    gemini.put(".gemini/trustedFolders.json", named)

    assert gemini.kinds(GEMINI_API_KEY="x") == kinds


def test_gemini_finds_its_key_in_a_file_beside_its_settings(gemini: Home) -> None:
    gemini.put(".gemini/.env", "GEMINI_API_KEY=x\n")
    gemini.put(
        ".gemini/settings.json",
        {"security": {"folderTrust": {"enabled": False}, "auth": {"selectedType": "gemini-api-key"}}},
    )

    assert gemini.found() == []


def test_the_scripted_agent_and_unknown_runtimes_have_nothing_to_ask(tmp_path: Path) -> None:
    assert obstacles(BUILT_IN["scripted"], str(tmp_path), Surroundings({})) == []
    assert [
        one.kind for one in obstacles(BUILT_IN["amp"]._replace(command="/no/amp"), str(tmp_path), Surroundings({}))
    ] == ["program"]


@pytest.mark.parametrize(
    "text",
    ['{"b":1,"a":[1,2]}', '{\n  "b": 1,\n  "a": "\u00fc"\n}\n', '{\n\t"b": 1\n}', '{\n    "b": {}\n}', ""],
)
def test_one_change_of_a_json_file_keeps_the_rest_and_its_form(text: str) -> None:
    changed = with_json(text.encode(), lambda value: value.update(new=True)).decode()

    assert json.loads(changed) == {**(json.loads(text) if text else {}), "new": True}
    back = with_json(changed.encode(), lambda value: value.pop("new")).decode()
    assert back == text or not text


def test_comments_are_taken_out_and_texts_stay() -> None:
    assert json.loads(without_comments(b'{"a": "// \\" /* x */", /* y */ "b": 1} // end')) == {
        "a": '// " /* x */',
        "b": 1,
    }


def test_a_folder_outside_of_any_repository_has_none(tmp_path: Path) -> None:
    # a temporary folder may lie in one
    assert repository_of("/proc/self").main == ""


@pytest.mark.parametrize("text", [None, "junk", "gitdir: /nowhere/repo.git/worktrees/x", "gitdir: sup/.git/modules/m"])
def test_an_empty_folder_and_a_file_that_leads_to_no_shared_one_begin_a_repository_of_their_own(
    tmp_path: Path, text: str | None
) -> None:
    if text is None:
        (tmp_path / ".git").mkdir()
    else:
        (tmp_path / "sup" / ".git" / "modules" / "m").mkdir(parents=True)
        (tmp_path / ".git").write_text(text)
    found = repository_of(str(tmp_path / "not" / "yet"))

    # Claude Code keeps its trust under that folder
    assert (found.top, found.main, found.is_bare) == (str(tmp_path), str(tmp_path), False)


@pytest.mark.parametrize(
    ("folders", "kinds"),
    [
        (["WORK"], []),
        (["ABOVE"], []),
        (["WORKER"], ["trust"]),
        (["."], ["trust"]),
        ([5, None], ["trust"]),
        ("WORK", ["trust"]),
    ],
)
def test_a_folder_that_copilot_trusts_covers_all_below_it(copilot: Home, folders: Any, kinds: list[str]) -> None:
    places = {"ABOVE": str(copilot.work.parent), "WORK": str(copilot.work), "WORKER": f"{copilot.work}er"}
    named = [places.get(one, one) for one in folders] if isinstance(folders, list) else folders
    copilot.put(".copilot/config.json", "// managed\n" + json.dumps({"trustedFolders": named}))

    assert copilot.kinds() == kinds


@pytest.mark.parametrize("before", [None, '{"a": 1}', '// User settings\n// managed\n{\n  "a": 1\n}\n'])
def test_copilots_trust_is_mended_once_and_its_comments_stay(copilot: Home, before: str | None) -> None:
    (found,) = copilot.found()
    assert found.edit is not None
    after = found.edit.change(before.encode() if before is not None else None)
    copilot.put(".copilot/config.json", after.decode())

    assert copilot.found() == [] and found.edit.change(after) == after
    assert after.startswith(b"// User settings\n// managed\n") == bool(before and before.startswith("//"))
    assert before is None or b'"a": 1' in after or b'"a":1' in after


@pytest.mark.parametrize("odd", ["[1]", '{"trustedFolders": "x"}', '{"a": 1, // mine\n "b": 2}', "{"])
def test_settings_of_copilot_in_an_odd_form_are_never_written(copilot: Home, odd: str) -> None:
    (found,) = copilot.found()

    assert found.edit is not None
    with pytest.raises(ValueError):
        found.edit.change(odd.encode())


@pytest.mark.parametrize(
    ("files", "env", "kinds"),
    [
        ({}, {}, ["login"]),
        ({}, {"ANTHROPIC_API_KEY": "sk-1"}, []),
        ({}, {"ANTHROPIC_API_KEY": ""}, ["login"]),
        ({}, {"AWS_PROFILE": "work"}, []),
        ({"auth.json": "{}"}, {}, ["login"]),
        ({"auth.json": '{"anthropic": {"type": "api_key"}}'}, {}, []),
        ({"models.json": '{"providers": {"mine": {"apiKey": "x"}}}'}, {}, []),
        ({"models.json": '// mine\n{"providers": {"mine": {"apiKey": "x"}}}'}, {}, []),
        ({"models.json": '{"providers": []}'}, {}, ["login"]),
        ({"models.json": "{ junk"}, {}, ["setup"]),
        ({"extensions/provider.ts": "//"}, {}, []),
        ({"settings.json": '{"packages": ["npm:x"]}'}, {}, []),
    ],
)
def test_pi_needs_a_provider_of_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], env: dict[str, str], kinds: list[str]
) -> None:
    pi = Home(tmp_path, "pi", monkeypatch)
    for name, content in files.items():
        pi.put(f".pi/agent/{name}", content)

    assert pi.kinds(**env) == kinds


def test_pi_reads_the_folder_that_its_variable_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pi = Home(tmp_path, "pi", monkeypatch)
    pi.put("elsewhere/auth.json", {"openai": {"type": "oauth"}})

    assert pi.kinds() == ["login"]
    assert pi.kinds(PI_CODING_AGENT_DIR="~/elsewhere") == []


@pytest.mark.parametrize(
    ("config", "kinds"),
    [
        (None, ["setup"]),
        ("theme: dark\n", ["setup"]),
        ("theme: dark\nsetupVersion: 1\n", []),
        ('{\n  "setupVersion": 1,\n  "theme": "dark"\n}', []),
        ('{"setupVersion": 1}', []),
        ("setupVersion:\n", ["setup"]),
        ("# setupVersion: 1\n", ["setup"]),
    ],
)
def test_omp_begins_with_its_set_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str | None, kinds: list[str]
) -> None:
    omp = Home(tmp_path, "omp", monkeypatch)
    if config is not None:
        omp.put(".omp/agent/config.yml", config)

    assert omp.kinds() == kinds


@pytest.mark.parametrize(
    ("config", "kinds"),
    [
        (None, []),
        ("", []),
        ('{"model": "a/b"}', []),
        ('{"model": "a/b", // mine\n}', []),
        ("{ junk", ["setup"]),
        ("[" * 5000, ["setup"]),
    ],
)
@pytest.mark.parametrize("name", ["opencode.json", "opencode.jsonc"])
def test_opencode_ends_at_settings_that_are_no_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, config: str | None, kinds: list[str]
) -> None:
    opencode = Home(tmp_path, "opencode", monkeypatch)
    if config is not None:
        opencode.put(f".config/opencode/{name}", config)

    assert opencode.kinds() == kinds

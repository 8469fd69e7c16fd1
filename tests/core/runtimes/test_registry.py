import pytest

from gastown_core.errors import NotFoundError, SettingsError, UsageError
from gastown_core.runtimes.definition import preset_from
from gastown_core.runtimes.launch import command_line, process_names, resume_line, session_env
from gastown_core.runtimes.presets import BUILT_IN
from gastown_core.runtimes.registry import all_presets, find_preset, parse_command, resolve

TEN = ["claude", "gemini", "codex", "cursor", "auggie", "amp", "opencode", "copilot", "pi", "omp"]

SEED_CODEX = {"runtime": {"provider": "codex", "command": "codex", "args": [], "prompt_mode": "none"}}
SEED_ROLES = {
    "roles": {
        "mayor": {"agent": "claude-opus"},
        "polecat": {"agent": "claude-sonnet"},
        "deacon": {"agent": "claude-haiku"},
    }
}
CLAUDES = {
    "agents": {
        "claude-opus": "claude --model claude-opus-4-6",
        "claude-sonnet": {"command": "claude", "args": ["--model", "sonnet"]},
        "claude-haiku": {"command": "claude", "args": ["--model", "haiku", "--dangerously-skip-permissions"]},
    }
}
SKIP = "--dangerously-skip-permissions"


def test_the_ten_runtimes_and_ours_are_there():
    assert list(BUILT_IN) == [*TEN, "scripted"]


COMMANDS = {
    "claude": ["claude", SKIP, "go"],
    "gemini": ["gemini", "--approval-mode", "yolo", "-i", "go"],
    "codex": [
        "codex",
        "-c",
        "features.daemon_auto_start=false",
        "-c",
        "allow_login_shell=false",
        "--dangerously-bypass-approvals-and-sandbox",
        "go",
    ],
    "cursor": ["cursor-agent", "-f", "go"],
    "auggie": ["auggie", "--allow-indexing", "go"],
    "amp": ["amp", "--dangerously-allow-all", "--no-ide", "go"],
    "opencode": ["opencode", "--prompt", "go"],
    "copilot": ["copilot", "--yolo", "-i", "go"],
    "pi": ["pi", "go"],
    "omp": ["omp", "go"],
}


@pytest.mark.parametrize("name", TEN)
def test_each_runtime_starts_with_its_own_words(name):
    assert command_line(BUILT_IN[name], "go") == COMMANDS[name]


RESUMES = {
    "claude": ["claude", SKIP, "--resume", "id-1"],
    "codex": ["codex", "resume", "id-1", *BUILT_IN["codex"].all_args],
    "omp": ["omp", "--resume", "id-1"],
    "amp": ["amp", "threads", "continue", "id-1", "--dangerously-allow-all", "--no-ide"],
}


@pytest.mark.parametrize("name", RESUMES)
def test_resuming_by_flag_or_by_subcommand(name):
    assert resume_line(BUILT_IN[name], "id-1") == RESUMES[name]


def test_what_cannot_resume_says_so():
    with pytest.raises(UsageError, match="cannot resume"):
        resume_line(BUILT_IN["scripted"], "id-1")
    with pytest.raises(UsageError, match="last session"):
        resume_line(BUILT_IN["gemini"])
    with pytest.raises(UsageError, match="no session id"):
        resume_line(BUILT_IN["claude"], "x; touch owned")
    assert resume_line(BUILT_IN["claude"])[-1] == "--continue"


def test_a_prompt_that_looks_like_an_option_stays_a_prompt():
    assert command_line(BUILT_IN["claude"], "--help")[-2:] == ["--", "--help"]


def test_the_session_is_told_what_runs_in_it():
    env = session_env(BUILT_IN["opencode"])
    assert env["GT_AGENT"] == "opencode"
    assert env["GT_PROCESS_NAMES"] == "opencode,node,bun"
    assert env["OPENCODE_PERMISSION"] == '{"*":"allow"}'
    assert env["GT_RUNTIME"] == "opencode"


def test_a_session_of_an_alias_is_told_what_the_alias_stands_for():
    env = session_env(preset_from("quick", {"provider": "codex", "args": ["--fast"]}))
    assert (env["GT_AGENT"], env["GT_RUNTIME"]) == ("quick", "codex")


def test_the_seeds_codex_rig_gets_codex_without_autonomy_and_without_a_prompt():
    chosen = resolve("polecat", "opal", rig_settings=SEED_CODEX, town_settings={"default_agent": "gemini"})
    assert (chosen.alias, chosen.source) == ("codex", "rig runtime")
    assert command_line(chosen.preset, "go") == ["codex", *BUILT_IN["codex"].identity_args]
    assert chosen.preset.process_names == ("codex",)


@pytest.mark.parametrize("level", ["rig", "town"])
@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("mayor", ["claude", SKIP, "--model", "claude-opus-4-6"]),
        ("polecat", ["claude", SKIP, "--model", "sonnet"]),
        ("deacon", ["claude", SKIP, "--model", "haiku"]),
        ("witness", ["claude", SKIP]),
    ],
)
def test_the_seeds_roles_form_works_for_rig_and_town(level, role, words):
    settings = {f"{level}_settings": {**SEED_ROLES, **CLAUDES}}
    chosen = resolve(role, **settings)
    assert command_line(chosen.preset) == words
    assert chosen.warnings == ()


# one settings dict with everything in it; each row takes the first place away
PLACES = [
    ("rig worker_agents.ana", "rig", "worker_agents", {"ana": "amp"}, "amp"),
    ("town crew_agents.ana", "town", "crew_agents", {"ana": "auggie"}, "auggie"),
    ("rig role_agents.crew", "rig", "role_agents", {"crew": "copilot"}, "copilot"),
    ("rig roles.crew", "rig", "roles", {"crew": {"agent": "cursor"}}, "cursor"),
    ("town role_agents.crew", "town", "role_agents", {"crew": "pi"}, "pi"),
    ("town roles.crew", "town", "roles", {"crew": {"agent": "omp"}}, "omp"),
    ("rig runtime", "rig", "runtime", {"provider": "gemini", "command": "gemini"}, "gemini"),
    ("rig agent", "rig", "agent", "opencode", "opencode"),
    ("town default_agent", "town", "default_agent", "codex", "codex"),
]


@pytest.mark.parametrize("first", range(len(PLACES)))
def test_the_order_of_precedence(first):
    settings = {"rig": {}, "town": {}}
    for _, level, key, value, _ in PLACES[first:]:
        settings[level][key] = value
    chosen = resolve("crew", "ana", rig_settings=settings["rig"], town_settings=settings["town"])
    assert (chosen.source, chosen.preset.name) == (PLACES[first][0], PLACES[first][4])


def test_without_any_setting_it_is_claude():
    assert resolve("polecat").preset.name == "claude"


def test_the_override_wins_and_an_unknown_one_lists_near_matches():
    assert resolve("crew", "ana", "gemini", {"worker_agents": {"ana": "amp"}}).preset.name == "gemini"
    with pytest.raises(NotFoundError) as caught:
        resolve("crew", "ana", "cluade")
    assert "claude" in caught.value.hint


def test_an_unknown_name_in_the_settings_warns_and_the_next_is_taken():
    chosen = resolve(
        "polecat", "opal", rig_settings={"worker_agents": {"opal": "nope"}}, town_settings={"default_agent": "amp"}
    )
    assert chosen.preset.name == "amp"
    assert len(chosen.warnings) == 1
    assert "nope" in chosen.warnings[0]


def test_a_name_is_looked_up_near_to_far():
    layers = [{"agents": {"x": {"command": word}}} for word in ("one", "two", "three", "four")]
    for number in range(4):
        rest = [None] * number + layers[number:]
        chosen = resolve("polecat", "", "x", *rest)
        assert chosen.preset.command == ("one", "two", "three", "four")[number]
    assert BUILT_IN["claude"].command == "claude"


def test_an_alias_of_a_built_in_keeps_its_autonomy_screens_and_names():
    preset = find_preset("codex-low", [{"codex-low": "codex --thinking low"}])
    assert command_line(preset) == [*command_line(BUILT_IN["codex"]), "--thinking", "low"]
    again = "codex --dangerously-bypass-approvals-and-sandbox --thinking low"
    assert command_line(find_preset("codex-low", [{"codex-low": again}])) == command_line(preset)
    assert (preset.screens, preset.process_names) == ("codex", ("codex",))


def test_an_unknown_program_inherits_nothing():
    preset = find_preset("kimi", [{"kimi": {"command": "/opt/kimi", "args": ["--yolo"], "ready_delay_ms": 5000}}])
    assert command_line(preset, "go") == ["/opt/kimi", "--yolo", "go"]
    assert process_names(preset) == ("kimi",)
    assert preset.hooks.provider == ""
    assert preset.ready_delay_s == 5.0


def test_quotes_in_a_command_are_a_shells():
    assert parse_command('claude --append "two words"', "x") == {"command": "claude", "args": ["--append", "two words"]}
    with pytest.raises(UsageError, match="cannot be read"):
        parse_command('claude "open', "x")
    with pytest.raises(UsageError, match="is empty"):
        parse_command("  ", "x")


@pytest.mark.parametrize(
    ("definition", "key"),
    [
        (7, "agents.x"),
        ({"command": 7}, "agents.x.command"),
        ({"command": "x", "args": [1]}, "agents.x.args"),
        ({"command": "x", "prompt_mode": "loud"}, "agents.x.prompt_mode"),
        ("", "agents.x"),
    ],
)
def test_a_definition_that_makes_no_sense_names_its_key(definition, key):
    with pytest.raises(SettingsError) as caught:
        find_preset("x", [{"x": definition}])
    assert key in str(caught.value)


def test_the_list_shows_each_name_once_and_marks_custom_ones():
    rows = [preset.as_json() for preset in all_presets(town_settings={"agents": {"amp": "amp -q", "kimi": "kimi"}})]
    names = [row["name"] for row in rows]
    assert sorted(names) == sorted({*TEN, "scripted", "kimi"})
    assert {row["name"] for row in rows if row["is_custom"]} == {"amp", "kimi"}


def test_a_full_runtime_object_is_understood():
    runtime = {
        "command": "vibe",
        "args": ["-x"],
        "env": {"A": "1"},
        "prompt_mode": "none",
        "session": {"session_id_env": "VIBE_ID", "config_dir_env": "VIBE_HOME"},
        "hooks": {"provider": "claude", "dir": ".vibe", "settings_file": "s.json", "informational": True},
        "tmux": {"process_names": ["vibe", "node"], "ready_prompt_prefix": "❯ ", "ready_delay_ms": 1500},
        "instructions": {"file": "VIBE.md"},
        "exec_wrapper": ["nice"],
    }
    preset = resolve("polecat", rig_settings={"runtime": runtime}).preset
    assert command_line(preset, "go") == ["nice", "vibe", "-x"]
    assert preset.session_id_env == "VIBE_ID"
    assert preset.config_dir_env == "VIBE_HOME"
    assert (preset.hooks.dir, preset.hooks.executable) == (".vibe", False)
    assert process_names(preset) == ("vibe", "node")
    assert (preset.ready_prefix, preset.ready_delay_s) == ("❯ ", 1.5)
    assert preset.instructions_file == "VIBE.md"
    assert session_env(preset)["A"] == "1"


def test_an_alias_without_arguments_keeps_what_keeps_agents_apart():
    entry = {"provider": "codex", "command": "/opt/careful-codex", "args": []}

    words = command_line(find_preset("careful", [{"careful": entry}]), "go")

    kept = ["-c", "features.daemon_auto_start=false", "-c", "allow_login_shell=false"]
    assert words == ["/opt/careful-codex", *kept, "go"]

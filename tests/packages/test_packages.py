"""Packages for other installers say the same version, lock the same packages, and start the program that is there."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from gastown_cli.commands.version import way_of
from gastown_core import __version__
from packages.formula import formula, pins, resource

HERE = Path(__file__).parents[2]
ALLOWED = ("MIT", "BSD", "APACHE", "ISC", "PSF", "PYTHON SOFTWARE FOUNDATION", "MPL-2.0", "MPL 2.0", "UNLICENSE")
"""Licences, each compatible with ours, that a package may have."""


def test_one_place_has_the_version() -> None:
    assert metadata.version("gastown-tui") == __version__
    assert json.loads((HERE / "packages/npm/package.json").read_text())["version"] == __version__
    assert 'dynamic = ["version"]' in (HERE / "pyproject.toml").read_text()


def test_every_locked_package_has_a_licence_that_fits() -> None:
    seen, wrong = 0, []
    for name in pins((HERE / "requirements.lock").read_text()):
        try:
            told = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            continue  # for another system
        seen += 1
        classes = [line for line in told.get_all("Classifier") or () if line.startswith("License ::")]
        words = " ".join((told.get("License-Expression") or "", (told.get("License") or "")[:200], *classes)).upper()
        if not any(word in words for word in ALLOWED):
            wrong.append((name, words))
    assert seen > 15 and wrong == []


def test_the_formula_names_the_sdist_by_its_checksum(tmp_path: Path) -> None:
    sdist = tmp_path / f"gastown_tui-{__version__}.tar.gz"
    sdist.write_bytes(b"x")
    text = formula(str(sdist), '  resource "rich" do\n  end\n')
    assert (
        hashlib.sha256(b"x").hexdigest() in text
        and f"/v{__version__}/" in text
        and "@" not in text.replace("python@", "")
    )
    if shutil.which("ruby"):
        subprocess.run(["ruby", "-c"], input=text, text=True, check=True, capture_output=True)


def test_a_resource_is_the_sdist_or_the_wheel_for_every_system_whose_checksum_is_locked() -> None:
    sums = frozenset({"a" * 64, "b" * 64})

    def file(name: str, digest: str, host: str = "https://files.example.org") -> dict[str, object]:
        return {"url": f"{host}/{name}", "hashes": {"sha256": digest * 64}}

    sdist, wheel = file("rich-15.0.tar.gz", "a"), file("rich-15.0-py3-none-any.whl", "b")
    whole = {"name": "rich", "version": "15.0", "sdist": sdist, "wheels": [wheel]}
    stanza = '  resource "rich" do\n    url "https://files.example.org/{}"\n    sha256 "{}"\n  end\n'
    assert resource("rich", "15.0", sums, [whole]) == stanza.format("rich-15.0.tar.gz", "a" * 64)
    foreign = {**whole, "sdist": file("rich-15.0.tar.gz", "c")}
    assert resource("rich", "15.0", sums, [foreign]) == stanza.format("rich-15.0-py3-none-any.whl", "b" * 64)
    native = file("rich-15.0-cp313-cp313-macosx_11_0_arm64.whl", "b")
    hostile = file('rich-15.0.tar.gz"; system "true', "a")
    for wrong in (
        {**whole, "version": "15.1"},
        {**whole, "name": "rich2"},
        {**foreign, "wheels": [native]},
        {**foreign, "wheels": [], "sdist": hostile},
        {**foreign, "wheels": [], "sdist": file("rich-15.0.tar.gz", "a", "http://files.example.org")},
    ):
        with pytest.raises(SystemExit, match="no file for every system"):
            resource("rich", "15.0", sums, [wrong])


def test_the_lock_file_is_read_with_the_checksums_of_each_package() -> None:
    found = pins((HERE / "requirements.lock").read_text())
    assert {"rich", "textual", "psutil"} <= found.keys() and "asyncinotify" not in found
    assert all(re.fullmatch(r"[0-9a-f]{64}", one) for _, sums in found.values() for one in sums)


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_the_npm_wrapper_becomes_the_program_that_is_installed(tmp_path: Path) -> None:
    for folder in ("npm", "real"):
        (tmp_path / folder).mkdir()
    for name in ("gt", "bd"):
        (tmp_path / "npm" / name).symlink_to(HERE / "packages/npm/bin/gt.js")
        real = tmp_path / "real" / name
        real.write_text(f'#!/bin/sh\necho {name} "$@"\nexit 3\n')
        real.chmod(0o755)
    node = shutil.which("node")
    # npm's folder first: the wrapper must not find itself
    both = {"PATH": f"{tmp_path}/npm:{tmp_path}/real:/usr/bin:/bin", "HOME": str(tmp_path)}
    for name in ("gt", "bd"):
        done = subprocess.run([node, f"{tmp_path}/npm/{name}", "a b", "--c"], env=both, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (3, f"{name} a b --c\n")
    alone = {"PATH": f"{tmp_path}/npm", "HOME": str(tmp_path)}
    done = subprocess.run([node, f"{tmp_path}/npm/bd"], env=alone, capture_output=True, text=True)
    assert done.returncode == 1 and "pipx install gastown-tui" in done.stderr


def test_the_image_runs_only_steps_that_are_scripts_or_of_debian() -> None:
    steps = re.findall(r"^RUN (.*?)(?<!\\)$", (HERE / "Dockerfile").read_text(), re.M | re.S)
    assert [step.split()[0] for step in steps] == ["sh", "apt-get", "useradd"]
    users = re.findall(r"^USER (.*)$", (HERE / "Dockerfile").read_text(), re.M)
    assert users == ["1000"]
    compose = (HERE / "docker-compose.yml").read_text()
    assert {"GIT_USER", "GIT_EMAIL", "FOLDER", "DASHBOARD_PORT"} <= set(re.findall(r"\$\{(\w+)", compose))
    for script in (HERE / "packages/docker").glob("*.sh"):
        subprocess.run(["sh", "-n", str(script)], check=True)


@pytest.mark.parametrize(
    ("prefix", "direct", "name", "line"),
    [
        ("/home/a/.local/share/pipx/venvs/gastown-tui", "", "pipx", "pipx upgrade gastown-tui"),
        ("/home/a/.local/share/uv/tools/gastown-tui", "", "uv", "uv tool upgrade gastown-tui"),
        ("/opt/homebrew/Cellar/gastown/0.1.0/libexec", "", "brew", "brew upgrade gastown"),
        ("/nix/store/abc-gastown-tui", "", "nix", "nix profile upgrade gastown"),
        ("/v", "", "pip", "/v/bin/python -m pip install --upgrade gastown-tui"),
        ("/v", '{"url": "git+https://x/y"}', "pip", "/v/bin/python -m pip install --upgrade git+https://x/y"),
        (
            "/v",
            '{"url": "file:///src", "dir_info": {"editable": true}}',
            "checkout",
            "git -C /src pull && make -C /src .venv/run",
        ),
        ("/v", "{", "pip", "/v/bin/python -m pip install --upgrade gastown-tui"),
    ],
)
def test_upgrading_is_told_by_how_it_was_installed(prefix: str, direct: str, name: str, line: str) -> None:
    assert tuple(way_of(prefix, direct)) == (name, line)

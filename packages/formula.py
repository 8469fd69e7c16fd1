"""Make the Homebrew formula: the template with version and checksum of an sdist, and a resource for every locked package.

    uv pip compile requirements.lock --universal --no-deps --format pylock.toml -o pylock.toml
    python -m packages.formula dist/gastown_tui-0.1.0.tar.gz pylock.toml > gastown.rb

uv asks the index for the addresses; a file whose checksum is not in the lock file is not taken.  Without a pylock.toml the
resources are left out, to check the rest.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tomllib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
LOCK = os.path.join(HERE, "..", "requirements.lock")
RELEASES = "https://github.com/gastown/gastown-tui/releases/download/v{}/{}"
_ADDRESS = re.compile(r"https://[A-Za-z0-9./_~%+-]+")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?: *; *([^\\]+))?")


def pins(lock: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Return name → version and checksums of each package that a Mac installs."""
    found: dict[str, tuple[str, set[str]]] = {}
    name = ""
    for line in lock.splitlines():
        pin = _PIN.match(line)
        if pin:
            name = "" if "linux" in (pin[3] or "") or "win32" in (pin[3] or "") else pin[1]
            if name:
                found[name] = (pin[2], set())
        elif name and "--hash=sha256:" in line:
            found[name][1].add(line.split("sha256:")[1].strip(" \\"))
    return {name: (version, frozenset(sums)) for name, (version, sums) in found.items()}


def resource(name: str, version: str, sums: frozenset[str], packages: Iterable[dict[str, Any]]) -> str:
    """Return the stanza of a package: its sdist, else its wheel for every system. Raises SystemExit if neither is locked."""
    for package in packages:
        if package["name"] != name or package["version"] != version:
            continue
        wheels = [file for file in package.get("wheels", ()) if file["url"].endswith("-none-any.whl")]
        for file in [*([package["sdist"]] if "sdist" in package else []), *wheels]:
            if file["hashes"]["sha256"] in sums and _ADDRESS.fullmatch(file["url"]):
                return (
                    f'  resource "{name}" do\n    url "{file["url"]}"\n    sha256 "{file["hashes"]["sha256"]}"\n  end\n'
                )
    raise SystemExit(f"no file for every system of {name} {version} has a checksum in {os.path.basename(LOCK)}")


def formula(sdist: str, resources: str) -> str:
    """Return the formula for an sdist."""
    with open(sdist, "rb") as handle:
        digest = hashlib.sha256(handle.read()).hexdigest()
    base = os.path.basename(sdist)
    version = base.removesuffix(".tar.gz").rpartition("-")[2]
    with open(os.path.join(HERE, "homebrew", "gastown.rb.in"), encoding="utf-8") as handle:
        text = "".join(line for line in handle if not line.startswith("# Made from"))
    return (
        text.replace("@URL@", RELEASES.format(version, base))
        .replace("@SHA256@", digest)
        .replace("@RESOURCES@\n", resources)
    )


def main(words: list[str]) -> int:
    """Print the formula."""
    if not 1 <= len(words) <= 2:
        sys.stderr.write("usage: python -m packages.formula SDIST [PYLOCK]\n")
        return 2
    stanzas = ""
    if len(words) == 2:
        with open(LOCK, encoding="utf-8") as handle:
            locked = pins(handle.read())
        with open(words[1], "rb") as handle:
            packages = tomllib.load(handle)["packages"]
        stanzas = "\n".join(resource(name, *rest, packages) for name, rest in locked.items()) + "\n"
    sys.stdout.write(formula(words[0], stanzas))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

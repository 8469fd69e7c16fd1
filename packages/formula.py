"""Make the Homebrew formula: the template with version and checksum of an sdist, and a resource for every locked package.

    python -m packages.formula dist/gastown_tui-0.1.0.tar.gz > gastown.rb

A resource is what the index has for the pinned version and whose checksum is in the lock file; the index is asked, so this
runs at a release and not in CI.  ``--offline`` leaves the resources out, to check the rest.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
LOCK = os.path.join(HERE, "..", "requirements.lock")
INDEX = "https://pypi.org/pypi/{}/{}/json"
RELEASES = "https://github.com/gastown/gastown-tui/releases/download/v{}/{}"
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


def resource(name: str, version: str, sums: frozenset[str]) -> str:
    """Return the stanza of a package: its sdist, if its checksum is locked. Raises SystemExit if none is."""
    with urllib.request.urlopen(INDEX.format(name, version), timeout=30) as answer:
        files = json.load(answer)["urls"]
    for file in files:
        if file["packagetype"] == "sdist" and file["digests"]["sha256"] in sums:
            return f'  resource "{name}" do\n    url "{file["url"]}"\n    sha256 "{file["digests"]["sha256"]}"\n  end\n'
    raise SystemExit(f"the lock file has no checksum of the sdist of {name} {version}")


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
    offline = "--offline" in words
    names = [word for word in words if word != "--offline"]
    if len(names) != 1:
        sys.stderr.write("usage: python -m packages.formula [--offline] SDIST\n")
        return 2
    with open(LOCK, encoding="utf-8") as handle:
        locked = pins(handle.read())
    stanzas = "" if offline else "\n".join(resource(name, *rest) for name, rest in locked.items()) + "\n"
    sys.stdout.write(formula(names[0], stanzas))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

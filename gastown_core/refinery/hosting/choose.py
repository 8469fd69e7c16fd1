"""Which host a rig's pull requests go to, and through what."""

from __future__ import annotations

import os
import shutil

from gastown_core.refinery.hosting.bitbucket_api import BitbucketApi
from gastown_core.refinery.hosting.gh import GhProgram
from gastown_core.refinery.hosting.github_api import GitHubApi
from gastown_core.refinery.hosting.pull_request import HostError, repository_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.refinery.hosting.pull_request import Host

BITBUCKET, GITHUB = "bitbucket", "github"
TOKENS = {GITHUB: ("GH_TOKEN", "GITHUB_TOKEN"), BITBUCKET: ("BITBUCKET_TOKEN",)}


def host_of(provider: str, remote: str, env: Mapping[str, str] | None = None) -> Host:
    """Return what opens pull requests at the host of a remote: ``gh`` where it is installed, else the API with a token.

    GITHUB_API_URL and BITBUCKET_API_URL name servers of one's own.  Raises HostError if neither way is open.
    """
    env = os.environ if env is None else env
    host, repository = repository_of(remote)
    if provider == GITHUB and shutil.which("gh", path=env.get("PATH")):
        return GhProgram(host, repository)
    token = next((env[name] for name in TOKENS[provider] if env.get(name)), "")
    if not token:
        ways = " or ".join(TOKENS[provider])
        raise HostError(
            f"no way to open a pull request at {host}",
            ("gh is not installed and " if provider == GITHUB else "") + f"{ways} is not set",
            ("install gh and log in, or " if provider == GITHUB else "") + f"set {ways} for the daemon",
        )
    if provider == BITBUCKET:
        return BitbucketApi(_address(env, "BITBUCKET_API_URL", "https://api.bitbucket.org/2.0"), repository, token)
    own = "https://api.github.com" if host == "github.com" else f"https://{host}/api/v3"
    return GitHubApi(_address(env, "GITHUB_API_URL", own), repository, token)


def _address(env: Mapping[str, str], name: str, usual: str) -> str:
    """Return the address of an API; a token goes over TLS only, or to this machine."""
    place = env.get(name) or usual
    if place.startswith("https://") or place.startswith(("http://127.0.0.1:", "http://localhost:")):
        return place
    raise HostError(f"{name} is no address for a token: {place}", "", "use one that begins with https://")

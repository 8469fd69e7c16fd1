"""DoltHub: addresses of its repositories, forks and pull requests by its HTTP API (``DOLTHUB_TOKEN``, ``DOLTHUB_ORG``)."""

from __future__ import annotations

import os

from gastown_core.errors import GastownError, SettingsError
from gastown_core.model.json_text import decode_json, encode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

API = "https://www.dolthub.com/api/v1alpha1"
REMOTE = "https://doltremoteapi.dolthub.com"
API_AT, REMOTE_AT = "GT_DOLTHUB_API", "GT_DOLTHUB_REMOTE"
"""Variables with other addresses of the two, for a server of one's own."""
PATIENCE_S = 20.0
MOST_BYTES = 1 << 20


def remote_url(place: str) -> str:
    """Return the remote of ``ORG/DB``."""
    return f"{os.environ.get(REMOTE_AT, REMOTE).rstrip('/')}/{place}"


def organisation() -> str:
    """Return the organisation that forks belong to. Raises SettingsError."""
    org = os.environ.get("DOLTHUB_ORG", "")
    if not org:
        raise SettingsError(
            "it is not known whose fork it is", "DOLTHUB_ORG is not set", "export DOLTHUB_ORG=you, and DOLTHUB_TOKEN"
        )
    return org


def fork(upstream: str, org: str) -> None:
    """Fork ``ORG/DB`` into the organisation; a fork that exists is as good. Raises GastownError."""
    parent, database = upstream.split("/")
    try:
        _post("fork", {"ownerName": org, "parentOwnerName": parent, "parentDatabaseName": database})
    except GastownError as error:
        if "already exists" not in error.why.lower():
            raise


def open_pull(upstream: str, fork_place: str, branch: str, title: str) -> str:
    """Open a pull request from the fork's branch to the commons; its id. One that is open already is as good: empty.

    Raises GastownError.
    """
    owner, database = upstream.split("/")
    from_owner, from_database = fork_place.split("/")
    body = {
        "title": title,
        "description": "",
        "fromBranchOwnerName": from_owner,
        "fromBranchRepoName": from_database,
        "fromBranchName": branch,
        "toBranchOwnerName": owner,
        "toBranchRepoName": database,
        "toBranchName": "main",
    }
    try:
        answer = _post(f"{owner}/{database}/pulls", body)
    except GastownError as error:
        if "already" in error.why.lower():
            return ""
        raise
    return str(answer.get("pull_id") or answer.get("_id") or "")


def _post(path: str, body: dict[str, str]) -> dict[str, Any]:
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    token = os.environ.get("DOLTHUB_TOKEN", "")
    if not token:
        raise SettingsError(
            "DoltHub wants a token", "DOLTHUB_TOKEN is not set", "make one in DoltHub's settings and export it"
        )
    base = os.environ.get(API_AT, API).rstrip("/")
    if not base.startswith(("https://", "http://127.0.0.1", "http://localhost", "http://[::1]")):
        raise SettingsError(
            f"{API_AT} is no safe address", "a token goes over https, or to this machine", f"unset {API_AT}"
        )
    asked = Request(f"{base}/{path}", encode_json(body).encode(), method="POST")
    asked.add_header("authorization", f"token {token}")
    asked.add_header("content-type", "application/json")
    try:
        with urlopen(asked, timeout=PATIENCE_S) as answer:
            told = answer.read(MOST_BYTES)
    except HTTPError as error:
        told = error.read(MOST_BYTES)
        raise GastownError(
            f"DoltHub refused {path.rpartition('/')[2]}", _why(told) or f"HTTP {error.code}", "gt wl sync tries again"
        ) from error
    except OSError as error:
        raise GastownError("DoltHub cannot be reached", str(error), "gt wl sync tries again") from error
    value = _object(told)
    if str(value.get("status", "")).lower() in ("error", "fail"):
        raise GastownError(f"DoltHub refused {path.rpartition('/')[2]}", _why(told), "gt wl sync tries again")
    return value


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = decode_json(data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _why(data: bytes) -> str:
    value = _object(data)
    return str(value.get("message") or value.get("status_message") or data[:200].decode("utf-8", "replace"))

"""One call of a host's web API: JSON both ways, the token only to that host, no redirects, a time limit."""

from __future__ import annotations

import json
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from gastown_core import __version__
from gastown_core.errors import words_of
from gastown_core.model.json_text import decode_json
from gastown_core.refinery.hosting.pull_request import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PATIENCE_S = 20.0
MOST_BYTES = 1 << 22


class RefusedError(HostError):
    """The host answered with an error; ``status`` is its number."""

    def __init__(self, what: str, why: str, hint: str, status: int) -> None:
        super().__init__(what, why, hint)
        self.status = status


class _NoRedirects(HTTPRedirectHandler):
    """A redirect would carry the token to another place."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def call(method: str, url: str, token: str, *, body: object = None) -> Any:
    """Return the decoded answer, None if it is empty. Raises HostError; no error has the token in it."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": f"gastown/{__version__}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data=data, headers=headers, method=method)
    try:
        with build_opener(_NoRedirects).open(request, timeout=PATIENCE_S) as answer:
            shown = answer.read(MOST_BYTES)
        return decode_json(shown) if shown.strip() else None
    except HTTPError as error:
        with error:
            why = _reason(error.read(MOST_BYTES)) or str(error.reason)
        hint = "check the token and its permissions" if error.code in (401, 403, 404) else "try again later"
        raise RefusedError(f"{method} {url} was refused with {error.code}", why, hint, error.code) from None
    except (OSError, HTTPException, ValueError) as error:
        # urllib wraps what the system said
        cause = getattr(error, "reason", None)
        why = words_of(cause if isinstance(cause, Exception) else error)
        asked = url.partition("?")[0]
        raise HostError(f"{method} {asked} failed", why, "check the network, or try again later") from None


def _reason(shown: bytes) -> str:
    """Return what an error's body says: GitHub has a message and errors, Bitbucket an object with a message."""
    try:
        told = decode_json(shown)
    except ValueError:
        return ""
    if not isinstance(told, dict):
        return ""
    inner = told.get("error")
    said = [told.get("message"), inner.get("message") if isinstance(inner, dict) else inner]
    errors = told.get("errors")
    said += [one.get("message") for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    return "; ".join(str(one) for one in said if one)

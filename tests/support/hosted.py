"""A stand-in for GitHub and Bitbucket: one repository over a bare origin, behind the parts of their APIs that we call.

It merges as they do: when its checks are green and somebody asked for it, with a merge commit or, if told so, a squash.
``gh`` is a script that hands its words over to the same repository.
"""

from __future__ import annotations

import json
import os
import re
import stat
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gastown_core.git.repo import Git

TOKEN = "a-token-of-ours"
GH = """#!{python}
import json, sys, urllib.request
words = sys.argv[1:]
body = json.dumps({{"words": words, "stdin": sys.stdin.read() if "-" in words else ""}}).encode()
with urllib.request.urlopen(urllib.request.Request("{base}/gh", data=body, method="POST")) as answer:
    told = json.load(answer)
sys.stdout.write(told["out"])
sys.stderr.write(told["err"])
sys.exit(told["code"])
"""


class Hosted:
    """The repository ``me/shop``: its pull requests, and whether checks are green."""

    def __init__(self, origin: Git) -> None:
        self.origin = origin
        self.pulls: list[dict[str, Any]] = []
        self.is_green = False
        self.squashes = False
        self.asked: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"hosted": self}))
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def put_gh(self, folder: str) -> None:
        """Write the script ``gh``."""
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "gh")
        with open(path, "w", encoding="utf-8") as handle:
            handle.write(GH.format(python=sys.executable, base=self.base))
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)

    def head_of(self, pull: dict[str, Any]) -> str:
        return self.origin.commit_of(f"refs/heads/{pull['branch']}") or str(pull["last"])

    def open(self, branch: str, target: str, title: str, body: str) -> dict[str, Any]:
        head = self.origin.commit_of(f"refs/heads/{branch}")
        assert head, "a pull request needs its branch"
        made = {"number": len(self.pulls) + 7, "branch": branch, "target": target, "title": title, "body": body}
        self.pulls.append({**made, "state": "open", "auto": "", "last": head})
        return self.pulls[-1]

    def checks_are_green(self) -> None:
        """Let the checks of all pull requests end well: what was asked to merge merges."""
        self.is_green = True
        for pull in self.pulls:
            self.merge_if_it_may(pull)

    def merge_if_it_may(self, pull: dict[str, Any]) -> bool:
        head = self.head_of(pull)
        if pull["state"] != "open" or not self.is_green or pull["auto"] != head:
            return False
        ref = f"refs/heads/{pull['target']}"
        base, tree = self.origin.commit_of(ref), self.origin.run("merge-tree", "--write-tree", ref, head)
        parents = ("-p", base) if self.squashes else ("-p", base, "-p", head)
        commit = self.origin.run("commit-tree", tree, *parents, "-m", f"Merge pull request #{pull['number']}")
        self.origin.run("update-ref", ref, commit)
        pull.update(state="merged", last=head)
        return True

    def find(self, branch: str, target: str) -> list[dict[str, Any]]:
        return [one for one in self.pulls if (one["branch"], one["target"], one["state"]) == (branch, target, "open")]

    def numbered(self, number: str) -> dict[str, Any]:
        return next(one for one in self.pulls if one["number"] == int(number))


class _Handler(BaseHTTPRequestHandler):
    hosted: Hosted

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        place = urlsplit(self.path)
        self.hosted.asked.append(f"{self.command} {place.path}")
        if place.path != "/gh" and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            code, told = 401, {"message": "Bad credentials"}
        else:
            code, told = self._told(place.path, parse_qs(place.query), body)
        self.send_response(code)
        if code == 302:
            self.send_header("Location", f"{self.hosted.base}/elsewhere")
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    do_GET = do_POST = do_PUT = do_PATCH = _answer

    def _told(self, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> tuple[int, Any]:
        if path == "/gh":
            return 200, _gh(self.hosted, body["words"], body["stdin"])
        if path == "/graphql":
            return 200, self._graphql(body)
        if path.startswith("/repos/me/shop/pulls"):
            return self._github(path.removeprefix("/repos/me/shop/pulls").strip("/"), query, body)
        if path.startswith("/repositories/me/shop/pullrequests"):
            return self._bitbucket(path.removeprefix("/repositories/me/shop/pullrequests").strip("/"), query, body)
        return (302, {}) if path.startswith("/repos/me/moved") else (404, {"message": "Not Found"})

    def _graphql(self, body: dict[str, Any]) -> Any:
        pull = self.hosted.numbered(body["variables"]["id"].removeprefix("PR_"))
        if "disablePullRequestAutoMerge" in body["query"]:
            pull["auto"] = ""
            return {"data": {}}
        if "dequeuePullRequest" in body["query"]:
            return {"errors": [{"message": "Pull request is not in the merge queue"}]}
        if "enqueuePullRequest" in body["query"]:
            return {"errors": [{"message": "The base branch has no merge queue"}]}
        if self.hosted.is_green:
            return {"errors": [{"message": "Pull request is in clean status"}]}
        pull["auto"] = body["variables"]["head"]
        return {"data": {}}

    def _github(self, rest: str, query: dict[str, list[str]], body: dict[str, Any]) -> tuple[int, Any]:
        hosted = self.hosted
        if not rest and self.command == "GET":
            found = hosted.find(query["head"][0].removeprefix("me:"), query["base"][0])
            return 200, [_as_github(hosted, one) for one in found]
        if not rest:
            return 201, _as_github(hosted, hosted.open(body["head"], body["base"], body["title"], body["body"]))
        number, _, act = rest.partition("/")
        pull = hosted.numbered(number)
        if act == "merge":
            pull["auto"] = body["sha"]
            return (
                (200, {}) if hosted.merge_if_it_may(pull) else (405, {"message": "Required status checks are pending"})
            )
        if self.command == "PATCH":
            pull["state"] = body["state"]
        return 200, _as_github(hosted, pull)

    def _bitbucket(self, rest: str, query: dict[str, list[str]], body: dict[str, Any]) -> tuple[int, Any]:
        hosted = self.hosted
        if not rest and self.command == "GET":
            branch, target = re.findall(r'branch\.name="([^"]*)"', query["q"][0])
            return 200, {"values": [_as_bitbucket(hosted, one) for one in hosted.find(branch, target)]}
        if not rest:
            ends = [body[end]["branch"]["name"] for end in ("source", "destination")]
            return 201, _as_bitbucket(hosted, hosted.open(*ends, body["title"], body["description"]))
        number, _, act = rest.partition("/")
        pull = hosted.numbered(number)
        if act == "merge":
            pull["auto"] = hosted.head_of(pull)
            if hosted.merge_if_it_may(pull):
                return 200, {}
            # it has no auto-merge: who asked too early asks again
            pull["auto"] = ""
            return 400, {"error": {"message": "1 failed merge check"}}
        if act == "decline":
            pull["state"] = "closed"
        return 200, _as_bitbucket(hosted, pull)


def _as_github(hosted: Hosted, pull: dict[str, Any]) -> dict[str, Any]:
    return {
        "number": pull["number"],
        "node_id": f"PR_{pull['number']}",
        "html_url": f"https://github.com/me/shop/pull/{pull['number']}",
        "state": "open" if pull["state"] == "open" else "closed",
        "merged_at": "2026-03-02T10:00:00Z" if pull["state"] == "merged" else None,
        "head": {"sha": hosted.head_of(pull)},
        "mergeable_state": "clean" if hosted.is_green else "blocked",
    }


def _as_bitbucket(hosted: Hosted, pull: dict[str, Any]) -> dict[str, Any]:
    states = {"open": "OPEN", "merged": "MERGED", "closed": "DECLINED"}
    return {
        "id": pull["number"],
        "state": states[pull["state"]],
        "links": {"html": {"href": f"https://bitbucket.org/me/shop/pull-requests/{pull['number']}"}},
        "source": {"commit": {"hash": hosted.head_of(pull)[:12]}},
    }


def _gh(hosted: Hosted, words: list[str], stdin: str) -> dict[str, Any]:
    """What ``gh pr WORDS`` does."""
    assert words[0] == "pr" and words[words.index("--repo") + 1] == "me/shop"
    act, rest = words[1], words[2:]
    told = {word: rest[place + 1] for place, word in enumerate(rest[:-1]) if word.startswith("--")}
    if act == "create":
        title = next(word for word in rest if word.startswith("--title=")).removeprefix("--title=")
        pull = hosted.open(told["--head"], told["--base"], title, stdin)
        return {"code": 0, "out": f"https://github.com/me/shop/pull/{pull['number']}\n", "err": ""}
    if act == "list":
        found = [_as_gh(hosted, one) for one in hosted.find(told["--head"], told["--base"])]
        return {"code": 0, "out": json.dumps(found), "err": ""}
    pull = hosted.numbered(rest[0])
    if act == "merge" and "--disable-auto" in rest:
        pull["auto"] = ""
    elif act == "merge":
        assert {"--auto", "--merge"} <= set(rest)
        pull["auto"] = next(word for word in rest if word.startswith("--match-head-commit=")).partition("=")[2]
        hosted.merge_if_it_may(pull)
    elif act == "close":
        pull["state"] = "closed"
    return {"code": 0, "out": json.dumps(_as_gh(hosted, pull)), "err": ""}


def _as_gh(hosted: Hosted, pull: dict[str, Any]) -> dict[str, Any]:
    return {
        "number": pull["number"],
        "url": f"https://github.com/me/shop/pull/{pull['number']}",
        "state": pull["state"].upper(),
        "headRefOid": hosted.head_of(pull),
        "mergeStateStatus": "CLEAN" if hosted.is_green else "BLOCKED",
        "isDraft": False,
    }

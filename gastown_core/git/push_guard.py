"""The push guard: a pre-push hook in the rig's shared repository that keeps polecats from pushing the default branch.

git itself runs it, so it applies to whatever an agent types.  Only the refinery lands work; a worker hands in with
``gt done``.  A polecat is recognised by its session or by a working directory below the rig's ``polecats`` folder.

A polecat's worktree uses the folder ``CHAIN`` for its hooks: the guard, and for every other hook a script that runs
the project's own, wherever git would find it (``core.hooksPath`` of husky and the like, ``.githooks``, the hooks
folder).  The project's ``pre-push`` runs after the guard.
"""

from __future__ import annotations

import os

from gastown_core.files.atomic import write_atomic
from gastown_core.git.repo import Git
from gastown_core.git.worktree import common_dir

MARK = "# gas town push guard 2"
KEPT = "pre-push.project"
"""The name under which an existing hook is kept."""

CHAIN = "gastown-hooks"
"""The hooks folder of polecats' worktrees, in the shared repository."""

HANDED_ON = (
    "applypatch-msg pre-applypatch post-applypatch pre-commit pre-merge-commit prepare-commit-msg commit-msg post-commit "
    "pre-rebase post-checkout post-merge post-rewrite"
).split()
"""Hooks of the project that also run in a polecat's worktree."""

_THEIRS = """\
top=$(git rev-parse --show-toplevel 2>/dev/null)
common=$(cd "$(git rev-parse --git-common-dir)" && pwd -P) || exit 1
theirs=$(git config --file "$common/config" --path --get core.hooksPath ||
    git config --global --path --get core.hooksPath 2>/dev/null ||
    git config --system --path --get core.hooksPath 2>/dev/null)
case "$theirs" in "" | /*) ;; *) theirs=$top/$theirs ;; esac
"""

CHAIN_SCRIPT = f"""#!/bin/sh
# gas town hook chain 2
# Written by gt; changes are overwritten. It runs the project's hook of the same name.
{_THEIRS}
if [ -z "$theirs" ]; then
    theirs=$common/hooks
    [ -d "$top/.githooks" ] && theirs=$top/.githooks
fi
next=$theirs/${{0##*/}}
if [ -f "$next" ] && [ -x "$next" ] && [ ! "$next" -ef "$0" ]; then exec "$next" "$@"; fi
exit 0
"""

SCRIPT = f"""#!/bin/sh
{MARK}
# Written by gt; changes are overwritten. Put a project's own hook into .githooks/pre-push or {KEPT} beside this.
{_THEIRS}
remote=$1
default=$(git config --get gastown.defaultBranch) || default=
lines=$(cat)

refuse() {{
    echo "gas town: $1" >&2
    echo "  why:  $2" >&2
    echo "  next: $3" >&2
    exit 1
}}

is_polecat() {{
    [ -n "$GT_POLECAT" ] && return 0
    case "$(pwd -P)/" in "${{common%/*}}"/polecats/*) return 0 ;; esac
    return 1
}}

check_landing() {{
    # $1 is the commit to push; an integration branch lands only by gt mq integration land
    [ "$GT_INTEGRATION_LAND" = 1 ] && return 0
    heads=$(git ls-remote --heads "$remote") ||
        refuse "the default branch was not pushed" "the branches of $remote cannot be listed" "try again later"
    before=$(printf '%s\\n' "$heads" | sed -n "s|[[:space:]]refs/heads/$default\\$||p")
    printf '%s\\n' "$heads" | while read -r tip ref; do
        case "$ref" in refs/heads/integration/*) ;; *) continue ;; esac
        git merge-base --is-ancestor "$tip" "$1" 2>/dev/null || continue
        [ -n "$before" ] && git merge-base --is-ancestor "$tip" "$before" 2>/dev/null && continue
        refuse "this push would land ${{ref#refs/heads/}}" "an integration branch lands as a whole, after its gates" \\
            "run gt mq integration land EPIC"
    done
}}

if [ -z "$default" ] && is_polecat; then
    refuse "nothing was pushed" "gastown.defaultBranch is not set here" "run gt polecat prune"
fi
printf '%s\\n' "$lines" | while read -r _ sha ref _; do
    case "$ref" in
    "" | refs/tags/*) ;;
    "refs/heads/$default")
        is_polecat && refuse "a polecat may not push $default" \\
            "only the refinery lands work, after its gates" "run gt done to hand in your branch"
        case "$sha" in *[!0]*) check_landing "$sha" || exit 1 ;; esac
        ;;
    refs/heads/polecat/* | refs/heads/integration/* | refs/heads/beads-sync) ;;
    refs/heads/*)
        if is_polecat && ! git config --get remote.upstream.url >/dev/null; then
            refuse "a polecat may not push ${{ref#refs/heads/}}" "its work belongs on its own branch" \\
                "run gt done to hand in your branch"
        fi
        ;;
    esac
done || exit 1

for next in "$top/.githooks/pre-push" "$common/hooks/{KEPT}" "$theirs/pre-push"; do
    case "$next" in /.githooks/pre-push | /pre-push) continue ;; esac
    if [ -x "$next" ] && [ ! "$next" -ef "$0" ]; then
        printf '%s\\n' "$lines" | "$next" "$@" || exit $?
    fi
done
exit 0
"""


def install(bare: Git, default_branch: str) -> None:
    """Install the guard in the shared repository, for all its worktrees; an existing hook is kept and run after it.

    Cheap if it is already installed.
    """
    shared = common_dir(bare)
    path = os.path.join(shared, "hooks", "pre-push")
    if not is_installed(shared):
        if os.path.lexists(path) and not _is_ours(path):
            os.rename(path, os.path.join(os.path.dirname(path), KEPT))
        wanted = {path: SCRIPT, os.path.join(shared, CHAIN, "pre-push"): SCRIPT}
        wanted |= {os.path.join(shared, CHAIN, name): CHAIN_SCRIPT for name in HANDED_ON}
        for place, text in wanted.items():
            os.makedirs(os.path.dirname(place), exist_ok=True)
            write_atomic(place, text.encode())
            os.chmod(place, 0o755)
    if f"defaultBranch = {default_branch}" not in _text(os.path.join(shared, "config")):
        bare.run("config", "--file", os.path.join(shared, "config"), "gastown.defaultBranch", default_branch)


def bind(tree: Git, shared: str) -> None:
    """Make this worktree use the guard, whatever ``core.hooksPath`` the project, user or system sets."""
    tree.run("config", "--worktree", "core.hooksPath", os.path.join(shared, CHAIN))


def is_installed(shared: str) -> bool:
    """Return whether the guard in the shared repository is the current version and executable."""
    paths = [os.path.join(shared, folder, "pre-push") for folder in ("hooks", CHAIN)]
    guards = all(_text(path) == SCRIPT and os.access(path, os.X_OK) for path in paths)
    return guards and all(_text(os.path.join(shared, CHAIN, name)) == CHAIN_SCRIPT for name in HANDED_ON)


def _is_ours(path: str) -> bool:
    return MARK.rpartition(" ")[0] in _text(path)


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return ""

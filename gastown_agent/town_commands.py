"""The agent's use of the town: reading its hook and handing in, by the commands any agent would type."""

from __future__ import annotations

from gastown_core import process
from gastown_core.errors import GastownError
from gastown_core.model.json_text import decode_json
from gastown_core.model.record import Record


class Assignment(Record):
    """The bead on the hook."""

    bead: str
    title: str
    description: str
    labels: tuple[str, ...]
    status: str
    molecule: str = ""


def gt(*words: str, cwd: str, timeout_s: float = 60.0) -> process.Finished:
    """Run ``gt`` in the work dir. Raises GastownError if it cannot be run."""
    argv = process.gt_argv(*words)
    return process.run(argv, cwd=cwd, timeout_s=timeout_s, starts_servers=True)


def read_hook(cwd: str) -> Assignment | None:
    """Return the bead on the agent's hook, or None. Raises GastownError if the hook cannot be read."""
    done = gt("hook", "--json", cwd=cwd)
    value = _object(done.out)
    if done.code or value is None:
        raise GastownError("cannot read the hook", (done.err or done.out).strip()[:300])
    return parse_hook(value)


def parse_hook(value: dict[str, object]) -> Assignment | None:
    """Return the assignment in the output of ``gt hook --json``, or None."""
    bead = value.get("pinned_bead") or value.get("bead")
    if value.get("has_work") is False or not bead:
        return None
    record = bead if isinstance(bead, dict) else {**value, "id": bead}
    if "description" not in record and isinstance(value.get("description"), str):
        record = {**record, "description": value["description"]}
    labels = record.get("labels")
    dispatch = value.get("dispatch")
    molecule = str(dispatch.get("molecule") or "") if isinstance(dispatch, dict) else ""
    if record.get("issue_type") == "molecule":
        molecule = str(record["id"])
    return Assignment(
        str(record.get("id") or ""),
        str(record.get("title") or ""),
        str(record.get("description") or ""),
        tuple(str(label) for label in labels) if isinstance(labels, list) else (),
        str(record.get("status") or "hooked"),
        molecule,
    )


def read_note(cwd: str) -> str:
    """Run ``gt prime``, which shows a predecessor's note and takes it off the hook; return the outcome as text."""
    try:
        done = gt("prime", cwd=cwd)
    except GastownError as error:
        return str(error)
    notes = [line[3:] for line in done.out.split("\n") if line.startswith("## ") and "HANDOFF" in line]
    return f"read: {notes[0]}" if notes else "no note" if done.code == 0 else done.err.strip()[:200]


def read_mail(cwd: str) -> str:
    """Take in new mail, as a prompt hook does, and read it; return the lines that name it, empty without mail."""
    try:
        told = gt("mail", "check", "--inject", cwd=cwd).out.strip()
        if told:
            gt("mail", "mark-read", "--all", cwd=cwd)
    except GastownError as error:
        return str(error)
    return "\n".join(line for line in told.split("\n") if line.startswith("- "))


def hand_in(cwd: str) -> tuple[bool, str]:
    """Run ``gt done``; return whether it succeeded, and its last line."""
    done = gt("done", cwd=cwd, timeout_s=120.0)
    words = (done.out if done.code == 0 else done.err or done.out).strip()
    return done.code == 0, words.split("\n")[-1] if words else ""


def _object(text: str) -> dict[str, object] | None:
    try:
        value = decode_json(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None

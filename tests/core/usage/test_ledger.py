"""The ledger of usage: each message counted once, even if transcripts change or vanish, and attributed to its work."""

from __future__ import annotations

import errno
import json
import os
import threading
from pathlib import Path

import pytest

from gastown_core.clock import FixedClock, format_micros
from gastown_core.errors import StoreError
from gastown_core.events.log import append_event
from gastown_core.files.spool import open_spool, spool_path
from gastown_core.usage import usage_file as source_module
from gastown_core.usage.collect import Collected, agent_of, collect
from gastown_core.usage.sums import Sum, price_of, regrouped, rig_of, start_of_day, sums, total
from gastown_core.usage.usage_file import UsageFile, news
from gastown_core.usage.usage_ledger import UsageLedger, ledger_path

NOW = 1_795_790_000.0


class Town:
    """A town whose mayor, and whose polecats, write transcripts as Claude Code does."""

    def __init__(self, base: Path) -> None:
        self.root, self.home = str(base / "gt"), base / "home"
        for folder in ("mayor", "shop/polecats/opal/shop", "settings", ".beads"):
            os.makedirs(os.path.join(self.root, folder))
        Path(self.root, "mayor", "town.json").write_text(json.dumps({"name": "gt"}))
        rigs = {"version": 1, "rigs": {"shop": {"prefix": "sh", "beads": {"prefix": "sh"}}}}
        Path(self.root, "mayor", "rigs.json").write_text(json.dumps(rigs))
        self.clock = FixedClock(NOW)

    def transcript(self, folder: str = "mayor", name: str = "one") -> Path:
        slug = "".join(char if char.isalnum() else "-" for char in os.path.join(self.root, folder))
        path = self.home / ".claude" / "projects" / slug / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def line(self, message: str, folder: str = "mayor", *, at: float = NOW, model: str = "m", **figures: object) -> str:
        usage = {"input_tokens": 100, "output_tokens": 10, **figures}
        body = {"id": message, "model": model, "role": "assistant", "usage": usage}
        value = {
            "type": "assistant",
            "timestamp": format_micros(at),
            "cwd": os.path.join(self.root, folder),
            "message": body,
        }
        return json.dumps(value) + "\n"

    def collect(self) -> Collected:
        return collect(self.root, env={"HOME": str(self.home)}, clock=self.clock)

    def tokens(self, by: str = "agent") -> dict[str, int]:
        with UsageLedger(self.root) as ledger:
            return {name: one.tokens for name, one in sums(ledger, by, {}).items()}


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


def test_messages_are_counted_once_and_belong_to_their_agent(town: Town) -> None:
    town.transcript().write_text(town.line("a") + town.line("a") + town.line("b", output_tokens=20))
    town.transcript("shop/polecats/opal/shop").write_text(town.line("c", "shop/polecats/opal/shop"))

    assert town.collect().messages == 4
    assert town.collect() == Collected()
    assert town.tokens() == {"mayor": 230, "shop/polecats/opal": 110}


def test_of_one_messages_figures_the_greatest_hold(town: Town) -> None:
    town.transcript().write_text(town.line("a", output_tokens=1))
    town.collect()
    with town.transcript().open("a") as handle:
        handle.write(town.line("a", output_tokens=50) + town.line("a", output_tokens=2))
    town.collect()

    assert town.tokens() == {"mayor": 150}


def test_only_what_is_new_is_read(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    path = town.transcript()
    path.write_text(town.line("a") * 50)
    town.collect()
    with path.open("a") as handle:
        handle.write(town.line("b"))

    assert town.collect() == Collected(1, 1, 0, ())
    with UsageLedger(town.root) as ledger:
        assert ledger.sources()[str(path)].offset == path.stat().st_size


def test_a_torn_last_line_waits(town: Town) -> None:
    path, line = town.transcript(), town.line("b")
    path.write_text(town.line("a") + line[:40])
    town.collect()
    assert town.tokens() == {"mayor": 110}

    with path.open("a") as handle:
        handle.write(line[40:])
    assert town.collect().junk == 0
    assert town.tokens() == {"mayor": 220}


def test_lines_that_are_junk_are_left_out_and_counted(town: Town) -> None:
    huge = json.loads(town.line("c"))
    huge["message"]["usage"]["input_tokens"] = 10**300
    bad = ['"usage" "assistant" {\n', town.line("b", output_tokens=-5), json.dumps(huge) + "\n", "\x00\xff\n"]
    town.transcript().write_text("".join([town.line("a"), *bad]), encoding="latin-1")

    assert town.collect().junk == 3
    assert town.tokens() == {"mayor": 110}


def test_totals_survive_the_transcripts_and_the_worktree(town: Town) -> None:
    path = town.transcript("shop/polecats/opal/shop")
    path.write_text(town.line("a", "shop/polecats/opal/shop"))
    town.collect()
    path.unlink()
    os.removedirs(os.path.join(town.root, "shop/polecats/opal/shop"))

    assert town.collect() == Collected()
    assert town.tokens() == {"shop/polecats/opal": 110}


def test_a_worktree_that_is_gone_before_the_first_look_is_known_by_its_place(town: Town) -> None:
    town.transcript("shop/polecats/jade/shop").write_text(town.line("a", "shop/polecats/jade/shop"))
    town.collect()

    assert town.tokens() == {"shop/polecats/jade": 110}


@pytest.mark.parametrize("again", ["truncated", "replaced", "replaced by a longer one", "rewritten in place"])
def test_a_file_that_became_another_is_read_anew_and_counted_once(town: Town, again: str) -> None:
    path = town.transcript()
    path.write_text(town.line("a") + town.line("b"))
    town.collect()
    fresh = town.line("c") if again == "truncated" else town.line("c") + town.line("b") + town.line("d")
    if again.startswith("replaced"):
        other = path.with_name("other")
        other.write_text(fresh if again == "replaced" else fresh + town.line("e"))
        other.rename(path)
    else:
        path.write_text(fresh)
    town.collect()

    known = {"truncated": 3, "replaced": 4, "replaced by a longer one": 5, "rewritten in place": 4}[again]
    assert town.tokens() == {"mayor": 110 * known}


def test_a_resumed_session_that_copies_old_lines_counts_them_once(town: Town) -> None:
    town.transcript().write_text(town.line("a") + town.line("b"))
    town.collect()
    town.transcript(name="two").write_text(town.line("a") + town.line("b") + town.line("c"))
    town.collect()

    assert town.tokens() == {"mayor": 330}


def test_subagents_count_for_their_agent(town: Town) -> None:
    below = town.transcript().parent / "one" / "subagents"
    below.mkdir(parents=True)
    (below / "agent-1.jsonl").write_text(town.line("s"))
    town.collect()

    assert town.tokens() == {"mayor": 110}


def test_a_session_beside_the_town_is_nobodys(town: Town) -> None:
    path = town.transcript("-other")
    value = json.loads(town.line("a"))
    value["cwd"] = town.root + "-other"
    path.write_text(json.dumps(value) + "\n")

    town.collect()
    assert town.tokens() == {}
    with path.open("a") as handle:
        handle.write(json.dumps(value) + "\n")
    assert town.collect() == Collected()


def test_a_transcript_that_cannot_be_read_is_told_and_stops_no_other(town: Town) -> None:
    town.transcript(name="blocked").mkdir()
    town.transcript().write_text(town.line("a"))
    done = town.collect()

    assert town.tokens() == {"mayor": 110}
    assert len(done.faults) == 1
    assert "blocked.jsonl" in done.faults[0]


def test_a_line_without_end_is_passed_over(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "LONGEST_LINE", 10_000)
    path = town.transcript()
    path.write_text(town.line("a"))
    town.collect()
    with path.open("a") as handle:
        handle.write("x" * 50_000)
    assert town.collect().junk == 1
    assert town.collect() == Collected()
    with path.open("a") as handle:
        handle.write("\n" + town.line("b"))
    town.collect()

    assert town.tokens() == {"mayor": 220}


def test_two_that_collect_at_once_count_once(town: Town) -> None:
    town.transcript().write_text("".join(town.line(f"m{number}") for number in range(300)))
    failed: list[BaseException] = []

    def run() -> None:
        try:
            town.collect()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert town.tokens() == {"mayor": 300 * 110}


def test_a_message_of_a_wrong_clock_is_one_of_now(town: Town) -> None:
    town.transcript().write_text(town.line("a", at=NOW + 400 * 86400) + town.line("b").replace("2026", "nonsense"))
    town.collect()

    with UsageLedger(town.root) as ledger:
        assert [at for (at,) in ledger.db.execute("SELECT at FROM message")] == [NOW, NOW]


def hook(town: Town, at: float, agent: str, to: str, bead: str = "") -> None:
    payload = {"agent": agent, "from": "", "to": to, **({"bead": bead} if bead else {})}
    append_event(town.root, "hook_state", agent, payload, visibility="audit", clock=FixedClock(at))


def test_usage_belongs_to_what_was_on_the_hook_then(town: Town) -> None:
    opal, place = "shop/polecats/opal", "shop/polecats/opal/shop"
    hook(town, NOW - 100, opal, "created", "sh-1")
    hook(town, NOW - 90, opal, "active")
    append_event(town.root, "done", opal, {"bead": "sh-1"}, clock=FixedClock(NOW - 50))
    hook(town, NOW - 20, opal, "active", "sh-2")
    moments = {"before": -150, "first": -80, "between": -30, "second": -10}
    lines = [
        town.line(name, place, at=NOW + ago, output_tokens=number) for number, (name, ago) in enumerate(moments.items())
    ]
    town.transcript(place).write_text("".join(lines))
    town.collect()

    assert town.tokens("bead") == {"": 100 + 102, "sh-1": 101, "sh-2": 103}


def test_a_hook_that_is_learnt_of_late_still_gets_its_messages(town: Town) -> None:
    opal, place = "shop/polecats/opal", "shop/polecats/opal/shop"
    town.transcript(place).write_text(town.line("a", place, at=NOW - 10) + town.line("b", place, at=NOW - 1))
    town.collect()
    assert town.tokens("bead") == {"": 220}
    hook(town, NOW - 5, opal, "active", "sh-2")
    hook(town, NOW - 20, opal, "active", "sh-1")
    town.collect()

    assert town.tokens("bead") == {"sh-1": 110, "sh-2": 110}


def test_a_log_of_events_that_was_pruned_changes_nothing(town: Town) -> None:
    opal, place = "shop/polecats/opal", "shop/polecats/opal/shop"
    hook(town, NOW - 20, opal, "active", "sh-1")
    town.transcript(place).write_text(town.line("a", place))
    town.collect()
    log = Path(town.root, ".events.jsonl")
    fresh = log.with_name("fresh")
    fresh.write_text("")
    fresh.rename(log)
    hook(town, NOW + 5, opal, "active", "sh-2")
    with town.transcript(place).open("a") as handle:
        handle.write(town.line("b", place, at=NOW + 6))
    town.collect()

    assert town.tokens("bead") == {"sh-1": 110, "sh-2": 110}


def test_its_files_are_private(town: Town) -> None:
    town.transcript().write_text(town.line("a"))
    town.collect()
    folder = os.path.dirname(ledger_path(town.root))

    assert {oct(os.stat(os.path.join(folder, name)).st_mode & 0o777) for name in os.listdir(folder)} == {"0o600"}


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to be taken for one" * 20])
def test_what_is_no_ledger_is_an_error_with_a_way_out(town: Town, content: bytes) -> None:
    path = Path(ledger_path(town.root))
    path.parent.mkdir(parents=True)
    path.write_bytes(content)

    with pytest.raises(StoreError) as failed:
        town.collect()
    assert str(path) in str(failed.value)
    assert "move it away" in failed.value.hint
    assert path.read_bytes() == content


def test_a_ledger_of_a_later_version_is_left_alone(town: Town) -> None:
    with UsageLedger(town.root) as ledger:
        ledger.db.execute("PRAGMA user_version = 99")

    with pytest.raises(StoreError, match="version 99"):
        UsageLedger(town.root)


def test_a_process_that_is_killed_while_it_counts_leaves_the_last_whole_state(town: Town) -> None:
    town.transcript().write_text(town.line("a"))
    with UsageLedger(town.root) as ledger, pytest.raises(KeyboardInterrupt), ledger.transaction():
        ledger.keep_source(UsageFile(str(town.transcript()), "claude", "mayor", offset=10**6, inode=1))
        raise KeyboardInterrupt
    town.collect()

    assert town.tokens() == {"mayor": 110}


def test_costs_are_told_estimated_or_unknown(town: Town) -> None:
    told = json.dumps({**json.loads(town.line("a", model="dear")), "costUSD": 0.5}) + "\n"
    lines = [told, town.line("b", model="dear"), town.line("c", model="priced", cache_read_input_tokens=1000)]
    town.transcript().write_text("".join(lines))
    town.collect()

    with UsageLedger(town.root) as ledger:
        plain = sums(ledger, "agent", {})["mayor"]
        prices = {"priced": {"input": 10, "output": 100, "cache_read": 1}, "dear": {"input": "much"}}
        known = sums(ledger, "agent", prices)["mayor"]
    assert (plain.cost, plain.unpriced, plain.is_estimated) == (0.5, 2, False)
    assert known.cost == pytest.approx(0.5 + (100 * 10 + 10 * 100 + 1000 * 1) / 1e6)
    assert (known.unpriced, known.is_estimated) == (1, True)


@pytest.mark.parametrize(
    "row",
    [
        None,
        3,
        {},
        {"input": 1},
        {"input": -1, "output": 1},
        {"input": True, "output": 1},
        {"input": 1, "output": float("nan")},
    ],
)
def test_a_price_that_makes_no_sense_is_none(row: object) -> None:
    assert price_of("m", {"m": row}) is None


def test_words_for_costs() -> None:
    assert Sum(2).words() == "unknown"
    assert Sum(2, cost=1.5).words() == "$1.50"
    assert Sum(2, cost=1.5, unpriced=1).words() == "≥ $1.50"
    assert Sum(2, cost=1.5, is_estimated=True).words() == "≈ $1.50"
    assert Sum().words() == "-"


def test_sums_by_day_are_of_local_days(town: Town) -> None:
    start = start_of_day(NOW)
    town.transcript().write_text(town.line("a", at=start + 1) + town.line("b", at=start - 1, output_tokens=0))
    town.collect()

    assert sorted(town.tokens("day").values()) == [100, 110]
    with UsageLedger(town.root) as ledger:
        assert total(sums(ledger, "agent", {}, since=start).values()).tokens == 110


def test_sums_go_under_other_keys() -> None:
    found = {
        "shop/polecats/opal": Sum(1, 5),
        "shop/witness": Sum(1, 7),
        "mayor": Sum(1, 1),
        "deacon/dogs/rex": Sum(1, 2),
    }

    assert {key: one.tokens for key, one in regrouped(found, lambda one: (rig_of(one),)).items()} == {
        "shop": 12,
        "town": 3,
    }


def test_news_of_a_file_that_is_not_there_is_nothing(tmp_path: Path) -> None:
    assert list(news(UsageFile(str(tmp_path / "none")))) == []


def test_whose_folder(town: Town) -> None:
    from gastown_core.town.inventory import read_inventory

    inventory = read_inventory(town.root)
    inside = {
        "mayor": "mayor",
        "mayor/deep": "mayor",
        "": "overseer",
        "shop/crew/ana": "shop/crew/ana",
        "deacon/dogs/rex": "deacon/dogs/rex",
    }
    assert {place: agent_of(inventory, os.path.join(town.root, place)) for place in inside} == inside
    assert agent_of(inventory, town.root + "x") == ""
    assert agent_of(inventory, "") == ""


def test_the_sums_kept_by_day_are_those_of_the_messages(town: Town) -> None:
    opal, place = "shop/polecats/opal", "shop/polecats/opal/shop"
    told = json.dumps({**json.loads(town.line("t", model="dear")), "costUSD": 0.5}) + "\n"
    lines = [town.line(f"m{number}", at=NOW - 40_000 * number, model=f"m{number % 2}") for number in range(9)]
    town.transcript().write_text(told + "".join(lines))
    town.transcript(place).write_text(town.line("a", place, output_tokens=1) + town.line("b", place, at=NOW - 10))
    town.collect()
    hook(town, NOW - 5, opal, "active", "sh-1")
    hook(town, NOW - 20, opal, "active", "sh-2")
    with town.transcript(place).open("a") as handle:
        handle.write(town.line("a", place, output_tokens=99))
    town.collect()

    with UsageLedger(town.root) as ledger:
        for by in ("agent", "bead", "day"):
            kept = sums(ledger, by, {}, since=start_of_day(NOW) - 5 * 86400)
            # a moment that begins no day is looked up among the messages
            counted = sums(ledger, by, {}, since=start_of_day(NOW) - 5 * 86400 + 0.001)
            assert kept == counted
            assert total(kept.values()).messages == 12


@pytest.mark.parametrize("runtime", ["auggie", "amp", "nobody"])
def test_a_transcript_of_a_program_that_tells_no_usage_is_passed_over(town: Town, runtime: str) -> None:
    record = Path(town.root, "events.jsonl")
    record.write_text('{"usage": 1}\n')
    told = Path(town.root, ".runtime", "heartbeats", "hq-mayor.json")
    told.parent.mkdir(parents=True)
    told.write_text(json.dumps({"transcript": str(record), "agent_runtime": runtime}))
    town.transcript().write_text(town.line("a"))

    assert town.collect() == Collected(1, 1)


def test_full_disk_ends_in_a_store_error_and_keeps_what_was_counted(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.transcript().write_text(town.line("a"))
    town.collect()
    with pytest.raises(StoreError, match="full") as caught, UsageLedger(town.root) as ledger:
        pages = ledger.db.execute("PRAGMA page_count").fetchone()[0]
        ledger.db.execute(f"PRAGMA max_page_count = {pages}")
        with ledger.transaction():
            for number in range(100):
                ledger.note_start("mayor", float(number), "x" * 4096)
    assert "move it away" not in caught.value.hint
    assert town.tokens() == {"mayor": 110}


def test_damaged_page_ends_in_a_store_error(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.transcript().write_text(town.line("a"))
    town.collect()
    path = Path(ledger_path(town.root))
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * (path.stat().st_size - 4096))
    with pytest.raises(StoreError, match="cannot use") as caught:
        town.tokens()
    assert "move it away" in caught.value.hint


@pytest.mark.parametrize("is_there", [True, False])
def test_a_ledger_that_cannot_be_written_is_read_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    root = str(tmp_path / "a town with ? and %")
    if is_there:
        with UsageLedger(root) as ledger:
            ledger.note_start("mayor", 5.0, "claude")

    def refused(path: str, flags: int, *_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr("gastown_core.usage.usage_ledger.private_folder", lambda _: None)
    monkeypatch.setattr("gastown_core.usage.usage_ledger.os.open", refused)
    with UsageLedger(root, only_read=True) as ledger:
        assert list(ledger.starts(0.0)) == ([("mayor", "claude")] if is_there else [])
    with pytest.raises(StoreError) as told:
        UsageLedger(root)
    assert "check its owner" in told.value.hint


def test_each_message_is_told_to_telemetry_once_with_its_last_figures(town: Town) -> None:
    town.transcript().write_text(town.line("msg_0"))
    town.collect()
    assert not os.path.exists(spool_path(town.root)), "telemetry is off"
    open_spool(town.root)
    path = town.transcript(name="two")
    path.write_text(town.line("msg_1", output_tokens=1) + town.line("msg_1", output_tokens=10))
    town.collect()
    path.write_text(path.read_text() + town.line("msg_1", output_tokens=10))
    town.collect()
    (line,) = map(json.loads, Path(spool_path(town.root)).read_text().splitlines())
    told = line["payload"]
    assert (line["type"], line["actor"], told["native_session_id"], told["agent_type"]) == (
        "agent.usage", "mayor", "two", "claude",
    )  # fmt: skip
    assert (told["input_tokens"], told["output_tokens"]) == (100, 10)


def test_what_an_agent_said_is_told_only_where_that_is_allowed(town: Town) -> None:
    path = town.transcript()
    said = {
        "type": "assistant",
        "cwd": town.root + "/mayor",
        "message": {"content": [{"type": "text", "text": "words"}]},
    }
    open_spool(town.root)
    path.write_text(json.dumps(said) + "\n")
    town.collect()
    assert Path(spool_path(town.root)).read_text() == ""
    open_spool(town.root, ["GT_LOG_AGENT_OUTPUT"])
    path.write_text(path.read_text() + "junk\n[]\n" + json.dumps(said) + "\n")
    town.collect()
    (line,) = map(json.loads, Path(spool_path(town.root)).read_text().splitlines())
    told = line["payload"]
    assert (line["type"], line["actor"], told["event_type"], told["role"], told["content"]) == (
        "agent.event", "mayor", "text", "assistant", "words",
    )  # fmt: skip

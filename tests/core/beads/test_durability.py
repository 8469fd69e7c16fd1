"""Many writers, killed writers, a full disk, folders that cannot be written, and readers during a compaction."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from gastown_core.beads.index import INDEX_NAME
from gastown_core.beads.opening import open_store
from gastown_core.beads.query import BeadQuery
from gastown_core.errors import StoreError
from gastown_core.files import system
from tests.support.patience import ended, until
from tests.support.stores import create, lines_of, make_store

WRITER = """
import sys
from gastown_core.beads.opening import open_store
store = open_store(sys.argv[1])
for number in range(int(sys.argv[3])):
    with store.write(sys.argv[2]) as batch:
        batch.create({"title": f"{sys.argv[2]} {number}"})
"""

ENDLESS = """
import sys
from gastown_core.beads.opening import open_store
store = open_store(sys.argv[1])
out = open(sys.argv[2], "a", buffering=1)
print("ready", flush=True)
number = 0
while True:
    with store.write("w") as batch:
        made = batch.create({"title": "x" * 300, "description": "y" * (number * 37 % 9000)})
    out.write(made.id + "\\n")
    number += 1
"""

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def start(code: str, *words: str, **options) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), *words], cwd=REPO, **options)


@pytest.mark.timeout(1200)
def test_sixteen_processes_writing_five_hundred_each_lose_nothing(tmp_path):
    store = make_store(tmp_path)
    writers = [start(WRITER, store.beads_dir, f"w{number}", "500") for number in range(16)]
    assert ended(writers, lambda: os.stat(store.path()).st_size) == [0] * 16
    assert len(lines_of(store)) == 8000 and store.oddities() == []
    assert store.count(BeadQuery()) == 8000
    found = {bead.title for bead in store.excerpts(BeadQuery())}
    assert found == {f"w{writer} {number}" for writer in range(16) for number in range(500)}


def test_of_twenty_processes_that_claim_one_bead_one_gets_it(tmp_path):
    store = make_store(tmp_path)
    bead_id = create(store)
    code = """
    import sys
    from gastown_core.beads.opening import open_store
    from gastown_core.errors import ConflictError
    try:
        with open_store(sys.argv[1]).write(sys.argv[3]) as batch:
            batch.claim(sys.argv[2])
    except ConflictError:
        sys.exit(7)
    """
    claimers = [start(code, store.beads_dir, bead_id, f"w{n}") for n in range(20)]
    codes = ended(claimers, lambda: sum(one.poll() is None for one in claimers))
    assert sorted(codes) == [0] + [7] * 19
    assert store.get(bead_id).assignee == f"w{codes.index(0)}"


@pytest.mark.timeout(1200)
def test_two_hundred_kills_in_mid_write_lose_nothing_acknowledged(tmp_path):
    store = make_store(tmp_path)
    told = tmp_path / "acknowledged"
    told.touch()
    kills = 0
    while kills < 200:
        # eight at a time: most of the time goes into starting Python
        writers = [start(ENDLESS, store.beads_dir, str(told), stdout=subprocess.PIPE) for _ in range(8)]
        for writer in writers:
            writer.stdout.readline()
        for number, writer in enumerate(writers):
            size = os.stat(store.path()).st_size
            # here and there in a write: what is waited for is what the others wrote meanwhile
            until(lambda: os.stat(store.path()).st_size >= size + number * 900, "somebody writes", 60.0)  # noqa: B023
            writer.send_signal(signal.SIGKILL)
            kills += 1
        for writer in writers:
            writer.wait()
            writer.stdout.close()
    acknowledged = [line for line in told.read_text().splitlines() if line]
    assert len(acknowledged) > 200
    fresh = open_store(store.beads_dir)
    assert set(fresh.get_many(acknowledged)) == set(acknowledged)
    assert all(kind == "junk" for _, _, kind, _ in fresh.oddities())
    fresh.index.rebuild()
    assert set(fresh.get_many(acknowledged)) == set(acknowledged)


def run_limited(code: str, *words: str, limit: int) -> subprocess.CompletedProcess:
    """A process for which no file may grow beyond ``limit`` bytes."""
    lead = "import resource, signal, sys\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    lead += f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
    program = lead + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-c", program, *words], cwd=REPO, capture_output=True, text=True, timeout=120
    )


FULL = """
from gastown_core.beads.opening import open_store
from gastown_core.errors import StoreError
store = open_store(sys.argv[1])
try:
    with store.write("me") as batch:
        for number in range(int(sys.argv[2])):
            batch.create({"title": f"n{number}", "description": "x" * 60_000})
except StoreError as error:
    print(error.what, "|", error.why, "|", error.hint)
"""


@pytest.mark.parametrize("beads", [1, 30], ids=["an append", "a replacement"])
def test_a_full_disk_is_a_clear_error_and_the_file_is_as_before(tmp_path, beads):
    store = make_store(tmp_path)
    create(store, "kept", description="z" * 50_000)
    before = open(store.path(), "rb").read()
    done = run_limited(FULL, store.beads_dir, str(beads), limit=100_000)
    assert "cannot" in done.stdout and "issues.jsonl" in done.stdout and "free some space" in done.stdout, done
    assert open(store.path(), "rb").read() == before
    assert [name for name in os.listdir(store.beads_dir) if name.endswith(".tmp")] == []
    assert create(store, "after")


def test_a_full_disk_for_the_index_alone_does_not_hurt(tmp_path):
    store = make_store(tmp_path)
    create(store, "kept")
    store.close()
    os.unlink(os.path.join(store.beads_dir, INDEX_NAME))
    code = """
    from gastown_core.beads.opening import open_store
    from gastown_core.beads.query import BeadQuery
    print([bead.title for bead in open_store(sys.argv[1]).find(BeadQuery())])
    """
    assert run_limited(code, store.beads_dir, limit=8000).stdout.strip() == "['kept']"


def test_a_folder_that_cannot_be_written_is_read_and_refuses_writes(tmp_path):
    store = make_store(tmp_path)
    create(store, "kept")
    store.close()
    os.unlink(os.path.join(store.beads_dir, INDEX_NAME))
    os.unlink(os.path.join(store.beads_dir, ".lock"))
    os.chmod(store.beads_dir, 0o555)
    for parent in (tmp_path, *tmp_path.parents[:-2]):
        os.chmod(parent, 0o755)
    code = """
    import os, sys
    from gastown_core.beads.opening import open_store
    from gastown_core.beads.query import BeadQuery
    from gastown_core.errors import StoreError
    import gastown_core.beads.batch, gastown_core.beads.compaction, gastown_core.beads.index_sql
    if os.getuid() == 0:
        os.setuid(65534)
    store = open_store(sys.argv[1])
    print([bead.title for bead in store.find(BeadQuery())], store.index.is_in_memory)
    try:
        with store.write("me") as batch:
            batch.create({"title": "no"})
    except StoreError as error:
        print(error, "|", error.hint)
    """
    try:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), store.beads_dir],
            cwd=REPO,
            capture_output=True,
            text=True,
            timeout=120,
        )
    finally:
        os.chmod(store.beads_dir, 0o755)
    assert done.stdout.splitlines()[0] == "['kept'] True", done.stderr
    assert "cannot lock" in done.stdout and "read-only for you" in done.stdout


def test_a_store_opened_for_reading_refuses_writes(tmp_path):
    make_store(tmp_path)
    store = open_store(str(tmp_path / ".beads"), read_only=True)
    with pytest.raises(StoreError, match="open read-only"):
        create(store)


def test_readers_beside_a_compaction_always_see_everything(tmp_path):
    store = make_store(tmp_path)
    with store.write("me") as batch:
        ids = [batch.create({"title": f"n{number}"}).id for number in range(300)]
    code = """
    import sys
    from gastown_core.beads.opening import open_store
    store = open_store(sys.argv[1])
    for round in range(40):
        with store.write("w") as batch:
            for bead_id in sys.argv[2:]:
                batch.update(bead_id, {"notes": str(round)})
        store.compact()
    """
    compactor = start(code, store.beads_dir, *ids[:50])
    reader = open_store(store.beads_dir)
    rounds = 0
    while compactor.poll() is None or rounds < 5:
        assert len(reader.get_many(ids)) == 300
        assert len(reader.find(BeadQuery())) == 300
        assert len({bead.text("notes") for bead in reader.get_many(ids[:50]).values()}) == 1
        rounds += 1
    assert compactor.returncode == 0
    assert len(open_store(store.beads_dir).find(BeadQuery())) == 300


def test_an_interrupted_filling_of_the_index_leaves_it_for_the_next(tmp_path):
    store = make_store(tmp_path)
    with store.write("me") as batch:
        for number in range(2500):
            batch.create({"title": f"n{number}", "description": "x" * 1000})
    store.close()
    os.unlink(os.path.join(store.beads_dir, INDEX_NAME))

    def interrupt(what, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_store(store.beads_dir, progress=interrupt).count(BeadQuery())
    assert open_store(store.beads_dir).count(BeadQuery()) == 2500


def test_an_index_of_another_boot_is_filled_anew(tmp_path, monkeypatch):
    from gastown_core.beads import index

    store = make_store(tmp_path)
    kept = create(store, "kept")
    store.find(BeadQuery())
    store.index.db.execute("UPDATE beads SET title='not what was written'")
    store.close()
    monkeypatch.setattr(index, "_boot", lambda: 12345)
    again = open_store(store.beads_dir)
    assert [(bead.id, bead.title) for bead in again.excerpts(BeadQuery())] == [(kept, "kept")]
    assert again.index.db.execute("PRAGMA application_id").fetchone()[0] == 12345


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="the boot cannot be told here")
def test_a_write_syncs_the_ledger_once_and_nothing_else(tmp_path, monkeypatch):
    store = make_store(tmp_path)
    create(store, "first")
    synced = []
    for place, name in ((os, "fsync"), (system, "sync_data")):
        real = getattr(place, name)
        monkeypatch.setattr(
            place, name, lambda fd, real=real: synced.append(os.readlink(f"/proc/self/fd/{fd}")) or real(fd)
        )
    create(store, "second")
    assert [os.path.basename(path) for path in synced] == ["issues.jsonl"]
    assert store.index.db.execute("PRAGMA synchronous").fetchone()[0] == 0


def test_a_ledger_of_a_clock_past_2262_is_read_and_written(tmp_path):
    store = make_store(tmp_path)
    kept = create(store, "kept")
    far = 9_300_000_000 * 10**9
    for name in os.listdir(store.beads_dir):
        os.utime(os.path.join(store.beads_dir, name), ns=(far, far))
    again = open_store(store.beads_dir)
    more = create(again, "more")
    assert {bead.id for bead in again.excerpts(BeadQuery())} == {kept, more}

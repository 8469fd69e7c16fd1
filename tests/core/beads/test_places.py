"""Where stores are: routes, redirects, discovery, configuration, and the ledger of a whole town."""

from __future__ import annotations

import os

import pytest

from gastown_core.beads.discovery import find_beads_dir, follow_redirects, write_redirect
from gastown_core.beads.ledger import TownLedger
from gastown_core.beads.opening import open_store
from gastown_core.beads.query import BeadQuery
from gastown_core.beads.routes import Route, add_route, read_routes, remove_route, routes_of
from gastown_core.beads.settings import prefix_in, read_settings, vocabulary
from gastown_core.errors import ConflictError, NotFoundError, StoreError, UsageError
from tests.support.stores import NOW, close, create, link, make_store, raw, write_lines
from tests.support.towns import reference_town


def test_routes_are_read_past_comments_and_bad_lines(tmp_path):
    (tmp_path / ".beads").mkdir()
    lines = [
        '{"prefix":"hq-","path":"."}',
        "# a comment",
        "junk",
        '{"prefix":3}',
        '{"prefix":"gt","path":"gastown/mayor/rig"}',
        '{"prefix":"gt-","path":"other"}',
        "",
    ]
    (tmp_path / ".beads" / "routes.jsonl").write_text("\n".join(lines))
    assert read_routes(str(tmp_path)) == [("hq-", "."), ("gt-", "gastown/mayor/rig"), ("gt-", "other")]


def test_routes_are_added_once_and_taken_prefixes_refused(tmp_path):
    root = str(tmp_path)
    add_route(root, "hq-", ".")
    add_route(root, "gt", "gastown")
    add_route(root, "gt-", "gastown/")
    assert read_routes(root) == [("hq-", "."), ("gt-", "gastown")]
    with pytest.raises(ConflictError, match="is taken"):
        add_route(root, "gt", "elsewhere")
    with pytest.raises(UsageError):
        add_route(root, "9!", "x")
    remove_route(root, "gt")
    remove_route(root, "gt")
    assert read_routes(root) == [("hq-", ".")]


def test_the_longest_prefix_of_a_route_wins():
    routes = [Route("hq-", "."), Route("hq-cv-", "convoys"), Route("g-", "one"), Route("g-x-", "two")]
    paths = {word: [route.path for route in routes_of(word, routes)] for word in ("hq-cv-abc12", "hq-abc12", "g-x-1")}
    assert paths == {"hq-cv-abc12": ["convoys", "."], "hq-abc12": ["."], "g-x-1": ["two", "one"]}
    assert not routes_of("gt-1", routes) and not routes_of("plain", routes)


def redirect(folder, target):
    (folder / ".beads").mkdir(parents=True, exist_ok=True)
    (folder / ".beads" / "redirect").write_text(f"# a comment\n\n{target}\n")
    return str(folder / ".beads")


def test_redirects_are_followed_four_times_and_no_further(tmp_path):
    make_store(tmp_path / "s0")
    for number in range(1, 7):
        redirect(tmp_path / f"s{number}", f"../s{number - 1}/.beads")
    assert follow_redirects(str(tmp_path / "s4" / ".beads")) == str(tmp_path / "s0" / ".beads")
    with pytest.raises(StoreError, match="more than 4"):
        follow_redirects(str(tmp_path / "s6" / ".beads"))


def test_self_circular_and_dangling_redirects(tmp_path):
    own = redirect(tmp_path / "own", ".beads")
    assert follow_redirects(own) == own
    a, _ = redirect(tmp_path / "a", "../b/.beads"), redirect(tmp_path / "b", "../a/.beads")
    with pytest.raises(StoreError, match="redirect loop"):
        follow_redirects(a)
    with pytest.raises(StoreError, match="missing folder"):
        follow_redirects(redirect(tmp_path / "c", "../nowhere/.beads"))


def test_a_written_redirect_leads_to_the_final_folder_by_a_relative_path(tmp_path):
    store = make_store(tmp_path / "rig")
    redirect(tmp_path / "middle", "../rig/.beads")
    write_redirect(str(tmp_path / "crew" / "alice"), str(tmp_path / "middle" / ".beads"))
    assert (tmp_path / "crew" / "alice" / ".beads" / "redirect").read_text() == "../../rig/.beads\n"
    assert find_beads_dir(str(tmp_path / "crew" / "alice"), {}) == store.beads_dir
    with pytest.raises(StoreError):
        write_redirect(str(tmp_path / "rig"), store.beads_dir)


def test_discovery_walks_up_to_the_top_of_the_repository(tmp_path):
    make_store(tmp_path / "outer")
    inner = tmp_path / "outer" / "repo" / "src"
    inner.mkdir(parents=True)
    (tmp_path / "outer" / "repo" / ".git").mkdir()
    assert find_beads_dir(str(inner), {}) is None
    store = make_store(tmp_path / "outer" / "repo")
    assert find_beads_dir(str(inner), {}) == store.beads_dir
    assert find_beads_dir(str(inner), {"BEADS_DIR": str(tmp_path / "outer" / ".beads")}) == str(
        tmp_path / "outer" / ".beads"
    )


def test_discovery_in_a_worktree_goes_on_in_the_main_repository(tmp_path):
    store = make_store(tmp_path / "main")
    common = tmp_path / "main" / ".git" / "worktrees" / "w"
    common.mkdir(parents=True)
    (common / "commondir").write_text("../..\n")
    work = tmp_path / "work"
    work.mkdir()
    (work / ".git").write_text(f"gitdir: {common}\n")
    assert find_beads_dir(str(work), {}) == store.beads_dir


def test_discovery_inside_a_town_goes_on_to_its_root(tmp_path):
    (tmp_path / "mayor").mkdir()
    (tmp_path / "mayor" / "town.json").write_text("{}")
    store = make_store(tmp_path, "hq")
    clone = tmp_path / "rig" / "crew" / "alice"
    (clone / ".git").mkdir(parents=True)
    (clone / ".beads").mkdir()
    assert find_beads_dir(str(clone), {}) == store.beads_dir


def test_settings_are_read_from_flat_and_nested_yaml(tmp_path):
    (tmp_path / "config.yaml").write_text(
        '# comment\nissue-prefix: "gt"  # why\nstatus.custom: staged:wip, bad name, odd:nonsense\ntypes:\n  custom: [agent, widget]\n\ndolt:\n  mode: server # x\njson: true\n- list\n'
    )
    (tmp_path / "config.local.yaml").write_text("json: false\n")
    found = read_settings(str(tmp_path))
    assert prefix_in(found) == "gt" and found["dolt.mode"] == "server" and found["json"] == "false"
    words = vocabulary(found)
    assert words.statuses["staged"] == "wip" and words.statuses["odd"] == "active" and "bad name" not in words.statuses
    assert words.issue_type("widget") == "widget" and read_settings(str(tmp_path / "none")) == {}


def test_a_store_without_configuration_takes_its_prefix_from_its_records(tmp_path):
    (tmp_path / "myShop" / ".beads").mkdir(parents=True)
    assert open_store(str(tmp_path / "myShop" / ".beads")).prefix == "ms"
    store = make_store(tmp_path / "x")
    os.unlink(os.path.join(store.beads_dir, "config.yaml"))
    write_lines(store, b"junk", raw("zz-1"))
    assert open_store(store.beads_dir).prefix == "zz" and open_store(store.beads_dir, prefix="qq-").prefix == "qq"


@pytest.fixture
def town(tmp_path):
    for name, prefix in (("", "hq"), ("shop", "gt"), ("old/mayor/rig", "od")):
        make_store(tmp_path / name, prefix)
    for prefix, path in (("hq", "."), ("hq-cv", "."), ("gt", "shop"), ("od", "old"), ("xx", "gone")):
        add_route(str(tmp_path), prefix, path)
    ledger = TownLedger(str(tmp_path))
    yield ledger
    ledger.close()


def test_a_town_has_all_its_stores_and_says_which_is_missing(town):
    assert list(town.stores()) == ["town", "shop", "old"] and town.names == ("town", "shop", "old", "gone")
    assert "missing" in town.missing["gone"] or "no beads" in town.missing["gone"]
    assert town.stores()["old"].prefix == "od" and town.stores()["shop"] is town.store("shop")
    assert town.name_of(town.stores()["shop"]) == "shop"


def test_ids_find_their_store(town):
    bead_id = create(town.store("shop"))
    convoy = create(town.store("town"), kind="cv")
    stray = create(town.store("old"), bead_id="zz-stray")
    assert town.store_for(bead_id).prefix == "gt" and town.store_for(convoy).prefix == "hq"
    assert town.get(bead_id).id == bead_id and town.get(stray).id == stray and town.get("gt-nosuch") is None
    assert list(town.get_many([stray, "no-1", convoy, bead_id])) == [stray, convoy, bead_id]
    assert town.home_of(stray).prefix == "od" and town.home_of("no-1") is None
    with pytest.raises(NotFoundError, match="no store for no-1"):
        town.store_for("no-1")
    with pytest.raises(NotFoundError):
        town.store_for("xx-1").get("xx-1") if town.store("gone") else town.store_for("xx-1")


def test_dependencies_cross_from_rig_to_rig(town):
    here, far = create(town.store("shop")), create(town.store("old"))
    link(town.store("shop"), here, far)
    link(town.store("shop"), here, "od-nosuch")
    graph = town.store("shop").graph(NOW)
    # the store that would have od-nosuch is there and has it not: it never comes
    assert [tuple(hold) for hold in graph.holds(here)] == [(far, "open")]
    link(town.store("shop"), here, "yy-elsewhere")
    graph = town.store("shop").graph(NOW)
    assert [tuple(hold) for hold in graph.holds(here)] == [(far, "open"), ("yy-elsewhere", "unresolved")]
    close(town.store("old"), far)
    with town.store("shop").write("me") as batch:
        batch.remove_edge(here, "yy-elsewhere")
    assert [bead.id for bead in town.store("shop").ready(BeadQuery(), NOW + 1e9)] == [here]


def test_the_sample_town_is_read_as_it_is(tmp_path):
    ledger = TownLedger(reference_town(tmp_path))
    assert list(ledger.stores()) == ["town", "demo"] and ledger.store("demo").prefix == "dm"
    convoy = ledger.get("hq-cv-ml8y3")
    members = ledger.get_many(edge.target for edge in convoy.edges)
    assert [bead.title for bead in members.values()] == ["Task 3 for demo", "Task 1 for demo", "Task 2 for demo"]
    graph = ledger.store("town").graph(NOW)
    assert [graph.stage(edge.target) for edge in convoy.edges] == ["ready", "running", "ready"]
    assert os.path.realpath(ledger.adopt(os.path.join(ledger.root, "demo", ".beads")).beads_dir) == os.path.realpath(
        ledger.store("demo").beads_dir
    )
    ledger.close()


def test_a_ledger_that_nobody_uses_any_more_keeps_no_file_open(rigged):
    """A daemon opens ledgers for days; the collector must not be what closes them."""
    import gc
    import os

    from gastown_core.beads.ledger import TownLedger

    bead = rigged.file()
    gc.disable()
    try:
        before = len(os.listdir("/dev/fd"))
        for _ in range(4):
            ledger = TownLedger(rigged.root)
            assert ledger.get(bead.id) and ledger.excerpt("sh-none") is None
            assert ledger.stores()["town"].foreign(bead.id).id == bead.id
            del ledger
        assert len(os.listdir("/dev/fd")) == before
    finally:
        gc.enable()

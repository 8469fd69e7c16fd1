"""What names nothing is a failure (1), what cannot be a name or is missing is a usage error (2), in every command."""

from __future__ import annotations

import contextlib
import io
import json
import os

import pytest

from gastown_cli.bd import ROOT as BD
from gastown_cli.gt import ROOT as GT
from gastown_cli.lazy import run_root
from tests.support.rigged import Rigged

UNKNOWN = {
    "gt": """
        hook show shop/nobody | hook show nobody | hook list nowhere | hook attach sh-zzzzz mayor | hook attach BEAD nobody
        hook attach BEAD shop/crew/nobody | hook attach BEAD nowhere/opal | hook BEAD nobody 
        hook clear nobody | hook detach sh-zzzzz | hook detach BEAD nobody | hook rollback --agent nobody
        unsling sh-zzzzz | unsling nobody | unsling shop/nobody
        sling sh-zzzzz shop | sling nowhere-zzzzz shop | sling BEAD nowhere | sling BEAD nowhere/opal
        sling BEAD shop/crew/nobody | sling BEAD nowhere/polecats/opal | sling BEAD sh-zzzzz shop
        sling nope-formula shop | sling nope-formula --on BEAD shop | sling EPIC nowhere | sling BEAD shop --crew nobody
        sling BEAD shop --agent nope | sling respawn-reset sh-zzzzz
        assign nobody Work --rig shop | assign shop/nobody Work | assign nobody Work --rig nowhere
        release sh-zzzzz | close sh-zzzzz | ready --rig nowhere 
        formula show nope | formula show nope --rig nowhere | formula list --rig nowhere | formula run nope --rig shop
        formula run nope --rig nowhere | formula overlay show nope | formula overlay show nope --rig nowhere
        formula overlay edit nope
        mol status nobody | mol status shop/nobody | mol current sh-zzzzz | mol current nobody | mol progress sh-zzzzz
        mol dag sh-zzzzz  | mol attach sh-zzzzz nope | mol attach BEAD sh-zzzzz
        mol attach-from-mail hq-zzzzz | mol attachment sh-zzzzz | mol detach sh-zzzzz
        mol burn sh-zzzzz | mol burn nobody | mol squash sh-zzzzz | compact --rig nowhere
        convoy create Bundle sh-zzzzz | convoy create Bundle BEAD nowhere-zzzzz | convoy show hq-cv-zzzzz | convoy show 9
        convoy add hq-cv-zzzzz BEAD | convoy add CONVOY sh-zzzzz | convoy refresh hq-cv-zzzzz | convoy check hq-cv-zzzzz
        convoy close hq-cv-zzzzz | convoy land hq-cv-zzzzz | convoy watch hq-cv-zzzzz | convoy unwatch hq-cv-zzzzz
        convoy watch CONVOY --addr nowhere/opal | convoy stage sh-zzzzz | convoy launch hq-cv-zzzzz | convoy launch sh-zzzzz
        convoy create --from-epic sh-zzzzz
        mountain sh-zzzzz | mountain status sh-zzzzz | mountain pause sh-zzzzz | mountain resume sh-zzzzz
        mountain cancel sh-zzzzz | mountain retry sh-zzzzz
        scheduler explain sh-zzzzz | scheduler clear --bead sh-zzzzz 
        mq list nowhere | mq next nowhere | mq status sh-zzzzz | mq status nowhere-zzzzz | mq retry sh-zzzzz
        mq retry nowhere-zzzzz | mq retry nowhere sh-zzzzz | mq retry shop sh-zzzzz | mq reject sh-zzzzz -r no
        mq reject nowhere-zzzzz -r no | mq reject shop sh-zzzzz -r no | mq post-merge sh-zzzzz | mq post-merge shop sh-zzzzz
        mq submit --issue sh-zzzzz --rig nowhere | mq integration create sh-zzzzz | mq integration status sh-zzzzz
        mq integration land sh-zzzzz | mq integration create nowhere-zzzzz
        refinery status nowhere | refinery queue nowhere | refinery ready nowhere | refinery blocked nowhere
        refinery claim sh-zzzzz | refinery claim nowhere-zzzzz | refinery release sh-zzzzz | refinery process nowhere
        refinery log nowhere | refinery log shop -b zzzz
        polecat list nowhere | polecat nowhere | polecat status shop/nobody | polecat status nobody
        polecat status nowhere/opal | polecat add nowhere | polecat pool-init nowhere | polecat remove shop/nobody
        polecat remove nobody | polecat nuke shop/nobody | polecat nuke nowhere/opal | polecat stale nowhere
        polecat prune nowhere | polecat git-state shop/nobody | polecat check-recovery shop/nobody
        namepool --rig nowhere | namepool themes nope | namepool set nope --rig shop
        session start nobody | session start shop/nobody | session stop nobody | session restart nobody
        session list --rig nowhere | attach nobody | peek nobody | peek shop/nobody | nudge nobody hi | nudge shop/nobody hi
        handoff nobody -s x | agents --rig nowhere | feed --plain --rig nowhere | crew add ana2 --rig nowhere
        crew add nowhere/ana2 | crew list nowhere  | session first-prompt nobody hi
        config get default_agent --rig nowhere | config set default_agent claude --rig nowhere | config agent get nope
        config agent set mine cmd --provider nope | config agent remove nope | config default-agent nope
    """,
    "bd": """
        show sh-zzzzz | show nowhere-zzzzz | update sh-zzzzz --title x | update BEAD --parent sh-zzzzz | claim sh-zzzzz
        close sh-zzzzz | reopen sh-zzzzz | delete sh-zzzzz | create T --parent sh-zzzzz | create T --deps blocks:sh-zzzzz
        create T --rig nowhere 
        label add sh-zzzzz l | label remove sh-zzzzz l | label list sh-zzzzz | comments sh-zzzzz | comments add sh-zzzzz t
        comment sh-zzzzz t | dep add sh-zzzzz BEAD | dep add BEAD sh-zzzzz | dep remove BEAD sh-zzzzz | dep remove sh-zzzzz BEAD
        dep list sh-zzzzz | dep tree sh-zzzzz | list --parent sh-zzzzz | ready --parent sh-zzzzz | ready --mol sh-zzzzz
        formula show nope | cook nope | mol pour nope | mol wisp nope | mol show sh-zzzzz | mol current sh-zzzzz
        mol progress sh-zzzzz | mol ready sh-zzzzz | mol bond sh-zzzzz EPIC | mol squash sh-zzzzz | mol burn sh-zzzzz
        mol distill sh-zzzzz | mol last-activity sh-zzzzz | mol seed nope
        gate show sh-zzzzz | gate resolve sh-zzzzz | gate add-waiter sh-zzzzz shop/opal
        gate create --type human --blocks sh-zzzzz | gate show BEAD | blocked --parent sh-zzzzz
    """,
}
"""Well-formed, and nothing bears the name."""

MALFORMED = {
    "gt": """
        hook attach | sling | sling BEAD shop//x | sling BEAD mayor/x/y | sling BEAD shop/a/b/c | sling BEAD shop/WRONG!
        unsling --nope | assign | release | close | formula show | formula create | formula create NAME --type nope
        formula create ../x | mol step | mol step nope | mol attach-from-mail | convoy add | convoy stage
        convoy launch | convoy close | convoy land | mountain status x y z | mq status | mq retry | mq reject sh-zzzzz
        mq integration nope x | refinery nope | refinery claim | polecat status | polecat add | polecat add shop Opal!
        polecat add shop mayor | polecat remove | namepool nope | namepool add A! --rig shop | mayor nope | session nope
        attach | peek | nudge | nudge mayor | heartbeat --state nope | activity | activity emit b@d | krc nope
        config get | config set | config set default_agent | config agent nope | config agent get | crew add | crew add a.b
        crew add mayor | rig add | rig add a.b URL | rig add mayor URL | rig add x ORIGIN --prefix 1x | nope
        scheduler run --batch 0 | feed --since x | status --watch --interval x | rig add LONG ORIGIN | crew add LONG
        polecat add shop LONG | sling BEAD shop/LONG | sling BEAD dog:LONG | namepool add LONG --rig shop
        namepool create LONG names | namepool create mine LONG | formula create LONG | rig add y ORIGIN --prefix LONG
        mol step emit-event --channel LONG --type x | mq integration create EPIC --branch LONG
    """,
    "bd": """
        claim | update BEAD --priority 9 | update BEAD --status nope | create | create T --type n@pe | create T -p 9
        label add BEAD | comments add BEAD | dep add BEAD | dep remove BEAD | gate show | gate create --type nope
        gate add-waiter x | mol show | mol pour | mol wisp | cook | formula show | list --sort nope | list --status nope
        init -p LONG | init -p 1x | create T --id no | mol distill EPIC LONG | mol distill EPIC ../x | nope | show --nope
        create T --id LONG
    """,
}
"""What cannot be a name, a value or a command, and what is missing."""


class Cast:
    """The names that stand for something in the rows."""

    def __init__(self, town: Rigged) -> None:
        self.town = town
        epic = town.file("Much", issue_type="epic").id
        bead = town.file().id
        self.words = {"BEAD": bead, "EPIC": epic, "LONG": "x" * 300, "ORIGIN": town.origin.path}
        code, out, _ = self.run("gt", "convoy create Some BEAD --json")
        assert code == 0, out
        self.words["CONVOY"] = json.loads(out)["id"]

    def run(self, program: str, row: str) -> tuple[int, str, str]:
        """Run a row; what stood for something is what it stands for."""
        words = [self._word(word) for word in row.split()]
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = run_root(GT if program == "gt" else BD, words)
            except SystemExit as end:
                code = int(end.code or 0)
        return code, out.getvalue(), err.getvalue()

    def _word(self, word: str) -> str:
        for name, means in self.words.items():
            word = word.replace(name, means)
        return word


def rows(table: dict[str, str]) -> list[tuple[str, str]]:
    return [
        (program, row.strip())
        for program, text in table.items()
        for line in text.splitlines()
        for row in line.split("|")
        if row.strip()
    ]


@pytest.fixture
def cast(rigged: Rigged, monkeypatch: pytest.MonkeyPatch) -> Cast:
    monkeypatch.chdir(os.path.join(rigged.root, "shop"))
    return Cast(rigged)


@pytest.mark.parametrize(("table", "code"), [(UNKNOWN, 1), (MALFORMED, 2)], ids=["unknown", "malformed"])
def test_exit_codes(cast: Cast, table: dict[str, str], code: int) -> None:
    wrong = []
    for program, row in rows(table):
        found, out, err = cast.run(program, row)
        if found != code:
            wrong.append(f"{found} {program} {row}: {(err or out).strip()[:160]!r}")
    assert not wrong, "\n" + "\n".join(wrong)


NEAR = """
    polecat status shop/opl => shop/opal | polecat nuke opl => shop/opal | peek shop/opl => shop/opal | nudge opl hi => shop/opal
    sling BEAD shpo => shop | agents --rig shpo => shop | session list --rig shpo => shop | polecat stale shpo => shop
    namepool set minerls --rig shop => minerals | config agent get cluade => claude | formula show mol-polecat-wrok => mol-polecat-work
"""


def test_a_name_that_is_near_one_is_answered_with_it(cast: Cast) -> None:
    assert cast.run("gt", "polecat add shop opal")[0] == 0
    for row in (row.strip() for line in NEAR.splitlines() for row in line.split("|") if row.strip()):
        words, near = row.split(" => ")
        code, _, err = cast.run("gt", words)
        assert code == 1 and "did you mean" in err and near in err.partition("did you mean")[2], (row, err)

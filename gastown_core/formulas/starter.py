"""Starter files for formulas of one's own, by kind; each cooks as it is."""

from __future__ import annotations

import os

from gastown_core.errors import ConflictError, UsageError
from gastown_core.formulas.source import JSON, TOML, check_name

TASK = """\
# {name}: one piece of work in a few steps. Check it with: bd cook {name} --dry-run
formula = "{name}"
version = 1
description = "What this is for, in a line"

# Asked for with --var; a default makes it optional, enum and pattern bound it.
[vars.what]
description = "what to work on"
required = true

[[steps]]
id = "prepare"
title = "Understand {{{{what}}}}"
description = "What to read, whom to ask."

[[steps]]
id = "work"
title = "Do it"
needs = ["prepare"]
acceptance = "How one sees that it is done."

[[steps]]
id = "hand-in"
title = "Hand it in"
needs = ["work"]
description = "gt done"
"""

WORKFLOW = """\
# {name}: steps that several workers may share. Check it with: bd cook {name} --dry-run
formula = "{name}"
version = 1
description = "What this is for, in a line"
# a bead for every step, so that each can be taken by another worker and outlives a session
pour = true

[vars.what]
description = "what to work on"
required = true

[vars.checked]
description = "whether somebody looks at it first"
type = "bool"
default = "true"

[[steps]]
id = "plan"
title = "Plan {{{{what}}}}"

# these two have the same needs: they run beside each other
[[steps]]
id = "build"
title = "Build it"
needs = ["plan"]
parallel = true

[[steps]]
id = "document"
title = "Write it up"
needs = ["plan"]
parallel = true

# left out with --var checked=false; what it needs is then needed by "ship"
[[steps]]
id = "approve"
title = "A person says yes"
needs = ["build", "document"]
condition = "{{{{checked}}}}"
gate = {{ type = "human", timeout = "24h" }}

[[steps]]
id = "ship"
title = "Ship it"
needs = ["approve"]
"""

PATROL = """\
# {name}: a round that is made again and again. Check it with: bd cook {name} --dry-run
formula = "{name}"
version = 1
description = "What is watched, in a line"
# a round leaves no trace in git
phase = "vapor"
wisp_type = "patrol"

[[steps]]
id = "look"
title = "Look for what needs doing"

[[steps]]
id = "act"
title = "Do it"
needs = ["look"]

[[steps]]
id = "loop-or-exit"
title = "Go again, or make room for a fresh session"
needs = ["act"]
description = "gt handoff, if the context runs low."
"""

EXPANSION = """\
# {name}: steps that take the place of one step of another formula:
#   [[compose.expand]]  target = "implement"  with = "{name}"
formula = "{name}"
version = 1
type = "expansion"
description = "What becomes of the step, in a line"

[[template]]
id = "{{target}}.draft"
title = "{{target.title}}: first draft"

[[template]]
id = "{{target}}.polish"
title = "{{target.title}}: polish"
needs = ["{{target}}.draft"]
"""

CONVOY = """\
# {name}: legs that run beside each other, and a synthesis. Run it with: gt formula run {name}
formula = "{name}"
version = 1
type = "convoy"
description = "What is looked at, in a line"

[inputs.files]
description = "what to look at"
required = true

[prompts]
base = "Look at {{{{.files}}}}. Write your findings to {{{{.output_path}}}}."

[[legs]]
id = "correctness"
title = "Correctness"
focus = "what can go wrong"

[[legs]]
id = "clarity"
title = "Clarity"
focus = "what is hard to follow"

[output]
directory = "{{{{.review_id}}}}"
leg_pattern = "{{{{.leg.id}}}}-findings.md"
synthesis = "summary.md"

[synthesis]
title = "Bring the findings together"
description = "One list, the gravest first, each once."
"""

STARTERS = {"task": TASK, "workflow": WORKFLOW, "patrol": PATROL, "expansion": EXPANSION, "convoy": CONVOY}


def write_starter(folder: str, name: str, kind: str) -> str:
    """Write a starter file and return its path. Raises UsageError for the name or kind, ConflictError if it is there."""
    if kind not in STARTERS:
        raise UsageError(f"there is no starter of type {kind}", "", f"{', '.join(STARTERS)} are there")
    check_name(name)
    for ending in (TOML, JSON):
        path = os.path.join(folder, name + ending)
        if os.path.lexists(path):
            raise ConflictError(f"formula {name} is there already", path, "edit it, or take another name")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name + TOML)
    # x: another may have made it since
    with open(path, "x", encoding="utf-8") as handle:
        handle.write(STARTERS[kind].format(name=name))
    return path

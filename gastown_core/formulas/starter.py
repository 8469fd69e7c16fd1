"""Starter files for new formulas, by kind; each can be cooked unchanged."""

from __future__ import annotations

import os

from gastown_core.errors import ConflictError, UsageError
from gastown_core.formulas.source import JSON, TOML, check_name

TASK = """\
# {name}: one task in a few steps. Check it with: bd cook {name} --dry-run
formula = "{name}"
version = 1
description = "What this is for, in one line"

# Set with --var; a default makes it optional, enum and pattern restrict it.
[vars.what]
description = "what to work on"
required = true

[[steps]]
id = "prepare"
title = "Understand {{{{what}}}}"
description = "What to read and whom to ask."

[[steps]]
id = "work"
title = "Do it"
needs = ["prepare"]
acceptance = "How to tell that it is done."

[[steps]]
id = "hand-in"
title = "Hand it in"
needs = ["work"]
description = "gt done"
"""

WORKFLOW = """\
# {name}: steps that several workers can share. Check it with: bd cook {name} --dry-run
formula = "{name}"
version = 1
description = "What this is for, in one line"
# one bead per step, so that another worker can take it and it outlives a session
pour = true

[vars.what]
description = "what to work on"
required = true

[vars.checked]
description = "whether a person approves it first"
type = "bool"
default = "true"

[[steps]]
id = "plan"
title = "Plan {{{{what}}}}"

# these two have the same needs, so they run in parallel
[[steps]]
id = "build"
title = "Build it"
needs = ["plan"]
parallel = true

[[steps]]
id = "document"
title = "Document it"
needs = ["plan"]
parallel = true

# dropped with --var checked=false; "ship" then needs what it needed
[[steps]]
id = "approve"
title = "A person approves"
needs = ["build", "document"]
condition = "{{{{checked}}}}"
gate = {{ type = "human", timeout = "24h" }}

[[steps]]
id = "ship"
title = "Ship it"
needs = ["approve"]
"""

PATROL = """\
# {name}: a repeated round of checks. Check it with: bd cook {name} --dry-run
formula = "{name}"
version = 1
description = "What is watched, in one line"
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
title = "Start the next round, or hand off to a fresh session"
needs = ["act"]
description = "Run gt handoff if the context is nearly full."
"""

EXPANSION = """\
# {name}: steps that replace one step of another formula:
#   [[compose.expand]]  target = "implement"  with = "{name}"
formula = "{name}"
version = 1
type = "expansion"
description = "What the step becomes, in one line"

[[template]]
id = "{{target}}.draft"
title = "{{target.title}}: first draft"

[[template]]
id = "{{target}}.polish"
title = "{{target.title}}: polish"
needs = ["{{target}}.draft"]
"""

CONVOY = """\
# {name}: parallel legs and a synthesis. Run it with: gt formula run {name}
formula = "{name}"
version = 1
type = "convoy"
description = "What is reviewed, in one line"

[inputs.files]
description = "what to review"
required = true

[prompts]
base = "Review {{{{.files}}}}. Write your findings to {{{{.output_path}}}}."

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
title = "Combine the findings"
description = "One list, most severe first, without duplicates."
"""

STARTERS = {"task": TASK, "workflow": WORKFLOW, "patrol": PATROL, "expansion": EXPANSION, "convoy": CONVOY}


def write_starter(folder: str, name: str, kind: str) -> str:
    """Write a starter file; returns its path. Raises UsageError for a bad name or kind, ConflictError if it exists."""
    if kind not in STARTERS:
        raise UsageError(f"there is no starter of type {kind}", "", f"use one of {', '.join(STARTERS)}")
    check_name(name)
    for ending in (TOML, JSON):
        path = os.path.join(folder, name + ending)
        if os.path.lexists(path):
            raise ConflictError(f"formula {name} already exists", path, "edit it, or choose another name")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name + TOML)
    # x: fail if another process has created it in the meantime
    with open(path, "x", encoding="utf-8") as handle:
        handle.write(STARTERS[kind].format(name=name))
    return path

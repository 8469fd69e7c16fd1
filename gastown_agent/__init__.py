"""The scripted agent: a small program of ours that behaves in its pane as an agent does, without a model.

It has a prompt, reads its hook, edits its worktree, commits, hands in, and reports; a mood makes it slow, silent,
stuck, crash, or wait for a person.  Demo, tests and drills run on it.
"""

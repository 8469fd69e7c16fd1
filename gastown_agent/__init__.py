"""The scripted agent: a small program that behaves like an agent in its pane, without a model.

It has a prompt, reads its hook, edits its worktree, commits, hands in, and reports. A mood makes it slow, silent or
stuck, or makes it crash or wait for a person. The demo and the tests run on it.
"""

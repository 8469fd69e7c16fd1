"""git through one wrapper: repositories, worktrees, proofs."""

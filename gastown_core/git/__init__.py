"""git behind one wrapper: repositories, worktrees, proofs."""

"""The ledger: beads as text in git, one store per town and rig, found through routes."""

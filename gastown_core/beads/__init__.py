"""The ledger: beads as text in git, one store per town and per rig, found through routes."""

"""Mountains: convoys of an epic's size, audited so that they do not stall unseen."""

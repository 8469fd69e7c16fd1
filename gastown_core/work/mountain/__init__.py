"""Mountains: convoys of an epic's size with stall detection and skipping."""

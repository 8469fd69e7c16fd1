"""The daemon: it dispatches ready work and runs the refineries."""

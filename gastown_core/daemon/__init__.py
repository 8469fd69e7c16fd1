"""The process that keeps a town moving: it dispatches ready work and runs the refineries."""

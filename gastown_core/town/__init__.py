"""The town as it lies on disk: where it is, its settings, its roster, its rigs and people, and their sessions."""

"""Work: slung, hooked, handed in, and bundled in convoys."""

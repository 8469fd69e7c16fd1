"""tmux behind one client: set-up, one list of panes, one control link, delivery of text."""

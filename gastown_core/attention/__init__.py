"""Attention: the one list of what waits on a person, for every face, and what the person decided about its rows."""

"""The wasteland: towns that share work. A commons of wanted items, completions and stamps, in a Dolt repository.

Everything reads and writes a local clone; ``exchange`` brings what others did and sends what was done here.
"""

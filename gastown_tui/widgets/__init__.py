"""The parts of the picture: each shows one slice of the snapshot."""

"""Predecessors: the sessions that agents had before, and questions to them."""

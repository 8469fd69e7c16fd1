"""Convoys: staged, launched, dispatched, repaired and landed."""

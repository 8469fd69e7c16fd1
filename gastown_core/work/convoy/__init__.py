"""Convoys: bundles of work, fed, staged, healed and landed."""

"""The demo town: generated repositories, rigs, beads and scripted agents with moods."""

"""What agents said and did, from the transcripts that their programs keep: reading one, and searching in all."""

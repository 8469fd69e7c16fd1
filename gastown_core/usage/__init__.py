"""What agents use: tokens and costs out of their programs' transcripts, to whom and what they belong, and budgets."""

"""The manual: what ``gt help`` answers (``help``), the topics (``topics``), and the man pages made from both (``pages``)."""

"""What was shown to whom, and how likely that was: the names of answers, and a log of them for a day or more."""

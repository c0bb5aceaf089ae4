"""Impressions: the names of answers, and a log of what each showed to whom, for a day or more."""

"""Experiments: the arm of a unit (enrol: pure; weights), what it was shown and did (ledger), and the verdict (judge,
analysis)."""

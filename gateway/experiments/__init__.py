"""Experiments: what one is (setup), which arm a unit is in (draw, enrol: pure; weights), what came of it (ledger,
analysis)."""

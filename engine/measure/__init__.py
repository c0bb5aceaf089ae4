"""How good the recommendations are: splits, metrics, baselines and the honest report."""

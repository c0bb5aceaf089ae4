"""How likely a user takes an action: episodes → what was known at their start → logistic regression → calibration."""

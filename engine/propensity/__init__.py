"""Propensities of users to take actions: episodes → features at their start → logistic regression → calibration."""

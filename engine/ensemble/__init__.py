"""The engine of user personalization: scorers of several kinds, blended by what validation shows to help."""

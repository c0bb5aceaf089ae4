"""The greatest products of vectors without making them all: an index, used only where it was measured to be good."""

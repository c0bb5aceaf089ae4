"""Users in a few groups of like taste, each with one list for all: what a CDN may keep."""

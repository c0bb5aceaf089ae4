"""The ground of the configuration document: what kinds are written with, and the report of what is wrong with one."""

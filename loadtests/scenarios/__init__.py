"""What callers do, in locust: a file a scenario, run by `python -m loadtests.load` against a server that is there."""

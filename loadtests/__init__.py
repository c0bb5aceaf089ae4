"""How fast, how fresh and how safe: measured against a real server, on this machine alone.

`browsing` is a locust scenario; `bench`, `misses`, `training`, `crash`, `freshness` and `metadata` run as
`python -m loadtests.NAME`.
"""

"""How fast, how fresh, how large and how safe: measured against a real server, on this machine alone.

Each module with a command runs as `python -m loadtests.NAME`; `load` takes locust's scenarios to a server.
"""

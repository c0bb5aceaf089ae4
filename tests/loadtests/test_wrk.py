import pytest

from loadtests import wrk

SAID = """Running 3s test @ http://127.0.0.1:8080
  1 threads and 64 connections
  2000 requests in 2.00s, 4.01MB read
{"requests":2000,"seconds":2.000000,"bytes":4200000,"failed":3,"p50_ms":1.250,"p99_ms":7.500}
"""


def test_the_scripts_line_is_found_among_what_wrk_prints():
    report = wrk.parse(SAID)
    assert report == wrk.Report(requests=2000, seconds=2.0, bytes=4_200_000, failed=3, p50_ms=1.25, p99_ms=7.5)
    assert report.rate == 1000


def test_loads_at_the_same_time_add_up_and_the_slowest_tells_how_long_it_took():
    two = wrk.total([wrk.Report(10, 2.0, 100, 1, 1.0, 9.0), wrk.Report(30, 2.1, 300, 2, 2.0, 5.0)])
    assert two == wrk.Report(requests=40, seconds=2.1, bytes=400, failed=3, p50_ms=2.0, p99_ms=9.0)


def test_silence_is_an_error_that_shows_what_was_said():
    with pytest.raises(RuntimeError, match="unable to connect"):
        wrk.parse("unable to connect to 127.0.0.1:1")


def test_wrk_gets_headers_and_the_script_path_users_and_order():
    argv = wrk.command_line(wrk.Load(8080, "/x/u%05d", 100, "each", {"Accept": "text/html"}), 3, 64)
    assert argv[-7:] == ["-H", "Accept: text/html", "http://127.0.0.1:8080", "--", "/x/u%05d", "100", "each"]

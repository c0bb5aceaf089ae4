import asyncio
from importlib.util import find_spec

import pytest
from click.testing import CliRunner

from loadtests import outbound
from loadtests.peers.http_clients import CLIENTS, run
from tests.loadtests.test_smoke import comparable


@comparable
def test_the_gateway_s_own_client_is_measured_as_a_process():
    ran = CliRunner().invoke(outbound.main, ["--clients", "recgate", "--rounds", "1", "--seconds", "0.02"])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    assert "recgate" in ran.output and "1.00" in ran.output


@pytest.fixture(scope="module")
def url():
    with outbound.origin(items=1) as address:
        yield address


@comparable
@pytest.mark.parametrize("name", [name for name in CLIENTS if name == outbound.BASE or find_spec(name) is not None])
def test_each_client_reads_whole_answers(name, url):
    client_run = asyncio.run(run(name, url, 2, 0.01))
    assert client_run.answers > 1 and client_run.cpu_s > 0
    assert client_run.answer_bytes == len('{"itemList":[{"itemId":"i00000","score":0.5}]}')


def test_an_unknown_client_is_refused_with_those_there_are():
    ran = CliRunner().invoke(outbound.main, ["--clients", "urllib3"])
    assert ran.exit_code == 2
    assert "urllib3 is none of recgate,httpx,aiohttp,pyreqwest" in ran.output

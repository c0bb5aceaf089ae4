from click.testing import CliRunner

from loadtests import origins
from tests.loadtests.test_smoke import comparable


@comparable
def test_the_gateway_s_transport_is_compared():
    ran = CliRunner().invoke(origins.main, ["--rounds", "1", "--seconds", "0.2"])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    assert all(name in ran.output for name in (origins.OWN, origins.STOCK, origins.BASE))

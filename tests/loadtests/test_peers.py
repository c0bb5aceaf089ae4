import shutil

import pytest

from gateway.config import load
from loadtests import world
from loadtests.peers import nginx

needs_nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


@needs_nginx
@pytest.mark.parametrize("name", ["nginx.conf", "origin.conf"])
def test_nginx_takes_its_configuration(name, tmp_path):
    config = nginx.written(name, tmp_path, 18_080, 18_081)
    assert "@" not in config.read_text().split("\n", 1)[1]
    assert nginx.fault(config) == ""


def test_the_gateways_configuration_is_without_faults():
    config = load(world.CONFIG)
    assert not config.warnings
    (target,) = config.namespaces["shop"].event_targets
    assert target.tracking_id == world.TRACKING_ID

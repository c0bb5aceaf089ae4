import shutil

import pytest

from gateway.config import load
from loadtests import contest, peers, world
from loadtests.peers import BY_NAME, ORIGIN, Peer


@pytest.mark.parametrize("peer", [ORIGIN, *peers.PEERS], ids=lambda peer: peer.name)
def test_each_program_takes_its_configuration(peer: Peer, tmp_path):
    if peer.program and shutil.which(peer.program) is None:
        pytest.skip(f"{peer.program} is not installed")
    config = peers.written(peer, tmp_path, 18_080, 18_081)
    assert not {f"@{word}@" for word in ("FOLDER", "PORT", "ORIGIN") if f"@{word}@" in config.read_text()}
    assert peers.fault(peer, config) == ""


def test_a_fault_is_told(tmp_path):
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed")
    config = peers.written(ORIGIN, tmp_path, 18_080)
    config.write_text("nonsense;")
    assert "nonsense" in peers.fault(ORIGIN, config)


@pytest.mark.parametrize("place", [world.CONFIG, contest.GUARDED], ids=lambda path: path.name)
def test_the_gateways_configuration_is_without_faults(place):
    config = load(place)
    assert not config.warnings
    (target,) = config.namespaces["shop"].event_targets
    assert target.settings.tracking_id == world.TRACKING_ID


def test_what_is_missing_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(
        peers.Missing, match="wrk, haproxy, varnishd; install with: apt-get install wrk haproxy varnish"
    ):
        peers.check_installed([BY_NAME["haproxy"], BY_NAME["Varnish"]], {"wrk": "wrk"})
    with pytest.raises(peers.Missing, match=r"no_such_module; install with: pip install -e '\.\[bench\]'"):
        peers.check_installed([Peer("x", "", lambda *_: [], modules=("no_such_module",))], {})

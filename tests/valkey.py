"""Valkey in the forms that outgrow one machine: a cluster, a primary that Sentinels watch, and a server behind TLS."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.services import READY_S, RedisServer, free_port, program

PACKAGE = "valkey-server"
PASSWORD = "s3cret-of-valkey"
SLOTS = 16384


def until(holds: Callable[[], Any], seconds: float = READY_S) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# ---- a cluster


@dataclass
class ValkeyCluster:
    primaries: list[RedisServer]
    replicas: list[RedisServer]

    @property
    def url(self) -> str:
        return f"redis+cluster://{','.join(f'127.0.0.1:{server.port}' for server in self.primaries)}"

    def join(self) -> None:
        """Share out the slots, and wait until all agree."""
        share = SLOTS // len(self.primaries) + 1
        for number, server in enumerate(self.primaries):
            first, last = number * share, min(SLOTS, (number + 1) * share) - 1
            server.client().execute_command("CLUSTER ADDSLOTSRANGE", first, last)
        servers = [*self.primaries, *self.replicas]
        until(lambda: self._have_met(servers))
        for number, server in enumerate(self.replicas):
            server.client().execute_command("CLUSTER REPLICATE", self.node_id(self.primaries[number]))
        until(
            lambda: all(
                server.client().info("replication").get("master_link_status") == "up" for server in self.replicas
            )
        )

    def node_id(self, server: RedisServer) -> str:
        return str(server.client().execute_command("CLUSTER MYID"))

    def primary_of(self, slot: int) -> RedisServer:
        share = SLOTS // len(self.primaries) + 1
        return self.primaries[slot // share]

    def _have_met(self, servers: list[RedisServer]) -> bool:
        """A greeting gets lost on a busy machine, so that it is said again."""
        missed = [server for server in servers if not self._is_ready(server, len(servers))]
        for server in missed if servers[0] not in missed else servers[1:]:
            server.client().execute_command("CLUSTER MEET", "127.0.0.1", servers[0].port, servers[0].options[-1])
        return not missed

    def _is_ready(self, server: RedisServer, servers: int) -> bool:
        state: Any = server.client().execute_command("CLUSTER INFO")
        return bool(state["cluster_state"] == "ok" and int(state["cluster_known_nodes"]) == servers)


@contextlib.contextmanager
def valkey_cluster(folder: Path, primaries: int = 3, replicas: int = 0) -> Iterator[ValkeyCluster]:
    servers = []
    for number in range(primaries + replicas):
        own = folder / f"node-{number}"
        own.mkdir()
        options = (
            "--cluster-enabled",
            "yes",
            "--cluster-node-timeout",
            "1500",
            "--cluster-replica-validity-factor",
            "0",
        )
        servers.append(
            RedisServer(own, free_port(), package=PACKAGE, options=(*options, "--cluster-port", str(free_port())))
        )
    try:
        for server in servers:
            server.start()
        cluster = ValkeyCluster(servers[:primaries], servers[primaries:])
        cluster.join()
        yield cluster
    finally:
        for server in servers:
            server.kill()


# ---- Sentinels


@dataclass
class WatchedValkey:
    """A primary, its replicas, and the Sentinels that watch them, which have a password of their own."""

    servers: list[RedisServer]
    sentinels: list[subprocess.Popen[bytes]]
    ports: list[int]

    def url(self, *ports: int) -> str:
        """Sentinels of other ports come before those that there are."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in (*ports, *self.ports))
        return f"redis+sentinel://:{PASSWORD}@{hosts}/shop/0?sentinel_password={PASSWORD}"

    def sentinel(self) -> redis.Redis:
        return redis.Redis(port=self.ports[0], password=PASSWORD, decode_responses=True)


@contextlib.contextmanager
def watched_valkey(folder: Path, replicas: int = 0, sentinels: int = 1) -> Iterator[WatchedValkey]:
    watched = WatchedValkey([], [], [free_port() for _ in range(sentinels)])
    secured = ("--requirepass", PASSWORD, "--primaryauth", PASSWORD)
    try:
        for number in range(replicas + 1):
            own = folder / f"server-{number}"
            own.mkdir()
            follows = ("--replicaof", f"127.0.0.1 {watched.servers[0].port}") if number else ()
            server = RedisServer(own, free_port(), package=PACKAGE, options=(*secured, *follows), login=f":{PASSWORD}@")
            watched.servers.append(server)
            server.start()
        for port in watched.ports:
            watched.sentinels.append(_sentinel(folder, port, watched.servers[0].port, sentinels // 2 + 1))
        until(lambda: _knows(watched, replicas, sentinels - 1))
        yield watched
    finally:
        for each in watched.servers:
            each.kill()
        for process in watched.sentinels:
            process.kill()
            process.wait()


def _sentinel(folder: Path, port: int, primary: int, quorum: int) -> subprocess.Popen[bytes]:
    file = folder / f"sentinel-{port}.conf"
    watch = [f"monitor shop 127.0.0.1 {primary} {quorum}", f"auth-pass shop {PASSWORD}"]
    times = ["down-after-milliseconds shop 1000", "failover-timeout shop 3000", f"sentinel-pass {PASSWORD}"]
    listen = [f"port {port}", "bind 127.0.0.1", f"requirepass {PASSWORD}", f"dir {folder}"]
    file.write_text("\n".join([*listen, *(f"sentinel {line}" for line in (*watch, *times))]) + "\n")
    return subprocess.Popen([program(PACKAGE, PACKAGE), str(file), "--sentinel"], stdout=subprocess.DEVNULL)


def _knows(watched: WatchedValkey, replicas: int, others: int) -> bool:
    with contextlib.suppress(redis.RedisError), watched.sentinel() as sentinel:
        state: Any = sentinel.sentinel_master("shop")
        return bool(state["num-slaves"] == replicas and state["num-other-sentinels"] == others)
    return False


# ---- TLS


@dataclass
class SecuredServer(RedisServer):
    """Behind TLS and a password. Only who trusts its certificate's maker can be sure of it."""

    @property
    def url(self) -> str:
        return f"rediss://{self.login}127.0.0.1:{self.port}/0?ssl_ca_certs={self.folder / 'ca.pem'}"


@contextlib.contextmanager
def secured_valkey(folder: Path, *more: str) -> Iterator[SecuredServer]:
    write_certificates(folder)
    port = free_port()
    files = [word for name, file in tls_files(folder).items() for word in (f"--{name}", file)]
    options = ("--port", "0", "--tls-port", str(port), *files, "--requirepass", PASSWORD, *more)
    server = SecuredServer(folder, port, package=PACKAGE, options=options, login=f":{PASSWORD}@")
    server.start()
    try:
        yield server
    finally:
        server.kill()


def tls_files(folder: Path) -> dict[str, str]:
    names = {"cert": "server.pem", "key": "server.key", "ca-cert": "ca.pem"}
    return {**{f"tls-{kind}-file": str(folder / name) for kind, name in names.items()}, "tls-auth-clients": "no"}


def write_certificates(folder: Path) -> None:
    """ca.pem, and server.pem with its server.key for 127.0.0.1."""
    maker, server = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "maker of the test's certificates")])
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    root = _certificate(own, own, maker.public_key()).add_extension(x509.BasicConstraints(True, None), critical=True)
    usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)
    signs = x509.KeyUsage(True, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False, **usage)
    root = root.add_extension(signs, critical=True)
    leaf = _certificate(own, named, server.public_key()).add_extension(alternative, critical=False)
    for name, builder in (("ca.pem", root), ("server.pem", leaf)):
        (folder / name).write_bytes(builder.sign(maker, hashes.SHA256()).public_bytes(Encoding.PEM))
    key = server.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.key").write_bytes(key)


def _certificate(maker: x509.Name, owner: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    builder = x509.CertificateBuilder().issuer_name(maker).subject_name(owner).public_key(key)
    return builder.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)

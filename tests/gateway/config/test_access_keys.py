"""Access keys: who they become, from where, and that nothing shows their secrets."""

from math import inf

from gateway.config import parse
from gateway.plan.plan import AccessKey

DOCUMENT = """
namespaces: {}
aws:
  accessKeys:
    - {accessKeyId: AKIA1, secretAccessKey: "${SECRET}", accountId: "000000000001"}
    - accessKeyId: ASIA2
      secretAccessKey: other
      accountId: "000000000002"
      sessionToken: ${TOKEN}
      expiration: 2030-01-01T01:00:00+01:00
"""


def test_keys_by_their_ids():
    config = parse(DOCUMENT, environ={"SECRET": "12345", "TOKEN": "t0k3n"})
    assert config.access_keys == {
        "AKIA1": AccessKey("000000000001", "12345", None, inf),
        "ASIA2": AccessKey("000000000002", "other", "t0k3n", 1_893_456_000.0),
    }
    assert not [secret for secret in ("12345", "other", "t0k3n") if secret in repr(config)]


def test_without_keys_there_are_none():
    assert parse("namespaces: {}").access_keys == {}

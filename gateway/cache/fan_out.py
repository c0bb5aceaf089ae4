"""The fan-out between replicas by the pub/sub of Redis or Valkey: messages that make nothing true, and may be lost."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from itertools import count

from redis.exceptions import RedisError

from gateway.cache.seal import Seal, Unsealed
from gateway.document.redis_url import connected_for_messages

log = logging.getLogger(__name__)

PATIENCE_S = 0.1  # for one message
DOWN_S = 1.0  # after a failure, before the next message or subscription
OPENING_S = 0.5  # of a subscription, for which nobody waits
WAIT_S = 0.5  # for a message, before a look whether it is time to end


class RedisFanOut:
    """Messages are sealed to their names: who has access to Redis but no secret can neither read nor make one."""

    def __init__(self, url: str, secret: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._url, self._seal, self._monotonic = url, Seal(secret), monotonic
        self._turn = 0  # of a cluster's servers
        self._sender = connected_for_messages(url, PATIENCE_S, self._turn)
        self._sending = threading.Lock()
        self._down_until = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self, names: tuple[str, ...], take: Callable[[bytes], None]) -> None:
        channels = [self._channel(name) for name in names]
        self._thread = threading.Thread(target=self._listen, args=(channels, take), name="fan-out", daemon=True)
        self._thread.start()

    def send(self, name: str, message: bytes) -> None:
        channel = self._channel(name)
        with self._sending:
            if self._monotonic() < self._down_until:
                return
            try:
                self._sender.publish(channel, self._seal.sealed(channel, message))
            except Exception as error:  # over odd replies redis-py trips in many ways
                self._down_until = self._monotonic() + DOWN_S
                self._sender.close()
                self._turn += 1
                self._sender = connected_for_messages(self._url, PATIENCE_S, self._turn)
                log.warning("replicas hear of each other by the database alone at present: %s", error)

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._sender.close()

    def _channel(self, name: str) -> bytes:
        return f"recgate:{self._seal.mark}:{name}".encode()

    def _listen(self, channels: list[bytes], take: Callable[[bytes], None]) -> None:
        for turn in count():
            if self._stop.is_set():
                return
            try:
                self._take_all(turn, channels, take)
            except (RedisError, OSError):  # whoever sends says so in the log
                self._stop.wait(DOWN_S)
            except Exception:
                log.exception("messages between replicas can't be taken")
                self._stop.wait(DOWN_S)

    def _take_all(self, turn: int, channels: list[bytes], take: Callable[[bytes], None]) -> None:
        with (
            connected_for_messages(self._url, OPENING_S, turn) as redis,
            redis.pubsub() as subscription,
        ):
            subscription.subscribe(*channels)
            while not self._stop.is_set():
                message = subscription.get_message(ignore_subscribe_messages=True, timeout=WAIT_S)
                if message is None:
                    continue
                try:
                    take(self._seal.opened(message["channel"], message["data"]))
                except Unsealed:
                    log.warning("a message between replicas is not sealed as ours are: do all have one secret?")

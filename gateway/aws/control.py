"""The control plane: every operation is a POST, told apart by the X-Amz-Target header alone (specification §0)."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import engine
from gateway.aws.callers import AwsCaller
from gateway.aws.protocol import Headers, unknown

TARGET_PREFIX = "AmazonPersonalize."


class ControlPlane(Protocol):
    def control(self, account: str, region: str) -> Any: ...


class ControlCalls:
    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane

    async def operate(self, caller: AwsCaller, headers: Headers, body: bytes) -> bytes:
        target = headers.get("x-amz-target", "")
        if not target.startswith(TARGET_PREFIX):
            raise unknown(target or "without an X-Amz-Target header")
        control = self._plane.control(caller.account, caller.region)
        return await asyncio.to_thread(engine.perform, control, target.removeprefix(TARGET_PREFIX), body)

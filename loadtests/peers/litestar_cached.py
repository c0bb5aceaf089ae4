"""A recommendation service in Litestar, with Litestar's own response cache in memory.

`ANSWER` in the environment names the file with the answer that the handlers "compute". Each answer bears the time at
which it was made: a kept one is known by it.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response, get
from litestar.config.response_cache import ResponseCacheConfig

ANSWER: dict[str, Any] = json.loads(Path(os.environ["ANSWER"]).read_bytes())


def path(request: Request[Any, Any, Any]) -> str:
    return request.url.path


def made() -> Response[dict[str, Any]]:
    return Response(ANSWER, headers={"X-Made": str(time.time_ns())})


@get("/recommend-items/shop/for-you/{user_id:str}", cache=3600, sync_to_thread=False)
def for_you(user_id: str) -> Response[dict[str, Any]]:
    return made()


@get("/recommend-items/shop/fresh/{user_id:str}", sync_to_thread=False)
def fresh(user_id: str) -> Response[dict[str, Any]]:
    return made()


app = Litestar([for_you, fresh], response_cache_config=ResponseCacheConfig(key_builder=path), openapi_config=None)

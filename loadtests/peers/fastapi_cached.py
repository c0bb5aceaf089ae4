"""A recommendation service as people write it today: FastAPI, and fastapi-cache2's memory in front of the handler.

`ANSWER` in the environment names the file with the answer that the handler "computes".
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi_cache import FastAPICache
from fastapi_cache.backends.inmemory import InMemoryBackend
from fastapi_cache.decorator import cache

ANSWER: dict[str, Any] = json.loads(Path(os.environ["ANSWER"]).read_bytes())


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    FastAPICache.init(InMemoryBackend())
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/recommend-items/shop/for-you/{user_id}")
@cache(expire=3600)
async def for_you(user_id: str) -> dict[str, Any]:
    return ANSWER


@app.get("/recommend-items/shop/fresh/{user_id}")
async def fresh(user_id: str) -> dict[str, Any]:
    return ANSWER

"""The handler of every route."""

from __future__ import annotations

from types import CodeType

from litestar.handlers import HTTPRouteHandler
from litestar.utils.signature import ParsedSignature

_SIGNATURES: dict[CodeType, ParsedSignature] = {}


class Handler(HTTPRouteHandler):
    """Litestar's, but for signatures: it reads a function's anew for each route, which is a quarter of an app's making.
    Functions of one code have the same."""

    @property
    def parsed_fn_signature(self) -> ParsedSignature:
        code: CodeType = self.fn.__code__
        if code not in _SIGNATURES:
            _SIGNATURES[code] = super().parsed_fn_signature
        return _SIGNATURES[code]

"""The handler of every route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import CodeType
from typing import TYPE_CHECKING, Any, Self

from litestar import Request
from litestar.enums import HttpMethod
from litestar.exceptions import ImproperlyConfiguredException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from litestar.utils.signature import ParsedSignature

if TYPE_CHECKING:
    from litestar._kwargs import KwargsModel
    from litestar._signature.model import SignatureModel
    from litestar.types.internal_types import PathParameterDefinition

_VALIDATED: set[CodeType] = set()
_SIGNATURES: dict[CodeType, ParsedSignature] = {}
_SIGNATURE_MODELS: dict[CodeType, type[SignatureModel]] = {}
_KWARGS_MODELS: dict[tuple[CodeType, frozenset[str]], KwargsModel] = {}


Answer = Callable[[Any], ASGIApp]
AsyncAnswer = Callable[[Any], Awaitable[Any]]  # of an ASGI app, or a response of litestar's


class Handler(HTTPRouteHandler):
    """Litestar's, with OPTIONS beside its own methods: litestar would answer that by a second handler, without CORS.

    What litestar reads from a function anew for each path, half of an app's making, is read once: functions of one code
    have the same parameters.
    """

    def __init__(
        self,
        path: str | list[str],
        methods: Sequence[HttpMethod],
        preflight: Answer,
        opt: dict[str, Any] | None = None,
    ) -> None:
        """`preflight` answers a request of OPTIONS."""
        super().__init__(path, http_method=[*methods, HttpMethod.OPTIONS], status_code=200, opt=opt)
        self._preflight = preflight

    def __call__(self, fn: AsyncAnswer) -> Self:
        preflight = self._preflight

        async def handle(request: Request[Any, Any, Any]) -> ASGIApp:
            answer: ASGIApp = preflight(request) if request.method == HttpMethod.OPTIONS else await fn(request)
            return answer

        super().__call__(handle)
        return self

    @property
    def parsed_fn_signature(self) -> ParsedSignature:
        code: CodeType = self.fn.__code__
        if code not in _SIGNATURES:
            _SIGNATURES[code] = super().parsed_fn_signature
        return _SIGNATURES[code]

    @property
    def signature_model(self) -> type[SignatureModel]:
        code: CodeType = self.fn.__code__
        if code not in _SIGNATURE_MODELS:
            _SIGNATURE_MODELS[code] = super().signature_model
        return _SIGNATURE_MODELS[code]

    def _validate_handler_function(self) -> None:
        if self.fn.__code__ not in _VALIDATED:
            super()._validate_handler_function()
            _VALIDATED.add(self.fn.__code__)

    def create_kwargs_model(self, path_parameters: dict[str, PathParameterDefinition]) -> KwargsModel:
        key = self.fn.__code__, frozenset(path_parameters)
        if key not in _KWARGS_MODELS:
            _KWARGS_MODELS[key] = super().create_kwargs_model(path_parameters)
        return _KWARGS_MODELS[key]


def with_one_preflight_a_path(handlers: Iterable[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """Of several handlers of a path, the first alone answers OPTIONS. Raises `ImproperlyConfiguredException` where that
    would leave another path of a handler without."""
    routes, answered = list(handlers), set[str]()
    for route in routes:
        if route.paths <= answered:
            route.http_methods.discard("OPTIONS")
        elif route.paths & answered:
            raise ImproperlyConfiguredException(f"one of {sorted(route.paths)} has a handler already")
        answered |= route.paths
    return routes

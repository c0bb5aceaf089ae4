"""The API of operators for the configuration: look at it, compare, check and write it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated

import msgspec
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta

from gateway.admin import configuration as views
from gateway.config import Config, ConfigError, Watch
from gateway.config.comparison import changes
from gateway.config.history import Author, ConfigurationHistory, StoredEntry
from gateway.config.masking import masked
from gateway.config.watch import changed_settings
from gateway.config.writing import ConfigurationWriter, WrittenText, faulty
from gateway.errors import Invalid, NotConfigured, Unconditional
from gateway.routes.admin_gate import AdminGate, Operator, RouteDoc, answer
from gateway.routes.admin_stream import Topic
from gateway.routes.parsing import decode
from gateway.routes.query import check_names
from gateway.routes.replies import LARGEST_BODY, AnyRequest, Front, Sending, headers_once

PUT = (HttpMethod.PUT,)
Comment = Annotated[str, Meta(max_length=500)]


class TextBody(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    comment: Comment = ""


DOCS = (
    RouteDoc("GET", "/admin/configuration", "getConfiguration", "The configuration in use", views.ConfigurationView),
    RouteDoc(
        "PUT",
        "/admin/configuration",
        "replaceConfiguration",
        "Write the configuration's text, as of If-Match",
        views.WrittenView,
        TextBody,
        headers=("If-Match",),
    ),
    RouteDoc(
        "GET",
        "/admin/configuration/effective",
        "getEffectiveConfiguration",
        "Everything inherited, by variation",
        views.EffectiveView,
    ),
    RouteDoc(
        "GET",
        "/admin/configuration/text",
        "getConfigurationText",
        "The text that lies there, without its secrets",
        views.TextView,
    ),
    RouteDoc(
        "POST",
        "/admin/configuration/validate",
        "validateConfiguration",
        "What a text would mean, or is wrong with it",
        views.ValidationView,
        TextBody,
    ),
    RouteDoc(
        "GET",
        "/admin/configuration/history",
        "listConfigurationHistory",
        "The texts so far, by whom and when",
        views.HistoryView,
    ),
    RouteDoc("GET", "/admin/configuration/history/{entry}", "getConfigurationEntry", "One of these texts", StoredEntry),
    RouteDoc(
        "GET",
        "/admin/configuration/diff",
        "compareConfigurations",
        "What differs between two texts",
        views.DifferenceView,
        query=("from", "to"),
    ),
)


def configuration_routes(api: ConfigurationApi, gate: AdminGate) -> list[HTTPRouteHandler]:
    path = "/admin/configuration"
    return [
        gate.read(path, api.in_use),
        gate.write(PUT, path, api.write, server_only=True),
        gate.read(f"{path}/effective", api.effective),
        gate.read(f"{path}/text", api.text, server_only=True),
        gate.read_by_post(f"{path}/validate", api.validate, server_only=True),
        gate.read(f"{path}/history", api.history, server_only=True),
        gate.read(f"{path}/history/{{entry:str}}", api.entry, server_only=True),
        gate.read(f"{path}/diff", api.difference, server_only=True),
    ]


class ConfigurationChanges:
    """Changes of the configuration in its place, taken over by this worker at once and by the others within 2 s."""

    def __init__(self, watch: Watch, writer: ConfigurationWriter, history: ConfigurationHistory) -> None:
        self.watch, self.writer, self.history = watch, writer, history

    async def change(self, edit: Callable[[str], str], author: Author, before: Config) -> views.WrittenView:
        """Write what the edit makes of the text, and use it. Raises what the edit does, `Conflict` and `Faulty`."""
        return await self.take(await asyncio.to_thread(self.writer.change, edit, author), before)

    async def take(self, written: WrittenText, before: Config) -> views.WrittenView:
        await self.watch.look(at_once=True)
        return views.WrittenView(
            etag=views.quoted(written.etag),
            fingerprint=written.config.fingerprint,
            need_restart=changed_settings(before, written.config),
            changes=changes(written.before, masked(written.text), written.config.name),
        )


class ConfigurationApi:
    def __init__(self, front: Front, watch: Watch | None, changing: ConfigurationChanges | None) -> None:
        self._front, self._watch, self._changing = front, watch, changing

    @property
    def _config(self) -> Config:
        return self._front.gateway.config

    @property
    def _changes(self) -> ConfigurationChanges:
        """Raises `NotConfigured` without a place to read and write."""
        if self._changing is None:
            raise NotConfigured("ConfigurationNotWatched", "the server was started without --config")
        return self._changing

    async def in_use(self, _: AnyRequest, operator: Operator) -> Sending:
        view = await asyncio.to_thread(self.view)
        rules = views.rules_now(self._config, self._front.gateway.clock(), operator.namespaces)
        document = views.document_for(self._config, operator.namespaces)
        if operator.namespaces is not None:
            view = msgspec.structs.replace(view, warnings=[], faults=[], writable=False, etag=None)
        return answer(msgspec.structs.replace(view, rules=rules, document=document))

    def view(self) -> views.ConfigurationView:
        """Without rules and document."""
        if self._changing is None or self._watch is None:
            return views.configuration(self._config, (), None, None, "the server was started without --config")
        try:
            text = self._changing.writer.current()
        except ConfigError:
            text = None
        why = self._watch.place.why_not_writable()
        return views.configuration(self._config, self._watch.last_faults, self._watch.loaded_at, text, why)

    async def effective(self, _: AnyRequest, operator: Operator) -> Sending:
        return answer(views.effective(self._config, operator.namespaces))

    async def text(self, _: AnyRequest, __: Operator) -> Sending:
        text = await asyncio.to_thread(self._current)
        view = views.text_view(text, self._config.name)
        return answer(view, headers=((b"etag", view.etag.encode()),))

    async def validate(self, request: AnyRequest, _: Operator) -> Sending:
        body = await self._body(request)
        return answer(await asyncio.to_thread(views.validation, self._changes.writer, body.text, self._config))

    async def write(self, request: AnyRequest, operator: Operator) -> Sending:
        seen = headers_once(request).get("if-match", "").strip().removeprefix("W/").strip('"')
        if not seen:
            message = "the header If-Match is missing: the etag of the text that this one is to replace"
            raise Unconditional("IfMatchMissing", message)
        body, changing, before = await self._body(request), self._changes, self._config
        author = Author(name_of(operator), "page", body.comment)
        written = await asyncio.to_thread(changing.writer.write, body.text, seen, author)
        view = await changing.take(written, before)
        return answer(view, headers=((b"etag", view.etag.encode()),))

    async def history(self, _: AnyRequest, __: Operator) -> Sending:
        return answer(views.HistoryView(entries=await asyncio.to_thread(self._changes.history.entries)))

    async def entry(self, request: AnyRequest, _: Operator) -> Sending:
        name = str(request.path_params["entry"])
        entry = await asyncio.to_thread(self._changes.history.find, name)
        if entry is None:
            raise NotConfigured("EntryNotFound", f"the history has no entry {name!r}")
        return answer(entry)

    async def difference(self, request: AnyRequest, _: Operator) -> Sending:
        query = dict(request.query_params)
        check_names(query.keys() - {"from", "to"}, frozenset(("from", "to")))
        ends = (query.get("from", views.IN_USE), query.get("to", views.FILE))
        changing = self._changes
        try:
            view = await asyncio.to_thread(views.difference, changing.history, changing.writer, self._config, ends)
        except ConfigError as error:
            raise faulty(error) from error
        return answer(view)

    def _current(self) -> str:
        try:
            return self._changes.writer.current()
        except ConfigError as error:
            raise faulty(error) from error

    async def _body(self, request: AnyRequest) -> TextBody:
        async with self._front.bodies.of(request, "admin", LARGEST_BODY) as body:
            decoded = decode(body, TextBody, "a text of the configuration", "ValidationError")
        if not decoded.text.strip():
            raise Invalid("ValidationError", "text: is empty")
        return decoded


def configuration_topic(api: ConfigurationApi) -> Topic:
    return Topic("configuration", 1.0, lambda _: msgspec.json.encode(api.view()), server_only=True)


def name_of(operator: Operator) -> str:
    """The name under which the history knows an operator."""
    return operator.name or "this machine"

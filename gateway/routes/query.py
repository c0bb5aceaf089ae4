"""The query string of an inference (specification §1.2), checked; a name sent twice counts as its last."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Annotated
from urllib.parse import parse_qsl, unquote_plus

import msgspec
from msgspec import Meta

from engine import MOST_RESULTS, Promotion, in_words
from gateway.ask import Action, Ask
from gateway.errors import Invalid
from gateway.paging import Page, page_of
from gateway.routes.parsing import checked_id, decoded


class PromotionBody(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A promotion as Personalize spells it (specification §9.1); `filterArn` is an ARN or a name."""

    name: Annotated[str, Meta(max_length=63, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*\Z")]
    percent_promoted_items: Annotated[int, Meta(ge=1, le=100)]
    filter_arn: Annotated[str, Meta(min_length=1, max_length=256)]
    filter_values: Annotated[dict[str, str], Meta(max_length=25)] = {}


Promotions = Annotated[tuple[PromotionBody, ...], Meta(max_length=1)]
_promotions = msgspec.json.Decoder(Promotions)


def promotion_of(text: str | None) -> Promotion | None:
    """Read the promotion of a query string. Raises `Invalid`, naming the member."""
    if text is None:
        return None
    try:
        return the_one(_promotions.decode(text))
    except (msgspec.DecodeError, RecursionError) as error:
        message = f"promotions is a JSON list of one promotion at most: {in_words(error)}"
        raise Invalid("InvalidPromotionsParameter", message) from error


def the_one(promotions: Sequence[PromotionBody]) -> Promotion | None:
    for each in promotions:
        return Promotion(
            name=each.name,
            percent=each.percent_promoted_items,
            filter=each.filter_arn,
            filter_values=each.filter_values,
        )
    return None


LIST = 100  # the length of a list that is shown in pages, where it is not said
MOST_CONTEXT = 150
MOST_FILTER_VALUES = 25
MOST_FIELDS = 50
NAMES = (
    *("numResults", "userId", "sessionId", "filter", "filterValues", "context", "exclude", "decorateItems", "fields"),
    *("history", "promotions", "locale", "feature", "syntheticUser", "pageSize", "next"),
)
_READ = frozenset(NAMES)
LIKENESS = 0.8  # of two names, from which on the one is taken for the other, mistyped
TRUE = frozenset({"1", "yes", "true"})
_WHOLE = re.compile(r"[+-]?[0-9]{1,9}")
_FIELD = re.compile(r"[\w.-]{1,100}")
LOCALE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,3}")
_texts = msgspec.json.Decoder(dict[str, str])


class InferenceQuery(msgspec.Struct, frozen=True):
    """`ask` is the question as far as a query string says it: its place and whose it is are in the path."""

    ask: Ask
    user_id: str | None
    page_size: int | None
    next: str | None

    def question(
        self,
        action: Action,
        namespace: bytes,
        recommender: bytes,
        *,
        user_id: str | None = None,
        cohort: str | None = None,
        item_id: str | None = None,
    ) -> Ask:
        """The whole question. Raises `Invalid`."""
        key = decoded(namespace, "namespace")
        return msgspec.structs.replace(
            self.ask,
            action=action,
            namespace=key,
            recommender=decoded(recommender, "recommender"),
            user_id=user_id,
            cohort=cohort,
            item_id=item_id,
            page=self._page(key, action, user_id, cohort, item_id),
        )

    def _page(self, namespace: str, action: Action, *whose: str | None) -> Page | None:
        if self.page_size is None and self.next is None:
            return None
        if action == "rerank-items":
            raise Invalid("ValidationError", "a ranking has no pages: pageSize and next are for lists of items")
        if self.page_size is None:
            raise Invalid("ValidationError", "next needs a pageSize, too")
        return page_of(self.page_size, self.next, namespace, action, *whose)


@lru_cache(maxsize=512)
def query_of(raw: bytes, more: frozenset[str]) -> InferenceQuery:
    """`more` are the names that the configuration reads besides. Raises `Invalid`, naming the parameter."""
    parameters = dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True))
    if not _READ.issuperset(parameters):
        check_names(parameters.keys() - _READ - more, NAMES)
    user_id = checked_id(parameters["userId"], "userId") if parameters.get("userId") else None
    num_results = _count(parameters.get("numResults", str(LIST if "pageSize" in parameters else 25)), "numResults")
    page_size = _count(parameters["pageSize"], "pageSize") if "pageSize" in parameters else None
    ask = Ask(
        action="recommend-items",
        namespace="",
        recommender="",
        num_results=num_results,
        filter=parameters.get("filter") or None,
        filter_values=_map(
            parameters.get("filterValues"), "filterValues", "InvalidFilterParameter", MOST_FILTER_VALUES
        ),
        promotion=promotion_of(parameters.get("promotions")),
        context=_map(parameters.get("context"), "context", "InvalidContextParameter", MOST_CONTEXT),
        decorate=parameters.get("decorateItems", "true").lower() in TRUE,
        synthetic=parameters.get("syntheticUser", "false").lower() in TRUE,
        feature=parameters.get("feature") or None,
        session_id=checked_id(parameters["sessionId"], "sessionId") if parameters.get("sessionId") else None,
        history=ids_in(raw, "history"),
        exclude=frozenset(ids_in(raw, "exclude")),
        fields=_fields(parameters.get("fields", "")),
        locale=_locale(parameters.get("locale", "")),
    )
    return InferenceQuery(ask, user_id, page_size, parameters.get("next") or None)


def check_names(names: Iterable[str], readable: Iterable[str]) -> None:
    """Raises `Invalid` for a name that nothing reads and that is nearly a known one: its sender means that one. Others
    are passed by, as at the reference: a tracker's, or what keeps a cache from answering."""
    for name in sorted(names):
        likeness, meant = max((_likeness(name, each), each) for each in readable)
        if likeness >= LIKENESS:
            raise Invalid("ValidationError", f"there is no parameter {name[:40]!r}: did you mean {meant!r}?")


def _likeness(name: str, other: str) -> float:
    one, two = (re.sub("[-_. ]", "", each[:40].lower()) for each in (name, other))
    return SequenceMatcher(None, one, two, autojunk=False).ratio()


def ids_in(raw: bytes, name: str) -> tuple[str, ...]:
    """Item ids separated by commas; an encoded comma is part of its id, and the parameter may be repeated."""
    pairs = (part.partition("=") for part in raw.decode("latin-1").split("&"))
    texts = [text for key, _, value in pairs if unquote_plus(key) == name for text in value.split(",") if text]
    if len(texts) > MOST_RESULTS:
        raise Invalid("ValidationError", f"{name} has at most {MOST_RESULTS} item ids, not {len(texts)}")
    return tuple([checked_id(unquote_plus(text), f"each id of {name}") for text in texts])


def _fields(text: str) -> tuple[str, ...]:
    names = tuple(sorted({name.strip() for name in text.split(",")} - {""}))
    if len(names) > MOST_FIELDS or any(not _FIELD.fullmatch(name) for name in names):
        message = f"fields has at most {MOST_FIELDS} names of letters, digits, _, . and -, separated by commas"
        raise Invalid("ValidationError", message)
    return names


def _locale(text: str) -> str:
    if text and not LOCALE.fullmatch(text):
        raise Invalid("ValidationError", f"locale is a language such as de or de-AT, not {text[:40]!r}")
    return text


def _count(text: str, name: str) -> int:
    if _WHOLE.fullmatch(text) and 1 <= int(text) <= MOST_RESULTS:
        return int(text)
    raise Invalid("ValidationError", f"{name} is a whole number from 1 to {MOST_RESULTS}, not {text[:40]!r}")


def _map(text: str | None, name: str, code: str, most: int) -> Mapping[str, str]:
    if text is None:
        return {}
    try:
        values = _texts.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid(code, f"{name} is a JSON object of strings in a string: {in_words(error)}") from error
    if len(values) > most:
        raise Invalid(code, f"{name} has at most {most} entries, not {len(values)}")
    return values

"""Operations of recgate's API. Generated from the OpenAPI document by `make clients`: do not edit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from recgate_client import models
from recgate_client.transport import AsyncTransport, Call, Transport, path_of


class Operations:
    """The operations for pages and apps."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def recommend_items(
        self,
        namespace: str,
        recommender: str,
        user_id: str,
        *,
        num_results: int | None = None,
        page_size: int | None = None,
        next: str | None = None,
        promotions: str | None = None,
        filter: str | None = None,
        filter_values: str | None = None,
        context: str | None = None,
        history: str | None = None,
        exclude: str | None = None,
        fields: str | None = None,
        locale: str | None = None,
        decorate_items: bool | None = None,
        synthetic_user: bool | None = None,
        feature: str | None = None,
        session_id: str | None = None,
    ) -> models.ItemList:
        """GET /recommend-items/{namespace}/{recommender}/{user_id}: Recommend Items.

        num_results: How many items.
        page_size: Shows the list of numResults items (100 if not said) in pages of so many.
        next: The `next` of the page before; no page shows an item twice.
        promotions: A JSON list of one promotion at most, in place of the configured one.
        filter: A filter's name or ARN; instead of the configured ones.
        filter_values: The filter's values: a JSON object of strings.
        context: A JSON object of strings; wins over automatic context.
        history: Items chosen, oldest first, separated by commas, after the user's own.
        exclude: Items not to show, separated by commas; the list is filled up from below.
        fields: Which fields of metadata, separated by commas; all if not said.
        locale: The language of metadata, such as de-AT, where it has several.
        decorate_items: Whether items carry metadata.
        synthetic_user: Whether the user stands for many.
        feature: The experiment that counts, where the recommender has several.
        session_id: The unit of experiments between sessions.
        """
        return self._transport.send(
            Call(
                "GET",
                path_of("/recommend-items/{}/{}/{}", namespace, recommender, user_id),
                query={
                    "numResults": num_results,
                    "pageSize": page_size,
                    "next": next,
                    "promotions": promotions,
                    "filter": filter,
                    "filterValues": filter_values,
                    "context": context,
                    "history": history,
                    "exclude": exclude,
                    "fields": fields,
                    "locale": locale,
                    "decorateItems": decorate_items,
                    "syntheticUser": synthetic_user,
                    "feature": feature,
                    "sessionId": session_id,
                },
            ),
            models.ItemList,
        )

    def recommend_to_endpoints(
        self,
        namespace: str,
        recommender: str,
        body: models.PinpointMessage,
        *,
        recommendation_provider_id_type: Literal["PINPOINT_ENDPOINT_ID", "PINPOINT_USER_ID"] | None = None,
        num_results: int | None = None,
        promotions: str | None = None,
        filter: str | None = None,
        filter_values: str | None = None,
        context: str | None = None,
        history: str | None = None,
        exclude: str | None = None,
        fields: str | None = None,
        locale: str | None = None,
        decorate_items: bool | None = None,
        synthetic_user: bool | None = None,
        feature: str | None = None,
        session_id: str | None = None,
    ) -> dict[str, dict[str, Any]]:
        """POST /pinpoint/{namespace}/{recommender}: For Pinpoint's endpoints.

        recommendation_provider_id_type: Whose the recommendations are.
        num_results: How many items of each endpoint.
        promotions: A JSON list of one promotion at most, in place of the configured one.
        filter: A filter's name or ARN; instead of the configured ones.
        filter_values: The filter's values: a JSON object of strings.
        context: A JSON object of strings; wins over automatic context.
        history: Items chosen, oldest first, separated by commas, after the user's own.
        exclude: Items not to show, separated by commas; the list is filled up from below.
        fields: Which fields of metadata, separated by commas; all if not said.
        locale: The language of metadata, such as de-AT, where it has several.
        decorate_items: Whether items carry metadata.
        synthetic_user: Whether the user stands for many.
        feature: The experiment that counts, where the recommender has several.
        session_id: The unit of experiments between sessions.
        """
        return self._transport.send(
            Call(
                "POST",
                path_of("/pinpoint/{}/{}", namespace, recommender),
                query={
                    "recommendationProviderIdType": recommendation_provider_id_type,
                    "numResults": num_results,
                    "promotions": promotions,
                    "filter": filter,
                    "filterValues": filter_values,
                    "context": context,
                    "history": history,
                    "exclude": exclude,
                    "fields": fields,
                    "locale": locale,
                    "decorateItems": decorate_items,
                    "syntheticUser": synthetic_user,
                    "feature": feature,
                    "sessionId": session_id,
                },
                body=body,
            ),
            dict[str, dict[str, Any]],
        )

    def explain_item(
        self,
        namespace: str,
        recommender: str,
        user_id: str,
        item_id: str,
        *,
        num_results: int | None = None,
        promotions: str | None = None,
        filter: str | None = None,
        filter_values: str | None = None,
        context: str | None = None,
        history: str | None = None,
        exclude: str | None = None,
        fields: str | None = None,
        locale: str | None = None,
        decorate_items: bool | None = None,
        synthetic_user: bool | None = None,
        feature: str | None = None,
        session_id: str | None = None,
    ) -> models.Explanation:
        """GET /explain-items/{namespace}/{recommender}/{user_id}/{item_id}: Explain Items.

        num_results: How many items.
        promotions: A JSON list of one promotion at most, in place of the configured one.
        filter: A filter's name or ARN; instead of the configured ones.
        filter_values: The filter's values: a JSON object of strings.
        context: A JSON object of strings; wins over automatic context.
        history: Items chosen, oldest first, separated by commas, after the user's own.
        exclude: Items not to show, separated by commas; the list is filled up from below.
        fields: Which fields of metadata, separated by commas; all if not said.
        locale: The language of metadata, such as de-AT, where it has several.
        decorate_items: Whether items carry metadata.
        synthetic_user: Whether the user stands for many.
        feature: The experiment that counts, where the recommender has several.
        session_id: The unit of experiments between sessions.
        """
        return self._transport.send(
            Call(
                "GET",
                path_of("/explain-items/{}/{}/{}/{}", namespace, recommender, user_id, item_id),
                query={
                    "numResults": num_results,
                    "promotions": promotions,
                    "filter": filter,
                    "filterValues": filter_values,
                    "context": context,
                    "history": history,
                    "exclude": exclude,
                    "fields": fields,
                    "locale": locale,
                    "decorateItems": decorate_items,
                    "syntheticUser": synthetic_user,
                    "feature": feature,
                    "sessionId": session_id,
                },
            ),
            models.Explanation,
        )

    def get_cohort(
        self,
        namespace: str,
        recommender: str,
        user_id: str,
        *,
        feature: str | None = None,
        session_id: str | None = None,
    ) -> models.Cohort:
        """GET /cohorts/{namespace}/{recommender}/{user_id}: A user's cohort.

        feature: The experiment that counts, where the recommender has several.
        session_id: The unit of experiments between sessions.
        """
        return self._transport.send(
            Call(
                "GET",
                path_of("/cohorts/{}/{}/{}", namespace, recommender, user_id),
                query={"feature": feature, "sessionId": session_id},
            ),
            models.Cohort,
        )

    def recommend_to_cohort(
        self,
        namespace: str,
        recommender: str,
        cohort: str,
        *,
        num_results: int | None = None,
        page_size: int | None = None,
        next: str | None = None,
        promotions: str | None = None,
        filter: str | None = None,
        filter_values: str | None = None,
        exclude: str | None = None,
        fields: str | None = None,
        locale: str | None = None,
        decorate_items: bool | None = None,
    ) -> models.ItemList:
        """GET /cohort-items/{namespace}/{recommender}/{cohort}: A cohort's items.

        num_results: How many items.
        page_size: Shows the list of numResults items (100 if not said) in pages of so many.
        next: The `next` of the page before; no page shows an item twice.
        promotions: A JSON list of one promotion at most, in place of the configured one.
        filter: A filter's name or ARN; instead of the configured ones.
        filter_values: The filter's values: a JSON object of strings.
        exclude: Items not to show, separated by commas; the list is filled up from below.
        fields: Which fields of metadata, separated by commas; all if not said.
        locale: The language of metadata, such as de-AT, where it has several.
        decorate_items: Whether items carry metadata.
        """
        return self._transport.send(
            Call(
                "GET",
                path_of("/cohort-items/{}/{}/{}", namespace, recommender, cohort),
                query={
                    "numResults": num_results,
                    "pageSize": page_size,
                    "next": next,
                    "promotions": promotions,
                    "filter": filter,
                    "filterValues": filter_values,
                    "exclude": exclude,
                    "fields": fields,
                    "locale": locale,
                    "decorateItems": decorate_items,
                },
            ),
            models.ItemList,
        )

    def related_items(
        self,
        namespace: str,
        recommender: str,
        item_id: str,
        *,
        user_id: str | None = None,
        num_results: int | None = None,
        page_size: int | None = None,
        next: str | None = None,
        promotions: str | None = None,
        filter: str | None = None,
        filter_values: str | None = None,
        context: str | None = None,
        history: str | None = None,
        exclude: str | None = None,
        fields: str | None = None,
        locale: str | None = None,
        decorate_items: bool | None = None,
        synthetic_user: bool | None = None,
        feature: str | None = None,
        session_id: str | None = None,
    ) -> models.ItemList:
        """GET /related-items/{namespace}/{recommender}/{item_id}: Related Items.

        user_id: Makes it a question for this user.
        num_results: How many items.
        page_size: Shows the list of numResults items (100 if not said) in pages of so many.
        next: The `next` of the page before; no page shows an item twice.
        promotions: A JSON list of one promotion at most, in place of the configured one.
        filter: A filter's name or ARN; instead of the configured ones.
        filter_values: The filter's values: a JSON object of strings.
        context: A JSON object of strings; wins over automatic context.
        history: Items chosen, oldest first, separated by commas, after the user's own.
        exclude: Items not to show, separated by commas; the list is filled up from below.
        fields: Which fields of metadata, separated by commas; all if not said.
        locale: The language of metadata, such as de-AT, where it has several.
        decorate_items: Whether items carry metadata.
        synthetic_user: Whether the user stands for many.
        feature: The experiment that counts, where the recommender has several.
        session_id: The unit of experiments between sessions.
        """
        return self._transport.send(
            Call(
                "GET",
                path_of("/related-items/{}/{}/{}", namespace, recommender, item_id),
                query={
                    "userId": user_id,
                    "numResults": num_results,
                    "pageSize": page_size,
                    "next": next,
                    "promotions": promotions,
                    "filter": filter,
                    "filterValues": filter_values,
                    "context": context,
                    "history": history,
                    "exclude": exclude,
                    "fields": fields,
                    "locale": locale,
                    "decorateItems": decorate_items,
                    "syntheticUser": synthetic_user,
                    "feature": feature,
                    "sessionId": session_id,
                },
            ),
            models.ItemList,
        )

    def rerank_items(
        self,
        namespace: str,
        recommender: str,
        user_id: str,
        item_ids: Sequence[str],
        *,
        filter: str | None = None,
        filter_values: str | None = None,
        context: str | None = None,
        history: str | None = None,
        exclude: str | None = None,
        fields: str | None = None,
        locale: str | None = None,
        decorate_items: bool | None = None,
        synthetic_user: bool | None = None,
        feature: str | None = None,
        session_id: str | None = None,
    ) -> models.Ranking:
        """GET /rerank-items/{namespace}/{recommender}/{user_id}/{item_ids}: Rerank Items.

        item_ids: Separated by commas; a comma inside an id is %2C.
        filter: A filter's name or ARN; instead of the configured ones.
        filter_values: The filter's values: a JSON object of strings.
        context: A JSON object of strings; wins over automatic context.
        history: Items chosen, oldest first, separated by commas, after the user's own.
        exclude: Items not to show, separated by commas; the list is filled up from below.
        fields: Which fields of metadata, separated by commas; all if not said.
        locale: The language of metadata, such as de-AT, where it has several.
        decorate_items: Whether items carry metadata.
        synthetic_user: Whether the user stands for many.
        feature: The experiment that counts, where the recommender has several.
        session_id: The unit of experiments between sessions.
        """
        return self._transport.send(
            Call(
                "GET",
                path_of("/rerank-items/{}/{}/{}/{}", namespace, recommender, user_id, item_ids),
                query={
                    "filter": filter,
                    "filterValues": filter_values,
                    "context": context,
                    "history": history,
                    "exclude": exclude,
                    "fields": fields,
                    "locale": locale,
                    "decorateItems": decorate_items,
                    "syntheticUser": synthetic_user,
                    "feature": feature,
                    "sessionId": session_id,
                },
            ),
            models.Ranking,
        )

    def rerank_many_items(
        self,
        namespace: str,
        recommender: str,
        user_id: str,
        body: list[str] | models.RerankRequest,
        *,
        filter: str | None = None,
        filter_values: str | None = None,
        context: str | None = None,
        history: str | None = None,
        exclude: str | None = None,
        fields: str | None = None,
        locale: str | None = None,
        decorate_items: bool | None = None,
        synthetic_user: bool | None = None,
        feature: str | None = None,
        session_id: str | None = None,
    ) -> models.Ranking:
        """POST /rerank-items/{namespace}/{recommender}/{user_id}: Rerank Items, for long lists.

        filter: A filter's name or ARN; instead of the configured ones.
        filter_values: The filter's values: a JSON object of strings.
        context: A JSON object of strings; wins over automatic context.
        history: Items chosen, oldest first, separated by commas, after the user's own.
        exclude: Items not to show, separated by commas; the list is filled up from below.
        fields: Which fields of metadata, separated by commas; all if not said.
        locale: The language of metadata, such as de-AT, where it has several.
        decorate_items: Whether items carry metadata.
        synthetic_user: Whether the user stands for many.
        feature: The experiment that counts, where the recommender has several.
        session_id: The unit of experiments between sessions.
        """
        return self._transport.send(
            Call(
                "POST",
                path_of("/rerank-items/{}/{}/{}", namespace, recommender, user_id),
                query={
                    "filter": filter,
                    "filterValues": filter_values,
                    "context": context,
                    "history": history,
                    "exclude": exclude,
                    "fields": fields,
                    "locale": locale,
                    "decorateItems": decorate_items,
                    "syntheticUser": synthetic_user,
                    "feature": feature,
                    "sessionId": session_id,
                },
                body=body,
            ),
            models.Ranking,
        )

    def recommend_many(self, namespace: str, body: models.ListRequests) -> models.ListsAndErrors:
        """POST /recommend-many/{namespace}: Several lists at once; with distinct, no item is in two of them."""
        return self._transport.send(
            Call("POST", path_of("/recommend-many/{}", namespace), body=body), models.ListsAndErrors
        )

    def record_events(self, namespace: str, body: models.EventsBody) -> None:
        """POST /events/{namespace}: Record events."""
        self._transport.send(Call("POST", path_of("/events/{}", namespace), body=body), type(None))

    def evaluate_flag(self, key: str, body: models.EvaluationRequest) -> models.FlagEvaluation:
        """POST /ofrep/v1/evaluate/flags/{key}: The variation of one experiment."""
        return self._transport.send(
            Call("POST", path_of("/ofrep/v1/evaluate/flags/{}", key), body=body), models.FlagEvaluation
        )

    def evaluate_flags(self, body: models.EvaluationRequest) -> models.FlagEvaluations:
        """POST /ofrep/v1/evaluate/flags: The variations of all experiments."""
        return self._transport.send(
            Call("POST", path_of("/ofrep/v1/evaluate/flags"), body=body), models.FlagEvaluations
        )

    def get_flag_configuration(self) -> dict[str, Any]:
        """GET /ofrep/v1/configuration: What providers should know."""
        return self._transport.send(Call("GET", path_of("/ofrep/v1/configuration")), dict[str, Any])

    def get_features(self, client_key: str) -> dict[str, Any]:
        """GET /api/features/{client_key}: Experiments as features."""
        return self._transport.send(Call("GET", path_of("/api/features/{}", client_key)), dict[str, Any])

    def evaluate_features(self, client_key: str, body: models.UserAttributes) -> dict[str, Any]:
        """POST /api/eval/{client_key}: Experiments as features, evaluated here for one user."""
        return self._transport.send(Call("POST", path_of("/api/eval/{}", client_key), body=body), dict[str, Any])

    def get_verdict(
        self,
        namespace: str,
        recommender: str,
        feature: str,
        *,
        action: str | None = None,
        method: Literal["always", "fixed", "bayesian"] | None = None,
        alpha: float | None = None,
    ) -> dict[str, Any]:
        """GET /experiments/{namespace}/{recommender}/{feature}: What an experiment shows till now."""
        return self._transport.send(
            Call(
                "GET",
                path_of("/experiments/{}/{}/{}", namespace, recommender, feature),
                query={"action": action, "method": method, "alpha": alpha},
            ),
            dict[str, Any],
        )

    def track_features(self, body: list[models.TrackedEvent], *, client_key: str | None = None) -> dict[str, Any]:
        """POST /track: Exposures and conversions, as GrowthBook's tracking plugin sends them."""
        return self._transport.send(
            Call("POST", path_of("/track"), query={"client_key": client_key}, body=body), dict[str, Any]
        )

    def get_datafile(self, sdk_key: str) -> dict[str, Any]:
        """GET /datafiles/{sdk_key}.json: Experiments as a datafile."""
        return self._transport.send(Call("GET", path_of("/datafiles/{}.json", sdk_key)), dict[str, Any])

    def recommend_items_by_proxy(
        self,
        namespace: str,
        recommender: str,
        *,
        shop: str | None = None,
        logged_in_customer_id: str | None = None,
        path_prefix: str | None = None,
        timestamp: str | None = None,
        signature: str | None = None,
        session_id: str | None = None,
        num_results: int | None = None,
        page_size: int | None = None,
        next: str | None = None,
        promotions: str | None = None,
        filter: str | None = None,
        filter_values: str | None = None,
        context: str | None = None,
        history: str | None = None,
        exclude: str | None = None,
        fields: str | None = None,
        locale: str | None = None,
        decorate_items: bool | None = None,
        synthetic_user: bool | None = None,
        feature: str | None = None,
    ) -> models.ItemList:
        """GET /shopify/proxy/{namespace}/{recommender}: By Shopify's app proxy.

        shop: Added and signed by Shopify's app proxy.
        logged_in_customer_id: Added and signed by Shopify's app proxy.
        path_prefix: Added and signed by Shopify's app proxy.
        timestamp: Added and signed by Shopify's app proxy.
        signature: Added and signed by Shopify's app proxy.
        session_id: The visitor, where nobody is logged in.
        num_results: How many items.
        page_size: Shows the list of numResults items (100 if not said) in pages of so many.
        next: The `next` of the page before; no page shows an item twice.
        promotions: A JSON list of one promotion at most, in place of the configured one.
        filter: A filter's name or ARN; instead of the configured ones.
        filter_values: The filter's values: a JSON object of strings.
        context: A JSON object of strings; wins over automatic context.
        history: Items chosen, oldest first, separated by commas, after the user's own.
        exclude: Items not to show, separated by commas; the list is filled up from below.
        fields: Which fields of metadata, separated by commas; all if not said.
        locale: The language of metadata, such as de-AT, where it has several.
        decorate_items: Whether items carry metadata.
        synthetic_user: Whether the user stands for many.
        feature: The experiment that counts, where the recommender has several.
        """
        return self._transport.send(
            Call(
                "GET",
                path_of("/shopify/proxy/{}/{}", namespace, recommender),
                query={
                    "shop": shop,
                    "logged_in_customer_id": logged_in_customer_id,
                    "path_prefix": path_prefix,
                    "timestamp": timestamp,
                    "signature": signature,
                    "sessionId": session_id,
                    "numResults": num_results,
                    "pageSize": page_size,
                    "next": next,
                    "promotions": promotions,
                    "filter": filter,
                    "filterValues": filter_values,
                    "context": context,
                    "history": history,
                    "exclude": exclude,
                    "fields": fields,
                    "locale": locale,
                    "decorateItems": decorate_items,
                    "syntheticUser": synthetic_user,
                    "feature": feature,
                },
            ),
            models.ItemList,
        )

    def related_items_by_proxy(
        self,
        namespace: str,
        recommender: str,
        item_id: str,
        *,
        shop: str | None = None,
        logged_in_customer_id: str | None = None,
        path_prefix: str | None = None,
        timestamp: str | None = None,
        signature: str | None = None,
        session_id: str | None = None,
        num_results: int | None = None,
        page_size: int | None = None,
        next: str | None = None,
        promotions: str | None = None,
        filter: str | None = None,
        filter_values: str | None = None,
        context: str | None = None,
        history: str | None = None,
        exclude: str | None = None,
        fields: str | None = None,
        locale: str | None = None,
        decorate_items: bool | None = None,
        synthetic_user: bool | None = None,
        feature: str | None = None,
    ) -> models.ItemList:
        """GET /shopify/proxy/{namespace}/{recommender}/{item_id}: By Shopify's app proxy.

        shop: Added and signed by Shopify's app proxy.
        logged_in_customer_id: Added and signed by Shopify's app proxy.
        path_prefix: Added and signed by Shopify's app proxy.
        timestamp: Added and signed by Shopify's app proxy.
        signature: Added and signed by Shopify's app proxy.
        session_id: The visitor, where nobody is logged in.
        num_results: How many items.
        page_size: Shows the list of numResults items (100 if not said) in pages of so many.
        next: The `next` of the page before; no page shows an item twice.
        promotions: A JSON list of one promotion at most, in place of the configured one.
        filter: A filter's name or ARN; instead of the configured ones.
        filter_values: The filter's values: a JSON object of strings.
        context: A JSON object of strings; wins over automatic context.
        history: Items chosen, oldest first, separated by commas, after the user's own.
        exclude: Items not to show, separated by commas; the list is filled up from below.
        fields: Which fields of metadata, separated by commas; all if not said.
        locale: The language of metadata, such as de-AT, where it has several.
        decorate_items: Whether items carry metadata.
        synthetic_user: Whether the user stands for many.
        feature: The experiment that counts, where the recommender has several.
        """
        return self._transport.send(
            Call(
                "GET",
                path_of("/shopify/proxy/{}/{}/{}", namespace, recommender, item_id),
                query={
                    "shop": shop,
                    "logged_in_customer_id": logged_in_customer_id,
                    "path_prefix": path_prefix,
                    "timestamp": timestamp,
                    "signature": signature,
                    "sessionId": session_id,
                    "numResults": num_results,
                    "pageSize": page_size,
                    "next": next,
                    "promotions": promotions,
                    "filter": filter,
                    "filterValues": filter_values,
                    "context": context,
                    "history": history,
                    "exclude": exclude,
                    "fields": fields,
                    "locale": locale,
                    "decorateItems": decorate_items,
                    "syntheticUser": synthetic_user,
                    "feature": feature,
                },
            ),
            models.ItemList,
        )

    def get_variants(self) -> dict[str, Any]:
        """GET /sdk/v2/vardata: The variants of a user."""
        return self._transport.send(Call("GET", path_of("/sdk/v2/vardata")), dict[str, Any])

    def evaluate_variants(self, body: models.AmplitudeUser) -> dict[str, Any]:
        """POST /sdk/v2/vardata: The variants of a user."""
        return self._transport.send(Call("POST", path_of("/sdk/v2/vardata"), body=body), dict[str, Any])

    def get_profile(
        self,
        *,
        user_id: str | None = None,
        device_id: str | None = None,
        get_recs: str | None = None,
        rec_id: str | None = None,
        rec_type: str | None = None,
    ) -> models.AmplitudeProfile:
        """GET /v1/userprofile: A user's profile, with recommendations."""
        return self._transport.send(
            Call(
                "GET",
                path_of("/v1/userprofile"),
                query={
                    "user_id": user_id,
                    "device_id": device_id,
                    "get_recs": get_recs,
                    "rec_id": rec_id,
                    "rec_type": rec_type,
                },
            ),
            models.AmplitudeProfile,
        )

    def get_health(self) -> models.Liveness:
        """GET /health: Alive."""
        return self._transport.send(Call("GET", path_of("/health")), models.Liveness)

    def get_readiness(self) -> models.Readiness:
        """GET /ready: Ready for requests."""
        return self._transport.send(Call("GET", path_of("/ready")), models.Readiness)

    def get_metrics(self) -> str:
        """GET /metrics: Numbers for Prometheus."""
        return self._transport.send(Call("GET", path_of("/metrics")), str)


class AdminOperations:
    """The operations for operators: paths below /admin."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get_session(self) -> models.SessionView:
        """GET /admin/session: Who asks, and what that lets them do."""
        return self._transport.send(Call("GET", path_of("/admin/session")), models.SessionView)

    def purge_cache(self, body: models.Purge) -> models.PurgedView:
        """POST /admin/purge: Forget cached answers."""
        return self._transport.send(Call("POST", path_of("/admin/purge"), body=body), models.PurgedView)

    def reload_configuration(self) -> models.ReloadedView:
        """POST /admin/reload: Read the configuration again, at once."""
        return self._transport.send(Call("POST", path_of("/admin/reload")), models.ReloadedView)

    def get_overview(self) -> models.OverviewView:
        """GET /admin/overview: How the server does, and what is wrong now."""
        return self._transport.send(Call("GET", path_of("/admin/overview")), models.OverviewView)

    def list_processes(self) -> models.ProcessesView:
        """GET /admin/processes: Processes, replicas and workers."""
        return self._transport.send(Call("GET", path_of("/admin/processes")), models.ProcessesView)

    def list_partners(self) -> models.PartnersView:
        """GET /admin/partners: Partners' messages: what is stored, and what is not, by name."""
        return self._transport.send(Call("GET", path_of("/admin/partners")), models.PartnersView)

    def get_cost(self) -> models.CostView:
        """GET /admin/cost: What Amazon Personalize would charge, quotas, idle campaigns."""
        return self._transport.send(Call("GET", path_of("/admin/cost")), models.CostView)

    def list_jobs(
        self, *, limit: str | None = None, state: str | None = None, kind: str | None = None
    ) -> models.JobsView:
        """GET /admin/jobs: The newest jobs, and schedules."""
        return self._transport.send(
            Call("GET", path_of("/admin/jobs"), query={"limit": limit, "state": state, "kind": kind}), models.JobsView
        )

    def get_job(self, number: str) -> models.JobDetail:
        """GET /admin/jobs/{number}: One job, with its import's bad rows."""
        return self._transport.send(Call("GET", path_of("/admin/jobs/{}", number)), models.JobDetail)

    def cancel_job(self, number: str) -> models.JobView:
        """POST /admin/jobs/{number}/cancel: Take a job back."""
        return self._transport.send(Call("POST", path_of("/admin/jobs/{}/cancel", number)), models.JobView)

    def retry_job(self, number: str) -> models.RetriedJob:
        """POST /admin/jobs/{number}/retry: Do a job that has failed again."""
        return self._transport.send(Call("POST", path_of("/admin/jobs/{}/retry", number)), models.RetriedJob)

    def list_experiments(self) -> models.ExperimentsView:
        """GET /admin/experiments: The experiments, each with its verdict and health."""
        return self._transport.send(Call("GET", path_of("/admin/experiments")), models.ExperimentsView)

    def create_experiment(self, body: models.NewExperiment) -> models.WrittenView:
        """POST /admin/experiments: Make an experiment."""
        return self._transport.send(Call("POST", path_of("/admin/experiments"), body=body), models.WrittenView)

    def get_experiment(
        self,
        namespace: str,
        recommender: str,
        feature: str,
        *,
        action: str | None = None,
        alpha: str | None = None,
        method: str | None = None,
        points: str | None = None,
    ) -> models.ExperimentDetail:
        """GET /admin/experiments/{namespace}/{recommender}/{feature}: An experiment, with its verdict over time."""
        return self._transport.send(
            Call(
                "GET",
                path_of("/admin/experiments/{}/{}/{}", namespace, recommender, feature),
                query={"action": action, "alpha": alpha, "method": method, "points": points},
            ),
            models.ExperimentDetail,
        )

    def start_experiment(
        self, namespace: str, recommender: str, feature: str, body: models.Remark, *, action: str | None = None
    ) -> models.WrittenView:
        """POST /admin/experiments/{namespace}/{recommender}/{feature}/start: Start an experiment."""
        return self._transport.send(
            Call(
                "POST",
                path_of("/admin/experiments/{}/{}/{}/start", namespace, recommender, feature),
                query={"action": action},
                body=body,
            ),
            models.WrittenView,
        )

    def ramp_experiment(
        self, namespace: str, recommender: str, feature: str, body: models.RampBody, *, action: str | None = None
    ) -> models.WrittenView:
        """POST /admin/experiments/{namespace}/{recommender}/{feature}/ramp: Change an experiment's traffic or
        weights.
        """
        return self._transport.send(
            Call(
                "POST",
                path_of("/admin/experiments/{}/{}/{}/ramp", namespace, recommender, feature),
                query={"action": action},
                body=body,
            ),
            models.WrittenView,
        )

    def stop_experiment(
        self, namespace: str, recommender: str, feature: str, body: models.Remark, *, action: str | None = None
    ) -> models.WrittenView:
        """POST /admin/experiments/{namespace}/{recommender}/{feature}/stop: Stop an experiment."""
        return self._transport.send(
            Call(
                "POST",
                path_of("/admin/experiments/{}/{}/{}/stop", namespace, recommender, feature),
                query={"action": action},
                body=body,
            ),
            models.WrittenView,
        )

    def get_configuration(self) -> models.ConfigurationView:
        """GET /admin/configuration: The configuration in use."""
        return self._transport.send(Call("GET", path_of("/admin/configuration")), models.ConfigurationView)

    def replace_configuration(self, if_match: str, body: models.TextBody) -> models.WrittenView:
        """PUT /admin/configuration: Write the configuration's text, as of If-Match."""
        return self._transport.send(
            Call("PUT", path_of("/admin/configuration"), headers={"If-Match": if_match}, body=body), models.WrittenView
        )

    def get_effective_configuration(self) -> models.EffectiveView:
        """GET /admin/configuration/effective: Everything inherited, by variation."""
        return self._transport.send(Call("GET", path_of("/admin/configuration/effective")), models.EffectiveView)

    def get_configuration_text(self) -> models.TextView:
        """GET /admin/configuration/text: The text that lies there, without its secrets."""
        return self._transport.send(Call("GET", path_of("/admin/configuration/text")), models.TextView)

    def validate_configuration(self, body: models.TextBody) -> models.ValidationView:
        """POST /admin/configuration/validate: What a text would mean, or is wrong with it."""
        return self._transport.send(
            Call("POST", path_of("/admin/configuration/validate"), body=body), models.ValidationView
        )

    def list_configuration_history(self) -> models.HistoryView:
        """GET /admin/configuration/history: The texts so far, by whom and when."""
        return self._transport.send(Call("GET", path_of("/admin/configuration/history")), models.HistoryView)

    def get_configuration_entry(self, entry: str) -> models.StoredEntry:
        """GET /admin/configuration/history/{entry}: One of these texts."""
        return self._transport.send(Call("GET", path_of("/admin/configuration/history/{}", entry)), models.StoredEntry)

    def compare_configurations(self, *, from_: str | None = None, to: str | None = None) -> models.DifferenceView:
        """GET /admin/configuration/diff: What differs between two texts."""
        return self._transport.send(
            Call("GET", path_of("/admin/configuration/diff"), query={"from": from_, "to": to}), models.DifferenceView
        )

    def list_dataset_groups(self) -> models.GroupsView:
        """GET /admin/datasets: Dataset groups with their datasets, schemas and imports."""
        return self._transport.send(Call("GET", path_of("/admin/datasets")), models.GroupsView)

    def get_dataset_group(self, group: str) -> models.GroupView:
        """GET /admin/datasets/{group}: One dataset group."""
        return self._transport.send(Call("GET", path_of("/admin/datasets/{}", group)), models.GroupView)

    def delete_dataset_group(self, group: str) -> models.DeletedGroup:
        """DELETE /admin/datasets/{group}: Delete a dataset group with all that hangs on it."""
        return self._transport.send(Call("DELETE", path_of("/admin/datasets/{}", group)), models.DeletedGroup)

    def diagnose_dataset_group(self, group: str) -> models.Diagnosis:
        """GET /admin/doctor/{group}: What is wrong with a dataset group's data."""
        return self._transport.send(Call("GET", path_of("/admin/doctor/{}", group)), models.Diagnosis)

    def import_file(
        self,
        group: str,
        body: bytes,
        *,
        type: str | None = None,
        name: str | None = None,
        mode: str | None = None,
        skip_bad_rows: str | None = None,
        odd_values: str | None = None,
        timestamps: str | None = None,
        columns: str | None = None,
        allow_empty: str | None = None,
    ) -> models.ImportView:
        """POST /admin/imports/{group}: Import a file, which is the body."""
        return self._transport.send(
            Call(
                "POST",
                path_of("/admin/imports/{}", group),
                query={
                    "type": type,
                    "name": name,
                    "mode": mode,
                    "skipBadRows": skip_bad_rows,
                    "oddValues": odd_values,
                    "timestamps": timestamps,
                    "columns": columns,
                    "allowEmpty": allow_empty,
                },
                body=body,
            ),
            models.ImportView,
        )

    def get_import(self, group: str, name: str) -> models.ImportView:
        """GET /admin/imports/{group}/{name}: An import, with its bad rows."""
        return self._transport.send(Call("GET", path_of("/admin/imports/{}/{}", group, name)), models.ImportView)

    def get_user(self, namespace: str, user: str, *, num_results: str | None = None) -> models.UserView:
        """GET /admin/users/{namespace}/{user}: One user: history, arms, lists."""
        return self._transport.send(
            Call("GET", path_of("/admin/users/{}/{}", namespace, user), query={"numResults": num_results}),
            models.UserView,
        )

    def delete_user(self, namespace: str, user: str) -> models.DeletionsStarted:
        """DELETE /admin/users/{namespace}/{user}: Delete a user with all that it did."""
        return self._transport.send(
            Call("DELETE", path_of("/admin/users/{}/{}", namespace, user)), models.DeletionsStarted
        )

    def get_item(self, namespace: str, item: str, *, user_id: str | None = None) -> models.ItemView:
        """GET /admin/items/{namespace}/{item}: One item, and what filters say of it."""
        return self._transport.send(
            Call("GET", path_of("/admin/items/{}/{}", namespace, item), query={"userId": user_id}), models.ItemView
        )

    def edit_item(self, namespace: str, item: str, body: models.EditedItem) -> models.ItemView:
        """PUT /admin/items/{namespace}/{item}: Change an item's columns."""
        return self._transport.send(
            Call("PUT", path_of("/admin/items/{}/{}", namespace, item), body=body), models.ItemView
        )

    def hide_item(self, namespace: str, item: str, body: models.HiddenItem) -> models.ItemView:
        """PUT /admin/items/{namespace}/{item}/hidden: Hide an item from every list."""
        return self._transport.send(
            Call("PUT", path_of("/admin/items/{}/{}/hidden", namespace, item), body=body), models.ItemView
        )

    def get_item_audience(
        self,
        namespace: str,
        item: str,
        *,
        model: str | None = None,
        users: str | None = None,
        num_results: str | None = None,
    ) -> models.ItemAudience:
        """GET /admin/items/{namespace}/{item}/audience: Who gets an item."""
        return self._transport.send(
            Call(
                "GET",
                path_of("/admin/items/{}/{}/audience", namespace, item),
                query={"model": model, "users": users, "numResults": num_results},
            ),
            models.ItemAudience,
        )

    def get_explorer_choices(self, namespace: str) -> models.ExplorerChoices:
        """GET /admin/explore/{namespace}: What can be explored."""
        return self._transport.send(Call("GET", path_of("/admin/explore/{}", namespace)), models.ExplorerChoices)

    def explore_list(
        self,
        namespace: str,
        *,
        recommender: str | None = None,
        action: str | None = None,
        user_id: str | None = None,
        item_id: str | None = None,
        item_ids: str | None = None,
        history: str | None = None,
        variation: str | None = None,
        model: str | None = None,
        version: str | None = None,
        num_results: str | None = None,
        filter: str | None = None,
        context: str | None = None,
    ) -> models.ListView:
        """GET /admin/explore/{namespace}/list: A list, and where it comes from."""
        return self._transport.send(
            Call(
                "GET",
                path_of("/admin/explore/{}/list", namespace),
                query={
                    "recommender": recommender,
                    "action": action,
                    "userId": user_id,
                    "itemId": item_id,
                    "itemIds": item_ids,
                    "history": history,
                    "variation": variation,
                    "model": model,
                    "version": version,
                    "numResults": num_results,
                    "filter": filter,
                    "context": context,
                },
            ),
            models.ListView,
        )

    def explore_item(
        self,
        namespace: str,
        *,
        recommender: str | None = None,
        action: str | None = None,
        user_id: str | None = None,
        item_id: str | None = None,
        item_ids: str | None = None,
        history: str | None = None,
        variation: str | None = None,
        model: str | None = None,
        version: str | None = None,
        num_results: str | None = None,
        filter: str | None = None,
        context: str | None = None,
        item: str | None = None,
    ) -> models.WhyView:
        """GET /admin/explore/{namespace}/why: Why an item is in a list, or not."""
        return self._transport.send(
            Call(
                "GET",
                path_of("/admin/explore/{}/why", namespace),
                query={
                    "recommender": recommender,
                    "action": action,
                    "userId": user_id,
                    "itemId": item_id,
                    "itemIds": item_ids,
                    "history": history,
                    "variation": variation,
                    "model": model,
                    "version": version,
                    "numResults": num_results,
                    "filter": filter,
                    "context": context,
                    "item": item,
                },
            ),
            models.WhyView,
        )

    def record_explored_events(self, namespace: str, body: models.EventsBody) -> models.RecordedEvents:
        """POST /admin/explore/{namespace}/events: Record events, as clicks in the explorer."""
        return self._transport.send(
            Call("POST", path_of("/admin/explore/{}/events", namespace), body=body), models.RecordedEvents
        )

    def get_pipeline(
        self,
        namespace: str,
        *,
        recommender: str | None = None,
        action: str | None = None,
        user_id: str | None = None,
        item_id: str | None = None,
        item_ids: str | None = None,
        history: str | None = None,
        variation: str | None = None,
        model: str | None = None,
        version: str | None = None,
        num_results: str | None = None,
        filter: str | None = None,
        context: str | None = None,
    ) -> models.PipelineView:
        """GET /admin/pipeline/{namespace}: The stages of a list, with counts."""
        return self._transport.send(
            Call(
                "GET",
                path_of("/admin/pipeline/{}", namespace),
                query={
                    "recommender": recommender,
                    "action": action,
                    "userId": user_id,
                    "itemId": item_id,
                    "itemIds": item_ids,
                    "history": history,
                    "variation": variation,
                    "model": model,
                    "version": version,
                    "numResults": num_results,
                    "filter": filter,
                    "context": context,
                },
            ),
            models.PipelineView,
        )

    def list_models(self) -> models.ModelsView:
        """GET /admin/models: Models with their versions beside baselines."""
        return self._transport.send(Call("GET", path_of("/admin/models")), models.ModelsView)

    def get_model(self, model: str) -> models.ModelOverview:
        """GET /admin/models/{model}: One model."""
        return self._transport.send(Call("GET", path_of("/admin/models/{}", model)), models.ModelOverview)

    def compare_model_versions(
        self, model: str, *, first: str | None = None, second: str | None = None, users: str | None = None
    ) -> models.VersionComparison:
        """GET /admin/models/{model}/compare: Two versions on the same users."""
        return self._transport.send(
            Call(
                "GET",
                path_of("/admin/models/{}/compare", model),
                query={"first": first, "second": second, "users": users},
            ),
            models.VersionComparison,
        )

    def deploy_model(self, model: str, body: models.DeployedVersion) -> models.ModelOverview:
        """POST /admin/models/{model}/deploy: Answer with a version."""
        return self._transport.send(
            Call("POST", path_of("/admin/models/{}/deploy", model), body=body), models.ModelOverview
        )

    def roll_back_model(self, model: str, body: models.Nothing) -> models.ModelOverview:
        """POST /admin/models/{model}/rollback: Answer with the version before."""
        return self._transport.send(
            Call("POST", path_of("/admin/models/{}/rollback", model), body=body), models.ModelOverview
        )

    def train_model(self, model: str, body: models.Nothing) -> models.ModelOverview:
        """POST /admin/models/{model}/train: Train a new version."""
        return self._transport.send(
            Call("POST", path_of("/admin/models/{}/train", model), body=body), models.ModelOverview
        )

    def list_filters(self) -> models.FiltersView:
        """GET /admin/filters: Named filters."""
        return self._transport.send(Call("GET", path_of("/admin/filters")), models.FiltersView)

    def create_filter(self, body: models.NewFilter) -> models.NamedFilterView:
        """POST /admin/filters: Make a filter."""
        return self._transport.send(Call("POST", path_of("/admin/filters"), body=body), models.NamedFilterView)

    def delete_filter(self, group: str, name: str) -> models.DeletedFilter:
        """DELETE /admin/filters/{group}/{name}: Delete a filter."""
        return self._transport.send(Call("DELETE", path_of("/admin/filters/{}/{}", group, name)), models.DeletedFilter)

    def try_filter(self, body: models.FilterTrialRequest) -> models.FilterTrial:
        """POST /admin/filters/try: What is wrong with a filter, or what it leaves."""
        return self._transport.send(Call("POST", path_of("/admin/filters/try"), body=body), models.FilterTrial)

    def use_filter(self, body: models.FilterUseBody) -> models.WrittenView:
        """POST /admin/filters/use: Write a recommender's or a variation's filter into the configuration, or remove
        it.
        """
        return self._transport.send(Call("POST", path_of("/admin/filters/use"), body=body), models.WrittenView)

    def try_rules(self, body: models.RuleTrialRequest) -> models.RuleTrial:
        """POST /admin/rules/try: What is wrong with rules, or what they move."""
        return self._transport.send(Call("POST", path_of("/admin/rules/try"), body=body), models.RuleTrial)


class AsyncOperations:
    """The operations for pages and apps."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def recommend_items(
        self,
        namespace: str,
        recommender: str,
        user_id: str,
        *,
        num_results: int | None = None,
        page_size: int | None = None,
        next: str | None = None,
        promotions: str | None = None,
        filter: str | None = None,
        filter_values: str | None = None,
        context: str | None = None,
        history: str | None = None,
        exclude: str | None = None,
        fields: str | None = None,
        locale: str | None = None,
        decorate_items: bool | None = None,
        synthetic_user: bool | None = None,
        feature: str | None = None,
        session_id: str | None = None,
    ) -> models.ItemList:
        """GET /recommend-items/{namespace}/{recommender}/{user_id}: Recommend Items.

        num_results: How many items.
        page_size: Shows the list of numResults items (100 if not said) in pages of so many.
        next: The `next` of the page before; no page shows an item twice.
        promotions: A JSON list of one promotion at most, in place of the configured one.
        filter: A filter's name or ARN; instead of the configured ones.
        filter_values: The filter's values: a JSON object of strings.
        context: A JSON object of strings; wins over automatic context.
        history: Items chosen, oldest first, separated by commas, after the user's own.
        exclude: Items not to show, separated by commas; the list is filled up from below.
        fields: Which fields of metadata, separated by commas; all if not said.
        locale: The language of metadata, such as de-AT, where it has several.
        decorate_items: Whether items carry metadata.
        synthetic_user: Whether the user stands for many.
        feature: The experiment that counts, where the recommender has several.
        session_id: The unit of experiments between sessions.
        """
        return await self._transport.send(
            Call(
                "GET",
                path_of("/recommend-items/{}/{}/{}", namespace, recommender, user_id),
                query={
                    "numResults": num_results,
                    "pageSize": page_size,
                    "next": next,
                    "promotions": promotions,
                    "filter": filter,
                    "filterValues": filter_values,
                    "context": context,
                    "history": history,
                    "exclude": exclude,
                    "fields": fields,
                    "locale": locale,
                    "decorateItems": decorate_items,
                    "syntheticUser": synthetic_user,
                    "feature": feature,
                    "sessionId": session_id,
                },
            ),
            models.ItemList,
        )

    async def recommend_to_endpoints(
        self,
        namespace: str,
        recommender: str,
        body: models.PinpointMessage,
        *,
        recommendation_provider_id_type: Literal["PINPOINT_ENDPOINT_ID", "PINPOINT_USER_ID"] | None = None,
        num_results: int | None = None,
        promotions: str | None = None,
        filter: str | None = None,
        filter_values: str | None = None,
        context: str | None = None,
        history: str | None = None,
        exclude: str | None = None,
        fields: str | None = None,
        locale: str | None = None,
        decorate_items: bool | None = None,
        synthetic_user: bool | None = None,
        feature: str | None = None,
        session_id: str | None = None,
    ) -> dict[str, dict[str, Any]]:
        """POST /pinpoint/{namespace}/{recommender}: For Pinpoint's endpoints.

        recommendation_provider_id_type: Whose the recommendations are.
        num_results: How many items of each endpoint.
        promotions: A JSON list of one promotion at most, in place of the configured one.
        filter: A filter's name or ARN; instead of the configured ones.
        filter_values: The filter's values: a JSON object of strings.
        context: A JSON object of strings; wins over automatic context.
        history: Items chosen, oldest first, separated by commas, after the user's own.
        exclude: Items not to show, separated by commas; the list is filled up from below.
        fields: Which fields of metadata, separated by commas; all if not said.
        locale: The language of metadata, such as de-AT, where it has several.
        decorate_items: Whether items carry metadata.
        synthetic_user: Whether the user stands for many.
        feature: The experiment that counts, where the recommender has several.
        session_id: The unit of experiments between sessions.
        """
        return await self._transport.send(
            Call(
                "POST",
                path_of("/pinpoint/{}/{}", namespace, recommender),
                query={
                    "recommendationProviderIdType": recommendation_provider_id_type,
                    "numResults": num_results,
                    "promotions": promotions,
                    "filter": filter,
                    "filterValues": filter_values,
                    "context": context,
                    "history": history,
                    "exclude": exclude,
                    "fields": fields,
                    "locale": locale,
                    "decorateItems": decorate_items,
                    "syntheticUser": synthetic_user,
                    "feature": feature,
                    "sessionId": session_id,
                },
                body=body,
            ),
            dict[str, dict[str, Any]],
        )

    async def explain_item(
        self,
        namespace: str,
        recommender: str,
        user_id: str,
        item_id: str,
        *,
        num_results: int | None = None,
        promotions: str | None = None,
        filter: str | None = None,
        filter_values: str | None = None,
        context: str | None = None,
        history: str | None = None,
        exclude: str | None = None,
        fields: str | None = None,
        locale: str | None = None,
        decorate_items: bool | None = None,
        synthetic_user: bool | None = None,
        feature: str | None = None,
        session_id: str | None = None,
    ) -> models.Explanation:
        """GET /explain-items/{namespace}/{recommender}/{user_id}/{item_id}: Explain Items.

        num_results: How many items.
        promotions: A JSON list of one promotion at most, in place of the configured one.
        filter: A filter's name or ARN; instead of the configured ones.
        filter_values: The filter's values: a JSON object of strings.
        context: A JSON object of strings; wins over automatic context.
        history: Items chosen, oldest first, separated by commas, after the user's own.
        exclude: Items not to show, separated by commas; the list is filled up from below.
        fields: Which fields of metadata, separated by commas; all if not said.
        locale: The language of metadata, such as de-AT, where it has several.
        decorate_items: Whether items carry metadata.
        synthetic_user: Whether the user stands for many.
        feature: The experiment that counts, where the recommender has several.
        session_id: The unit of experiments between sessions.
        """
        return await self._transport.send(
            Call(
                "GET",
                path_of("/explain-items/{}/{}/{}/{}", namespace, recommender, user_id, item_id),
                query={
                    "numResults": num_results,
                    "promotions": promotions,
                    "filter": filter,
                    "filterValues": filter_values,
                    "context": context,
                    "history": history,
                    "exclude": exclude,
                    "fields": fields,
                    "locale": locale,
                    "decorateItems": decorate_items,
                    "syntheticUser": synthetic_user,
                    "feature": feature,
                    "sessionId": session_id,
                },
            ),
            models.Explanation,
        )

    async def get_cohort(
        self,
        namespace: str,
        recommender: str,
        user_id: str,
        *,
        feature: str | None = None,
        session_id: str | None = None,
    ) -> models.Cohort:
        """GET /cohorts/{namespace}/{recommender}/{user_id}: A user's cohort.

        feature: The experiment that counts, where the recommender has several.
        session_id: The unit of experiments between sessions.
        """
        return await self._transport.send(
            Call(
                "GET",
                path_of("/cohorts/{}/{}/{}", namespace, recommender, user_id),
                query={"feature": feature, "sessionId": session_id},
            ),
            models.Cohort,
        )

    async def recommend_to_cohort(
        self,
        namespace: str,
        recommender: str,
        cohort: str,
        *,
        num_results: int | None = None,
        page_size: int | None = None,
        next: str | None = None,
        promotions: str | None = None,
        filter: str | None = None,
        filter_values: str | None = None,
        exclude: str | None = None,
        fields: str | None = None,
        locale: str | None = None,
        decorate_items: bool | None = None,
    ) -> models.ItemList:
        """GET /cohort-items/{namespace}/{recommender}/{cohort}: A cohort's items.

        num_results: How many items.
        page_size: Shows the list of numResults items (100 if not said) in pages of so many.
        next: The `next` of the page before; no page shows an item twice.
        promotions: A JSON list of one promotion at most, in place of the configured one.
        filter: A filter's name or ARN; instead of the configured ones.
        filter_values: The filter's values: a JSON object of strings.
        exclude: Items not to show, separated by commas; the list is filled up from below.
        fields: Which fields of metadata, separated by commas; all if not said.
        locale: The language of metadata, such as de-AT, where it has several.
        decorate_items: Whether items carry metadata.
        """
        return await self._transport.send(
            Call(
                "GET",
                path_of("/cohort-items/{}/{}/{}", namespace, recommender, cohort),
                query={
                    "numResults": num_results,
                    "pageSize": page_size,
                    "next": next,
                    "promotions": promotions,
                    "filter": filter,
                    "filterValues": filter_values,
                    "exclude": exclude,
                    "fields": fields,
                    "locale": locale,
                    "decorateItems": decorate_items,
                },
            ),
            models.ItemList,
        )

    async def related_items(
        self,
        namespace: str,
        recommender: str,
        item_id: str,
        *,
        user_id: str | None = None,
        num_results: int | None = None,
        page_size: int | None = None,
        next: str | None = None,
        promotions: str | None = None,
        filter: str | None = None,
        filter_values: str | None = None,
        context: str | None = None,
        history: str | None = None,
        exclude: str | None = None,
        fields: str | None = None,
        locale: str | None = None,
        decorate_items: bool | None = None,
        synthetic_user: bool | None = None,
        feature: str | None = None,
        session_id: str | None = None,
    ) -> models.ItemList:
        """GET /related-items/{namespace}/{recommender}/{item_id}: Related Items.

        user_id: Makes it a question for this user.
        num_results: How many items.
        page_size: Shows the list of numResults items (100 if not said) in pages of so many.
        next: The `next` of the page before; no page shows an item twice.
        promotions: A JSON list of one promotion at most, in place of the configured one.
        filter: A filter's name or ARN; instead of the configured ones.
        filter_values: The filter's values: a JSON object of strings.
        context: A JSON object of strings; wins over automatic context.
        history: Items chosen, oldest first, separated by commas, after the user's own.
        exclude: Items not to show, separated by commas; the list is filled up from below.
        fields: Which fields of metadata, separated by commas; all if not said.
        locale: The language of metadata, such as de-AT, where it has several.
        decorate_items: Whether items carry metadata.
        synthetic_user: Whether the user stands for many.
        feature: The experiment that counts, where the recommender has several.
        session_id: The unit of experiments between sessions.
        """
        return await self._transport.send(
            Call(
                "GET",
                path_of("/related-items/{}/{}/{}", namespace, recommender, item_id),
                query={
                    "userId": user_id,
                    "numResults": num_results,
                    "pageSize": page_size,
                    "next": next,
                    "promotions": promotions,
                    "filter": filter,
                    "filterValues": filter_values,
                    "context": context,
                    "history": history,
                    "exclude": exclude,
                    "fields": fields,
                    "locale": locale,
                    "decorateItems": decorate_items,
                    "syntheticUser": synthetic_user,
                    "feature": feature,
                    "sessionId": session_id,
                },
            ),
            models.ItemList,
        )

    async def rerank_items(
        self,
        namespace: str,
        recommender: str,
        user_id: str,
        item_ids: Sequence[str],
        *,
        filter: str | None = None,
        filter_values: str | None = None,
        context: str | None = None,
        history: str | None = None,
        exclude: str | None = None,
        fields: str | None = None,
        locale: str | None = None,
        decorate_items: bool | None = None,
        synthetic_user: bool | None = None,
        feature: str | None = None,
        session_id: str | None = None,
    ) -> models.Ranking:
        """GET /rerank-items/{namespace}/{recommender}/{user_id}/{item_ids}: Rerank Items.

        item_ids: Separated by commas; a comma inside an id is %2C.
        filter: A filter's name or ARN; instead of the configured ones.
        filter_values: The filter's values: a JSON object of strings.
        context: A JSON object of strings; wins over automatic context.
        history: Items chosen, oldest first, separated by commas, after the user's own.
        exclude: Items not to show, separated by commas; the list is filled up from below.
        fields: Which fields of metadata, separated by commas; all if not said.
        locale: The language of metadata, such as de-AT, where it has several.
        decorate_items: Whether items carry metadata.
        synthetic_user: Whether the user stands for many.
        feature: The experiment that counts, where the recommender has several.
        session_id: The unit of experiments between sessions.
        """
        return await self._transport.send(
            Call(
                "GET",
                path_of("/rerank-items/{}/{}/{}/{}", namespace, recommender, user_id, item_ids),
                query={
                    "filter": filter,
                    "filterValues": filter_values,
                    "context": context,
                    "history": history,
                    "exclude": exclude,
                    "fields": fields,
                    "locale": locale,
                    "decorateItems": decorate_items,
                    "syntheticUser": synthetic_user,
                    "feature": feature,
                    "sessionId": session_id,
                },
            ),
            models.Ranking,
        )

    async def rerank_many_items(
        self,
        namespace: str,
        recommender: str,
        user_id: str,
        body: list[str] | models.RerankRequest,
        *,
        filter: str | None = None,
        filter_values: str | None = None,
        context: str | None = None,
        history: str | None = None,
        exclude: str | None = None,
        fields: str | None = None,
        locale: str | None = None,
        decorate_items: bool | None = None,
        synthetic_user: bool | None = None,
        feature: str | None = None,
        session_id: str | None = None,
    ) -> models.Ranking:
        """POST /rerank-items/{namespace}/{recommender}/{user_id}: Rerank Items, for long lists.

        filter: A filter's name or ARN; instead of the configured ones.
        filter_values: The filter's values: a JSON object of strings.
        context: A JSON object of strings; wins over automatic context.
        history: Items chosen, oldest first, separated by commas, after the user's own.
        exclude: Items not to show, separated by commas; the list is filled up from below.
        fields: Which fields of metadata, separated by commas; all if not said.
        locale: The language of metadata, such as de-AT, where it has several.
        decorate_items: Whether items carry metadata.
        synthetic_user: Whether the user stands for many.
        feature: The experiment that counts, where the recommender has several.
        session_id: The unit of experiments between sessions.
        """
        return await self._transport.send(
            Call(
                "POST",
                path_of("/rerank-items/{}/{}/{}", namespace, recommender, user_id),
                query={
                    "filter": filter,
                    "filterValues": filter_values,
                    "context": context,
                    "history": history,
                    "exclude": exclude,
                    "fields": fields,
                    "locale": locale,
                    "decorateItems": decorate_items,
                    "syntheticUser": synthetic_user,
                    "feature": feature,
                    "sessionId": session_id,
                },
                body=body,
            ),
            models.Ranking,
        )

    async def recommend_many(self, namespace: str, body: models.ListRequests) -> models.ListsAndErrors:
        """POST /recommend-many/{namespace}: Several lists at once; with distinct, no item is in two of them."""
        return await self._transport.send(
            Call("POST", path_of("/recommend-many/{}", namespace), body=body), models.ListsAndErrors
        )

    async def record_events(self, namespace: str, body: models.EventsBody) -> None:
        """POST /events/{namespace}: Record events."""
        await self._transport.send(Call("POST", path_of("/events/{}", namespace), body=body), type(None))

    async def evaluate_flag(self, key: str, body: models.EvaluationRequest) -> models.FlagEvaluation:
        """POST /ofrep/v1/evaluate/flags/{key}: The variation of one experiment."""
        return await self._transport.send(
            Call("POST", path_of("/ofrep/v1/evaluate/flags/{}", key), body=body), models.FlagEvaluation
        )

    async def evaluate_flags(self, body: models.EvaluationRequest) -> models.FlagEvaluations:
        """POST /ofrep/v1/evaluate/flags: The variations of all experiments."""
        return await self._transport.send(
            Call("POST", path_of("/ofrep/v1/evaluate/flags"), body=body), models.FlagEvaluations
        )

    async def get_flag_configuration(self) -> dict[str, Any]:
        """GET /ofrep/v1/configuration: What providers should know."""
        return await self._transport.send(Call("GET", path_of("/ofrep/v1/configuration")), dict[str, Any])

    async def get_features(self, client_key: str) -> dict[str, Any]:
        """GET /api/features/{client_key}: Experiments as features."""
        return await self._transport.send(Call("GET", path_of("/api/features/{}", client_key)), dict[str, Any])

    async def evaluate_features(self, client_key: str, body: models.UserAttributes) -> dict[str, Any]:
        """POST /api/eval/{client_key}: Experiments as features, evaluated here for one user."""
        return await self._transport.send(Call("POST", path_of("/api/eval/{}", client_key), body=body), dict[str, Any])

    async def get_verdict(
        self,
        namespace: str,
        recommender: str,
        feature: str,
        *,
        action: str | None = None,
        method: Literal["always", "fixed", "bayesian"] | None = None,
        alpha: float | None = None,
    ) -> dict[str, Any]:
        """GET /experiments/{namespace}/{recommender}/{feature}: What an experiment shows till now."""
        return await self._transport.send(
            Call(
                "GET",
                path_of("/experiments/{}/{}/{}", namespace, recommender, feature),
                query={"action": action, "method": method, "alpha": alpha},
            ),
            dict[str, Any],
        )

    async def track_features(self, body: list[models.TrackedEvent], *, client_key: str | None = None) -> dict[str, Any]:
        """POST /track: Exposures and conversions, as GrowthBook's tracking plugin sends them."""
        return await self._transport.send(
            Call("POST", path_of("/track"), query={"client_key": client_key}, body=body), dict[str, Any]
        )

    async def get_datafile(self, sdk_key: str) -> dict[str, Any]:
        """GET /datafiles/{sdk_key}.json: Experiments as a datafile."""
        return await self._transport.send(Call("GET", path_of("/datafiles/{}.json", sdk_key)), dict[str, Any])

    async def recommend_items_by_proxy(
        self,
        namespace: str,
        recommender: str,
        *,
        shop: str | None = None,
        logged_in_customer_id: str | None = None,
        path_prefix: str | None = None,
        timestamp: str | None = None,
        signature: str | None = None,
        session_id: str | None = None,
        num_results: int | None = None,
        page_size: int | None = None,
        next: str | None = None,
        promotions: str | None = None,
        filter: str | None = None,
        filter_values: str | None = None,
        context: str | None = None,
        history: str | None = None,
        exclude: str | None = None,
        fields: str | None = None,
        locale: str | None = None,
        decorate_items: bool | None = None,
        synthetic_user: bool | None = None,
        feature: str | None = None,
    ) -> models.ItemList:
        """GET /shopify/proxy/{namespace}/{recommender}: By Shopify's app proxy.

        shop: Added and signed by Shopify's app proxy.
        logged_in_customer_id: Added and signed by Shopify's app proxy.
        path_prefix: Added and signed by Shopify's app proxy.
        timestamp: Added and signed by Shopify's app proxy.
        signature: Added and signed by Shopify's app proxy.
        session_id: The visitor, where nobody is logged in.
        num_results: How many items.
        page_size: Shows the list of numResults items (100 if not said) in pages of so many.
        next: The `next` of the page before; no page shows an item twice.
        promotions: A JSON list of one promotion at most, in place of the configured one.
        filter: A filter's name or ARN; instead of the configured ones.
        filter_values: The filter's values: a JSON object of strings.
        context: A JSON object of strings; wins over automatic context.
        history: Items chosen, oldest first, separated by commas, after the user's own.
        exclude: Items not to show, separated by commas; the list is filled up from below.
        fields: Which fields of metadata, separated by commas; all if not said.
        locale: The language of metadata, such as de-AT, where it has several.
        decorate_items: Whether items carry metadata.
        synthetic_user: Whether the user stands for many.
        feature: The experiment that counts, where the recommender has several.
        """
        return await self._transport.send(
            Call(
                "GET",
                path_of("/shopify/proxy/{}/{}", namespace, recommender),
                query={
                    "shop": shop,
                    "logged_in_customer_id": logged_in_customer_id,
                    "path_prefix": path_prefix,
                    "timestamp": timestamp,
                    "signature": signature,
                    "sessionId": session_id,
                    "numResults": num_results,
                    "pageSize": page_size,
                    "next": next,
                    "promotions": promotions,
                    "filter": filter,
                    "filterValues": filter_values,
                    "context": context,
                    "history": history,
                    "exclude": exclude,
                    "fields": fields,
                    "locale": locale,
                    "decorateItems": decorate_items,
                    "syntheticUser": synthetic_user,
                    "feature": feature,
                },
            ),
            models.ItemList,
        )

    async def related_items_by_proxy(
        self,
        namespace: str,
        recommender: str,
        item_id: str,
        *,
        shop: str | None = None,
        logged_in_customer_id: str | None = None,
        path_prefix: str | None = None,
        timestamp: str | None = None,
        signature: str | None = None,
        session_id: str | None = None,
        num_results: int | None = None,
        page_size: int | None = None,
        next: str | None = None,
        promotions: str | None = None,
        filter: str | None = None,
        filter_values: str | None = None,
        context: str | None = None,
        history: str | None = None,
        exclude: str | None = None,
        fields: str | None = None,
        locale: str | None = None,
        decorate_items: bool | None = None,
        synthetic_user: bool | None = None,
        feature: str | None = None,
    ) -> models.ItemList:
        """GET /shopify/proxy/{namespace}/{recommender}/{item_id}: By Shopify's app proxy.

        shop: Added and signed by Shopify's app proxy.
        logged_in_customer_id: Added and signed by Shopify's app proxy.
        path_prefix: Added and signed by Shopify's app proxy.
        timestamp: Added and signed by Shopify's app proxy.
        signature: Added and signed by Shopify's app proxy.
        session_id: The visitor, where nobody is logged in.
        num_results: How many items.
        page_size: Shows the list of numResults items (100 if not said) in pages of so many.
        next: The `next` of the page before; no page shows an item twice.
        promotions: A JSON list of one promotion at most, in place of the configured one.
        filter: A filter's name or ARN; instead of the configured ones.
        filter_values: The filter's values: a JSON object of strings.
        context: A JSON object of strings; wins over automatic context.
        history: Items chosen, oldest first, separated by commas, after the user's own.
        exclude: Items not to show, separated by commas; the list is filled up from below.
        fields: Which fields of metadata, separated by commas; all if not said.
        locale: The language of metadata, such as de-AT, where it has several.
        decorate_items: Whether items carry metadata.
        synthetic_user: Whether the user stands for many.
        feature: The experiment that counts, where the recommender has several.
        """
        return await self._transport.send(
            Call(
                "GET",
                path_of("/shopify/proxy/{}/{}/{}", namespace, recommender, item_id),
                query={
                    "shop": shop,
                    "logged_in_customer_id": logged_in_customer_id,
                    "path_prefix": path_prefix,
                    "timestamp": timestamp,
                    "signature": signature,
                    "sessionId": session_id,
                    "numResults": num_results,
                    "pageSize": page_size,
                    "next": next,
                    "promotions": promotions,
                    "filter": filter,
                    "filterValues": filter_values,
                    "context": context,
                    "history": history,
                    "exclude": exclude,
                    "fields": fields,
                    "locale": locale,
                    "decorateItems": decorate_items,
                    "syntheticUser": synthetic_user,
                    "feature": feature,
                },
            ),
            models.ItemList,
        )

    async def get_variants(self) -> dict[str, Any]:
        """GET /sdk/v2/vardata: The variants of a user."""
        return await self._transport.send(Call("GET", path_of("/sdk/v2/vardata")), dict[str, Any])

    async def evaluate_variants(self, body: models.AmplitudeUser) -> dict[str, Any]:
        """POST /sdk/v2/vardata: The variants of a user."""
        return await self._transport.send(Call("POST", path_of("/sdk/v2/vardata"), body=body), dict[str, Any])

    async def get_profile(
        self,
        *,
        user_id: str | None = None,
        device_id: str | None = None,
        get_recs: str | None = None,
        rec_id: str | None = None,
        rec_type: str | None = None,
    ) -> models.AmplitudeProfile:
        """GET /v1/userprofile: A user's profile, with recommendations."""
        return await self._transport.send(
            Call(
                "GET",
                path_of("/v1/userprofile"),
                query={
                    "user_id": user_id,
                    "device_id": device_id,
                    "get_recs": get_recs,
                    "rec_id": rec_id,
                    "rec_type": rec_type,
                },
            ),
            models.AmplitudeProfile,
        )

    async def get_health(self) -> models.Liveness:
        """GET /health: Alive."""
        return await self._transport.send(Call("GET", path_of("/health")), models.Liveness)

    async def get_readiness(self) -> models.Readiness:
        """GET /ready: Ready for requests."""
        return await self._transport.send(Call("GET", path_of("/ready")), models.Readiness)

    async def get_metrics(self) -> str:
        """GET /metrics: Numbers for Prometheus."""
        return await self._transport.send(Call("GET", path_of("/metrics")), str)


class AsyncAdminOperations:
    """The operations for operators: paths below /admin."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def get_session(self) -> models.SessionView:
        """GET /admin/session: Who asks, and what that lets them do."""
        return await self._transport.send(Call("GET", path_of("/admin/session")), models.SessionView)

    async def purge_cache(self, body: models.Purge) -> models.PurgedView:
        """POST /admin/purge: Forget cached answers."""
        return await self._transport.send(Call("POST", path_of("/admin/purge"), body=body), models.PurgedView)

    async def reload_configuration(self) -> models.ReloadedView:
        """POST /admin/reload: Read the configuration again, at once."""
        return await self._transport.send(Call("POST", path_of("/admin/reload")), models.ReloadedView)

    async def get_overview(self) -> models.OverviewView:
        """GET /admin/overview: How the server does, and what is wrong now."""
        return await self._transport.send(Call("GET", path_of("/admin/overview")), models.OverviewView)

    async def list_processes(self) -> models.ProcessesView:
        """GET /admin/processes: Processes, replicas and workers."""
        return await self._transport.send(Call("GET", path_of("/admin/processes")), models.ProcessesView)

    async def list_partners(self) -> models.PartnersView:
        """GET /admin/partners: Partners' messages: what is stored, and what is not, by name."""
        return await self._transport.send(Call("GET", path_of("/admin/partners")), models.PartnersView)

    async def get_cost(self) -> models.CostView:
        """GET /admin/cost: What Amazon Personalize would charge, quotas, idle campaigns."""
        return await self._transport.send(Call("GET", path_of("/admin/cost")), models.CostView)

    async def list_jobs(
        self, *, limit: str | None = None, state: str | None = None, kind: str | None = None
    ) -> models.JobsView:
        """GET /admin/jobs: The newest jobs, and schedules."""
        return await self._transport.send(
            Call("GET", path_of("/admin/jobs"), query={"limit": limit, "state": state, "kind": kind}), models.JobsView
        )

    async def get_job(self, number: str) -> models.JobDetail:
        """GET /admin/jobs/{number}: One job, with its import's bad rows."""
        return await self._transport.send(Call("GET", path_of("/admin/jobs/{}", number)), models.JobDetail)

    async def cancel_job(self, number: str) -> models.JobView:
        """POST /admin/jobs/{number}/cancel: Take a job back."""
        return await self._transport.send(Call("POST", path_of("/admin/jobs/{}/cancel", number)), models.JobView)

    async def retry_job(self, number: str) -> models.RetriedJob:
        """POST /admin/jobs/{number}/retry: Do a job that has failed again."""
        return await self._transport.send(Call("POST", path_of("/admin/jobs/{}/retry", number)), models.RetriedJob)

    async def list_experiments(self) -> models.ExperimentsView:
        """GET /admin/experiments: The experiments, each with its verdict and health."""
        return await self._transport.send(Call("GET", path_of("/admin/experiments")), models.ExperimentsView)

    async def create_experiment(self, body: models.NewExperiment) -> models.WrittenView:
        """POST /admin/experiments: Make an experiment."""
        return await self._transport.send(Call("POST", path_of("/admin/experiments"), body=body), models.WrittenView)

    async def get_experiment(
        self,
        namespace: str,
        recommender: str,
        feature: str,
        *,
        action: str | None = None,
        alpha: str | None = None,
        method: str | None = None,
        points: str | None = None,
    ) -> models.ExperimentDetail:
        """GET /admin/experiments/{namespace}/{recommender}/{feature}: An experiment, with its verdict over time."""
        return await self._transport.send(
            Call(
                "GET",
                path_of("/admin/experiments/{}/{}/{}", namespace, recommender, feature),
                query={"action": action, "alpha": alpha, "method": method, "points": points},
            ),
            models.ExperimentDetail,
        )

    async def start_experiment(
        self, namespace: str, recommender: str, feature: str, body: models.Remark, *, action: str | None = None
    ) -> models.WrittenView:
        """POST /admin/experiments/{namespace}/{recommender}/{feature}/start: Start an experiment."""
        return await self._transport.send(
            Call(
                "POST",
                path_of("/admin/experiments/{}/{}/{}/start", namespace, recommender, feature),
                query={"action": action},
                body=body,
            ),
            models.WrittenView,
        )

    async def ramp_experiment(
        self, namespace: str, recommender: str, feature: str, body: models.RampBody, *, action: str | None = None
    ) -> models.WrittenView:
        """POST /admin/experiments/{namespace}/{recommender}/{feature}/ramp: Change an experiment's traffic or
        weights.
        """
        return await self._transport.send(
            Call(
                "POST",
                path_of("/admin/experiments/{}/{}/{}/ramp", namespace, recommender, feature),
                query={"action": action},
                body=body,
            ),
            models.WrittenView,
        )

    async def stop_experiment(
        self, namespace: str, recommender: str, feature: str, body: models.Remark, *, action: str | None = None
    ) -> models.WrittenView:
        """POST /admin/experiments/{namespace}/{recommender}/{feature}/stop: Stop an experiment."""
        return await self._transport.send(
            Call(
                "POST",
                path_of("/admin/experiments/{}/{}/{}/stop", namespace, recommender, feature),
                query={"action": action},
                body=body,
            ),
            models.WrittenView,
        )

    async def get_configuration(self) -> models.ConfigurationView:
        """GET /admin/configuration: The configuration in use."""
        return await self._transport.send(Call("GET", path_of("/admin/configuration")), models.ConfigurationView)

    async def replace_configuration(self, if_match: str, body: models.TextBody) -> models.WrittenView:
        """PUT /admin/configuration: Write the configuration's text, as of If-Match."""
        return await self._transport.send(
            Call("PUT", path_of("/admin/configuration"), headers={"If-Match": if_match}, body=body), models.WrittenView
        )

    async def get_effective_configuration(self) -> models.EffectiveView:
        """GET /admin/configuration/effective: Everything inherited, by variation."""
        return await self._transport.send(Call("GET", path_of("/admin/configuration/effective")), models.EffectiveView)

    async def get_configuration_text(self) -> models.TextView:
        """GET /admin/configuration/text: The text that lies there, without its secrets."""
        return await self._transport.send(Call("GET", path_of("/admin/configuration/text")), models.TextView)

    async def validate_configuration(self, body: models.TextBody) -> models.ValidationView:
        """POST /admin/configuration/validate: What a text would mean, or is wrong with it."""
        return await self._transport.send(
            Call("POST", path_of("/admin/configuration/validate"), body=body), models.ValidationView
        )

    async def list_configuration_history(self) -> models.HistoryView:
        """GET /admin/configuration/history: The texts so far, by whom and when."""
        return await self._transport.send(Call("GET", path_of("/admin/configuration/history")), models.HistoryView)

    async def get_configuration_entry(self, entry: str) -> models.StoredEntry:
        """GET /admin/configuration/history/{entry}: One of these texts."""
        return await self._transport.send(
            Call("GET", path_of("/admin/configuration/history/{}", entry)), models.StoredEntry
        )

    async def compare_configurations(self, *, from_: str | None = None, to: str | None = None) -> models.DifferenceView:
        """GET /admin/configuration/diff: What differs between two texts."""
        return await self._transport.send(
            Call("GET", path_of("/admin/configuration/diff"), query={"from": from_, "to": to}), models.DifferenceView
        )

    async def list_dataset_groups(self) -> models.GroupsView:
        """GET /admin/datasets: Dataset groups with their datasets, schemas and imports."""
        return await self._transport.send(Call("GET", path_of("/admin/datasets")), models.GroupsView)

    async def get_dataset_group(self, group: str) -> models.GroupView:
        """GET /admin/datasets/{group}: One dataset group."""
        return await self._transport.send(Call("GET", path_of("/admin/datasets/{}", group)), models.GroupView)

    async def delete_dataset_group(self, group: str) -> models.DeletedGroup:
        """DELETE /admin/datasets/{group}: Delete a dataset group with all that hangs on it."""
        return await self._transport.send(Call("DELETE", path_of("/admin/datasets/{}", group)), models.DeletedGroup)

    async def diagnose_dataset_group(self, group: str) -> models.Diagnosis:
        """GET /admin/doctor/{group}: What is wrong with a dataset group's data."""
        return await self._transport.send(Call("GET", path_of("/admin/doctor/{}", group)), models.Diagnosis)

    async def import_file(
        self,
        group: str,
        body: bytes,
        *,
        type: str | None = None,
        name: str | None = None,
        mode: str | None = None,
        skip_bad_rows: str | None = None,
        odd_values: str | None = None,
        timestamps: str | None = None,
        columns: str | None = None,
        allow_empty: str | None = None,
    ) -> models.ImportView:
        """POST /admin/imports/{group}: Import a file, which is the body."""
        return await self._transport.send(
            Call(
                "POST",
                path_of("/admin/imports/{}", group),
                query={
                    "type": type,
                    "name": name,
                    "mode": mode,
                    "skipBadRows": skip_bad_rows,
                    "oddValues": odd_values,
                    "timestamps": timestamps,
                    "columns": columns,
                    "allowEmpty": allow_empty,
                },
                body=body,
            ),
            models.ImportView,
        )

    async def get_import(self, group: str, name: str) -> models.ImportView:
        """GET /admin/imports/{group}/{name}: An import, with its bad rows."""
        return await self._transport.send(Call("GET", path_of("/admin/imports/{}/{}", group, name)), models.ImportView)

    async def get_user(self, namespace: str, user: str, *, num_results: str | None = None) -> models.UserView:
        """GET /admin/users/{namespace}/{user}: One user: history, arms, lists."""
        return await self._transport.send(
            Call("GET", path_of("/admin/users/{}/{}", namespace, user), query={"numResults": num_results}),
            models.UserView,
        )

    async def delete_user(self, namespace: str, user: str) -> models.DeletionsStarted:
        """DELETE /admin/users/{namespace}/{user}: Delete a user with all that it did."""
        return await self._transport.send(
            Call("DELETE", path_of("/admin/users/{}/{}", namespace, user)), models.DeletionsStarted
        )

    async def get_item(self, namespace: str, item: str, *, user_id: str | None = None) -> models.ItemView:
        """GET /admin/items/{namespace}/{item}: One item, and what filters say of it."""
        return await self._transport.send(
            Call("GET", path_of("/admin/items/{}/{}", namespace, item), query={"userId": user_id}), models.ItemView
        )

    async def edit_item(self, namespace: str, item: str, body: models.EditedItem) -> models.ItemView:
        """PUT /admin/items/{namespace}/{item}: Change an item's columns."""
        return await self._transport.send(
            Call("PUT", path_of("/admin/items/{}/{}", namespace, item), body=body), models.ItemView
        )

    async def hide_item(self, namespace: str, item: str, body: models.HiddenItem) -> models.ItemView:
        """PUT /admin/items/{namespace}/{item}/hidden: Hide an item from every list."""
        return await self._transport.send(
            Call("PUT", path_of("/admin/items/{}/{}/hidden", namespace, item), body=body), models.ItemView
        )

    async def get_item_audience(
        self,
        namespace: str,
        item: str,
        *,
        model: str | None = None,
        users: str | None = None,
        num_results: str | None = None,
    ) -> models.ItemAudience:
        """GET /admin/items/{namespace}/{item}/audience: Who gets an item."""
        return await self._transport.send(
            Call(
                "GET",
                path_of("/admin/items/{}/{}/audience", namespace, item),
                query={"model": model, "users": users, "numResults": num_results},
            ),
            models.ItemAudience,
        )

    async def get_explorer_choices(self, namespace: str) -> models.ExplorerChoices:
        """GET /admin/explore/{namespace}: What can be explored."""
        return await self._transport.send(Call("GET", path_of("/admin/explore/{}", namespace)), models.ExplorerChoices)

    async def explore_list(
        self,
        namespace: str,
        *,
        recommender: str | None = None,
        action: str | None = None,
        user_id: str | None = None,
        item_id: str | None = None,
        item_ids: str | None = None,
        history: str | None = None,
        variation: str | None = None,
        model: str | None = None,
        version: str | None = None,
        num_results: str | None = None,
        filter: str | None = None,
        context: str | None = None,
    ) -> models.ListView:
        """GET /admin/explore/{namespace}/list: A list, and where it comes from."""
        return await self._transport.send(
            Call(
                "GET",
                path_of("/admin/explore/{}/list", namespace),
                query={
                    "recommender": recommender,
                    "action": action,
                    "userId": user_id,
                    "itemId": item_id,
                    "itemIds": item_ids,
                    "history": history,
                    "variation": variation,
                    "model": model,
                    "version": version,
                    "numResults": num_results,
                    "filter": filter,
                    "context": context,
                },
            ),
            models.ListView,
        )

    async def explore_item(
        self,
        namespace: str,
        *,
        recommender: str | None = None,
        action: str | None = None,
        user_id: str | None = None,
        item_id: str | None = None,
        item_ids: str | None = None,
        history: str | None = None,
        variation: str | None = None,
        model: str | None = None,
        version: str | None = None,
        num_results: str | None = None,
        filter: str | None = None,
        context: str | None = None,
        item: str | None = None,
    ) -> models.WhyView:
        """GET /admin/explore/{namespace}/why: Why an item is in a list, or not."""
        return await self._transport.send(
            Call(
                "GET",
                path_of("/admin/explore/{}/why", namespace),
                query={
                    "recommender": recommender,
                    "action": action,
                    "userId": user_id,
                    "itemId": item_id,
                    "itemIds": item_ids,
                    "history": history,
                    "variation": variation,
                    "model": model,
                    "version": version,
                    "numResults": num_results,
                    "filter": filter,
                    "context": context,
                    "item": item,
                },
            ),
            models.WhyView,
        )

    async def record_explored_events(self, namespace: str, body: models.EventsBody) -> models.RecordedEvents:
        """POST /admin/explore/{namespace}/events: Record events, as clicks in the explorer."""
        return await self._transport.send(
            Call("POST", path_of("/admin/explore/{}/events", namespace), body=body), models.RecordedEvents
        )

    async def get_pipeline(
        self,
        namespace: str,
        *,
        recommender: str | None = None,
        action: str | None = None,
        user_id: str | None = None,
        item_id: str | None = None,
        item_ids: str | None = None,
        history: str | None = None,
        variation: str | None = None,
        model: str | None = None,
        version: str | None = None,
        num_results: str | None = None,
        filter: str | None = None,
        context: str | None = None,
    ) -> models.PipelineView:
        """GET /admin/pipeline/{namespace}: The stages of a list, with counts."""
        return await self._transport.send(
            Call(
                "GET",
                path_of("/admin/pipeline/{}", namespace),
                query={
                    "recommender": recommender,
                    "action": action,
                    "userId": user_id,
                    "itemId": item_id,
                    "itemIds": item_ids,
                    "history": history,
                    "variation": variation,
                    "model": model,
                    "version": version,
                    "numResults": num_results,
                    "filter": filter,
                    "context": context,
                },
            ),
            models.PipelineView,
        )

    async def list_models(self) -> models.ModelsView:
        """GET /admin/models: Models with their versions beside baselines."""
        return await self._transport.send(Call("GET", path_of("/admin/models")), models.ModelsView)

    async def get_model(self, model: str) -> models.ModelOverview:
        """GET /admin/models/{model}: One model."""
        return await self._transport.send(Call("GET", path_of("/admin/models/{}", model)), models.ModelOverview)

    async def compare_model_versions(
        self, model: str, *, first: str | None = None, second: str | None = None, users: str | None = None
    ) -> models.VersionComparison:
        """GET /admin/models/{model}/compare: Two versions on the same users."""
        return await self._transport.send(
            Call(
                "GET",
                path_of("/admin/models/{}/compare", model),
                query={"first": first, "second": second, "users": users},
            ),
            models.VersionComparison,
        )

    async def deploy_model(self, model: str, body: models.DeployedVersion) -> models.ModelOverview:
        """POST /admin/models/{model}/deploy: Answer with a version."""
        return await self._transport.send(
            Call("POST", path_of("/admin/models/{}/deploy", model), body=body), models.ModelOverview
        )

    async def roll_back_model(self, model: str, body: models.Nothing) -> models.ModelOverview:
        """POST /admin/models/{model}/rollback: Answer with the version before."""
        return await self._transport.send(
            Call("POST", path_of("/admin/models/{}/rollback", model), body=body), models.ModelOverview
        )

    async def train_model(self, model: str, body: models.Nothing) -> models.ModelOverview:
        """POST /admin/models/{model}/train: Train a new version."""
        return await self._transport.send(
            Call("POST", path_of("/admin/models/{}/train", model), body=body), models.ModelOverview
        )

    async def list_filters(self) -> models.FiltersView:
        """GET /admin/filters: Named filters."""
        return await self._transport.send(Call("GET", path_of("/admin/filters")), models.FiltersView)

    async def create_filter(self, body: models.NewFilter) -> models.NamedFilterView:
        """POST /admin/filters: Make a filter."""
        return await self._transport.send(Call("POST", path_of("/admin/filters"), body=body), models.NamedFilterView)

    async def delete_filter(self, group: str, name: str) -> models.DeletedFilter:
        """DELETE /admin/filters/{group}/{name}: Delete a filter."""
        return await self._transport.send(
            Call("DELETE", path_of("/admin/filters/{}/{}", group, name)), models.DeletedFilter
        )

    async def try_filter(self, body: models.FilterTrialRequest) -> models.FilterTrial:
        """POST /admin/filters/try: What is wrong with a filter, or what it leaves."""
        return await self._transport.send(Call("POST", path_of("/admin/filters/try"), body=body), models.FilterTrial)

    async def use_filter(self, body: models.FilterUseBody) -> models.WrittenView:
        """POST /admin/filters/use: Write a recommender's or a variation's filter into the configuration, or remove
        it.
        """
        return await self._transport.send(Call("POST", path_of("/admin/filters/use"), body=body), models.WrittenView)

    async def try_rules(self, body: models.RuleTrialRequest) -> models.RuleTrial:
        """POST /admin/rules/try: What is wrong with rules, or what they move."""
        return await self._transport.send(Call("POST", path_of("/admin/rules/try"), body=body), models.RuleTrial)

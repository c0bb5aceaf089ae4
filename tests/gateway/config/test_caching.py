"""The decision tables of caching (specification §3.2, §3.3)."""

import pytest

from gateway.ask import Ask
from gateway.config.caching import LONGEST_S, cache_policy, policy_for, user_kind
from gateway.plan.plan import NO_CACHE, CachePolicy
from gateway.upstreams import level
from tests.gateway.config.documents import plan_of, shop

POLICIES = [
    # max age, directives, header, fresh, stale while revalidate, stale if error, storable
    (10, "private", "private,max-age=10", 10, 0, 0, True),
    (10, "", "max-age=10", 10, 0, 0, True),
    (60, "public,s-maxage=3,immutable", "public,s-maxage=3,immutable,max-age=60", 60, 0, 0, True),
    (10, "private, max-age=5", "private, max-age=5", 5, 0, 0, True),
    (10, "max-age=0", "max-age=0", 0, 0, 0, False),
    (0, "Max-Age=5", "Max-Age=5", 5, 0, 0, True),
    (0, "no-store", "no-store", 0, 0, 0, False),
    (0, "", "", 0, 0, 0, False),
    (10, "no-store", "no-store,max-age=10", 10, 0, 0, False),
    (10, "no-cache", "no-cache,max-age=10", 10, 0, 0, False),
    (60, 'private, stale-if-error="600"', 'private, stale-if-error="600",max-age=60', 60, 0, 600, True),
    (10**20, "public", f"public,max-age={10**20}", LONGEST_S, 0, 0, True),
    (5, f"stale-if-error={10**20}", f"stale-if-error={10**20},max-age=5", 5, 0, LONGEST_S, True),
    (60, "private ,stale-while-revalidate=30, ", "private ,stale-while-revalidate=30,max-age=60", 60, 30, 0, True),
]  # fmt: skip


@pytest.mark.parametrize(("max_age", "said", "header", "fresh", "swr", "sie", "storable"), POLICIES)
def test_a_policy(max_age, said, header, fresh, swr, sie, storable):
    policy = cache_policy("noUserSpecified", level.CachePolicy(max_age=max_age, directives=said))
    assert policy == CachePolicy(fresh, swr, sie, storable, header, policy.private_header)
    assert "public" not in policy.private_header and "s-maxage" not in policy.private_header


@pytest.mark.parametrize(
    ("said", "header"),
    [
        ("public", "private,max-age=9"),
        ("public,s-maxage=30,stale-while-revalidate=5", "private,stale-while-revalidate=5,max-age=9"),
        ("PUBLIC", "private,max-age=9"),
        ("private,public", "private,max-age=9"),
        ('public,no-cache="Set-Cookie, X-A"', 'private,no-cache="Set-Cookie, X-A",max-age=9'),
        ("private", "private,max-age=9"),
        ("", "max-age=9"),
    ],
)
def test_a_users_own_answer_is_never_public(said, header):
    assert cache_policy("userSpecified", level.CachePolicy(max_age=9, directives=said)).header == header


@pytest.mark.parametrize(
    ("user", "synthetic", "kind"),
    [
        (None, False, "noUserSpecified"),
        (None, True, "noUserSpecified"),
        ("", False, "noUserSpecified"),
        ("u", False, "userSpecified"),
        ("u", True, "syntheticUserSpecified"),
    ],
)
def test_the_kind_of_caller(user, synthetic, kind):
    ask = Ask(action="related-items", namespace="shop", recommender="r", user_id=user, item_id="i", synthetic=synthetic)
    assert user_kind(ask) == kind


def test_a_kind_without_a_policy_is_not_cached():
    ask = Ask(action="recommend-items", namespace="shop", recommender="for-you", user_id="u")
    variation = plan_of(shop("{variations: {main: {type: engine, model: m}}}")).variations[0]
    assert variation.policies is None
    assert policy_for(ask, variation) == NO_CACHE
    root = "cacheControl: {noUserSpecified: {maxAge: 5}}"
    variation = plan_of(shop("{variations: {main: {type: engine, model: m}}}", root=root)).variations[0]
    assert policy_for(ask, variation) == NO_CACHE

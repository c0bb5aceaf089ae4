"""EventBridge's schedules as days between two runs."""

from __future__ import annotations

import re

import pytest

from gateway.manifest.schedules import days_between


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("rate(1 day)", 1),
        ("rate(14 days)", 14),
        ("rate(90 days)", 30),
        ("rate(6 hours)", 1),
        ("cron(0 */6 * * ? *)", 1),
        ("cron(0 2 * * ? *)", 1),
        ("cron(0 0 ? * 1 *)", 7),
        ("cron(0 0 ? * SUN *)", 7),
        ("cron(0 0 ? * MON,THU *)", 4),
        ("cron(0 0 ? * MON-FRI *)", 1),
        ("cron(0 0 ? * FRI-MON *)", 2),
        ("cron(0 0 ? * 2#1 *)", 30),
        ("cron(0 0 ? * 6L *)", 30),
        ("cron(0 0 1 * ? *)", 30),
        ("cron(0 0 L * ? *)", 30),
        ("cron(0 0 1,15 * ? *)", 15),
        ("cron(0 0 1/10 * ? *)", 8),
        ("cron(0 12 1 JAN ? *)", 30),
    ],
)
def test_days(expression: str, days: int) -> None:
    assert days_between(expression) == days


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("weekly", "is no schedule"),
        ("rate(2 weeks)", "is no schedule"),
        ("rate(0 days)", "never comes"),
        ("cron(0 2 * * *)", "has 5 fields"),
        ("cron(60 2 * * ? *)", "'60' is no minutes"),
        ("cron(0 2 ? * FUNDAY *)", "'FUNDAY' is no day of week"),
        ("cron(0 2 */0 * ? *)", "is no day of month"),
        ("cron(0 0 30 2 ? *)", "never comes"),
        ("cron(0 2 * * * *)", "one of day of month and day of week is ?"),
        ("cron(0 2 ? * ? *)", "one of day of month and day of week is"),
        ("cron(0 2 ? * 2#1,4#3 *)", "# stands alone"),
    ],
)
def test_what_is_no_schedule_is_refused(expression: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        days_between(expression)

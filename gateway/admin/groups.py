"""The views of dataset groups."""

from __future__ import annotations

from engine import GroupView
from gateway.admin.view import View


class GroupsView(View, frozen=True, kw_only=True):
    groups: list[GroupView]


class DeletedGroup(View, frozen=True, kw_only=True):
    """All that was deleted with a dataset group, in its order: `campaign/for-you` for example."""

    group: str
    deleted: list[str]

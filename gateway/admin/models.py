"""The views of all models, alone and beside what works on them."""

from __future__ import annotations

from engine import ModelOverview
from gateway.admin.jobs import JobsView
from gateway.admin.view import View


class StatusView(View, frozen=True, kw_only=True):
    """All that runs and waits, and the models."""

    models: list[ModelOverview]
    activity: JobsView


class ModelsView(View, frozen=True, kw_only=True):
    models: list[ModelOverview]

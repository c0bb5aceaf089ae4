"""Checks of what is no kind's own: one function a struct, run as soon as the struct is decoded."""

from gateway.config.checks import access, context, recommenders, whole
from gateway.document.report import check

__all__ = ["access", "check", "context", "recommenders", "whole"]

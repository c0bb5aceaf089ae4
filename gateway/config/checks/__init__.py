"""What a struct's types cannot say: one function a struct, run as soon as the struct is decoded."""

from gateway.config.checks import access, caching, context, recommenders, targets, whole
from gateway.config.checks.part import check

__all__ = ["access", "caching", "check", "context", "recommenders", "targets", "whole"]

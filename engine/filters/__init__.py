"""Filters: an expression in AWS's language, compiled once, answers with a mask over the items."""

from engine.filters.compile import Candidates, Filter, compile_filter

__all__ = ["Candidates", "Filter", "compile_filter"]

"""Filters: an expression in AWS's language, compiled once, answers with a mask over the items.

grammar → tree → checks                      when it is made (what needs schemas: against the group's)
compile: values → match over live columns    when it is asked
eligible: a mask that all share, less one's own  kept while the items stay as they are
"""

from engine.filters.attributes import items_having
from engine.filters.candidates import Candidates, UserCandidates
from engine.filters.checks import EVENTS, MOST_FIELDS_OF_A_GROUP, Fields, fields_of
from engine.filters.compile import CompiledFilter, check_expression, compile_filter, items_left_out
from engine.filters.eligible import Eligible, eligible_by
from engine.filters.live import Mask
from engine.filters.values import split_values

__all__ = [
    "EVENTS",
    "MOST_FIELDS_OF_A_GROUP",
    "Candidates",
    "CompiledFilter",
    "Eligible",
    "Fields",
    "Mask",
    "UserCandidates",
    "check_expression",
    "compile_filter",
    "eligible_by",
    "fields_of",
    "items_having",
    "items_left_out",
    "split_values",
]

"""Content codings of answers: which one a caller accepts, and bodies in it."""

from gateway.encoding.accept import CodingChoice, accepts_gzip, choose_coding
from gateway.encoding.codings import LEAST_BODY, LONGEST_ENDING, Coding, Opening

__all__ = ["LEAST_BODY", "LONGEST_ENDING", "Coding", "CodingChoice", "Opening", "accepts_gzip", "choose_coding"]

"""Answers and items sent on to partners: records by their digests, requests as large as a partner takes them.

records: what there is to send      state: what a partner has      destinations: a partner's requests
sending: a request until it is taken
"""

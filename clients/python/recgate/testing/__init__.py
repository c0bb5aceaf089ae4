"""A local Personalize for tests: a real server, boto3 clients, groups with data, declared answers, failures on demand.

`recgate` is a namespace package: other distributions may add to it.
"""

from recgate.testing.calls import Call as Call
from recgate.testing.groups import DataGroup as DataGroup
from recgate.testing.local import LocalPersonalize as LocalPersonalize

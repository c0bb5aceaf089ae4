"""The Personalize wire: what boto3 and the other AWS SDKs speak, on the gateway's own port."""

from gateway.aws.callers import Callers
from gateway.aws.routes import aws_routes, aws_unrouted

__all__ = ["Callers", "aws_routes", "aws_unrouted"]

"""The Personalize wire: what boto3 and the other AWS SDKs speak, on the gateway's own port."""

from gateway.aws.routes import aws_routes

__all__ = ["aws_routes"]

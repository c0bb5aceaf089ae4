"""The wires of AWS, Personalize and Evidently, as boto3 and the other SDKs speak them, on the gateway's own port."""

from gateway.aws.callers import Callers
from gateway.aws.control import ControlPlane
from gateway.aws.events import EventIntake
from gateway.aws.evidently import evidently_routes
from gateway.aws.protocol import Wire
from gateway.aws.rates import Rates
from gateway.aws.routes import aws_routes, aws_unrouted, below_any_path

__all__ = [
    "Callers",
    "ControlPlane",
    "EventIntake",
    "Rates",
    "Wire",
    "aws_routes",
    "aws_unrouted",
    "below_any_path",
    "evidently_routes",
]

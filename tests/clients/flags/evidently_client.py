"""boto3, which has dropped Evidently, with the service's model beside it."""

import json
import os
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ROW = os.environ["ROW"]
UNITS = [f"u{number}" for number in range(60)]


def client_of(url, key="any", secret="any", attempts=1):
    retries = {"mode": "standard", "total_max_attempts": attempts}
    config = Config(inject_host_prefix=False, retries=retries)
    keys = {"aws_access_key_id": key, "aws_secret_access_key": secret}
    return boto3.client("evidently", endpoint_url=url, region_name="us-east-1", config=config, **keys)


def error_of(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        return [error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]]
    return None


client = client_of(os.environ["URL"])
arms = {}
for _ in range(2):
    for unit in UNITS:
        told = client.evaluate_feature(project=ROW, feature=f"{ROW}-look", entityId=unit)
        arms[unit] = [told["variation"], json.loads(told["value"]["stringValue"]), told["reason"]]
names = ("dark", "boost", "places", "title", "list")
asked = [{"entityId": "tester", "feature": f"{ROW}-{name}"} for name in names]
results = client.batch_evaluate_feature(project=ROW, requests=asked)["results"]
types = {name: each["value"] for name, each in zip(names, results, strict=True)}
clicked = {"userDetails": {"userId": "u1"}, "details": {"clicks": 2.0}}
event = {"type": "aws.evidently.custom", "timestamp": time.time(), "data": json.dumps(clicked)}
wrong = {**event, "data": json.dumps({**clicked, "details": {"clicks": "many"}})}
put = client.put_project_events(project=ROW, events=[event, wrong])
missing = error_of(client.evaluate_feature, project=ROW, feature="nobody-knows", entityId="u1")
wrong_context = error_of(
    client.evaluate_feature, project=ROW, feature=f"{ROW}-look", entityId="u1", evaluationContext="[]"
)
large = {**event, "data": json.dumps({**clicked, "padding": "x" * 30_000})}
too_large = error_of(client.put_project_events, project=ROW, events=[large] * 40)
limited, asked = os.environ["LIMITED_URL"], {"project": ROW, "feature": f"{ROW}-look", "entityId": "u1"}
unknown = error_of(client_of(limited).evaluate_feature, **asked)
own = (ROW.replace("-", "_"), f"{ROW}-key")
hasty, patient = client_of(limited, *own), client_of(limited, *own, attempts=10)
often = next(filter(None, (error_of(hasty.evaluate_feature, **asked) for _ in range(100))))
waited = patient.evaluate_feature(**asked)["variation"] == arms["u1"][0]
failed = [each.get("errorCode") for each in put["eventResults"]]
errors = {"missing": missing, "unknown": unknown, "invalid": wrong_context, "large": too_large}
errors["limited"] = [*often, waited]
print(json.dumps({"arms": arms, "types": types, "failed": failed, **errors}))

"""The wires of AWS, Personalize and Evidently, as boto3 and the other SDKs speak them, on the gateway's own port."""

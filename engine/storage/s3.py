"""The client of S3, for `s3://` locations of data and for the storage of snapshots and models."""

from __future__ import annotations

from functools import cache
from typing import Any


def s3_client(**options: Any) -> Any:
    """Made when the first `s3://` location is opened: importing the SDK takes long, and most processes need none.
    `options` are botocore's."""
    import boto3
    import botocore.session
    from botocore.config import Config

    # path style, because an endpoint of one's own seldom has a host name for every bucket
    config = Config(
        s3={"addressing_style": "path"}, connect_timeout=10, retries={"mode": "standard", "total_max_attempts": 3}
    )
    session, loader = botocore.session.Session(), _loader()  # a new session finds the credentials as they are now
    session.register_component("data_loader", loader)
    client = boto3.session.Session(botocore_session=session).client("s3", config=config.merge(Config(**options)))
    loader.search_paths.pop()  # which boto3 lengthens with every session
    return client


@cache
def _loader() -> Any:
    """Reads the SDK's descriptions of services once in a process: most of the time that a client takes."""
    import botocore.session

    return botocore.session.Session().get_component("data_loader")

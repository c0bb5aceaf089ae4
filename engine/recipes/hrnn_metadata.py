"""HRNN-Metadata, withdrawn by AWS: HRNN, which learns from the metadata of users and items anyway."""

from dataclasses import replace

from engine.recipes import hrnn

RECIPE = replace(
    hrnn.RECIPE,
    name="aws-hrnn-metadata",
    description="Withdrawn by AWS: as aws-hrnn; metadata counts in both",
)

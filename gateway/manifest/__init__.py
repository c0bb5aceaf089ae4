"""Resources of Personalize as code: a file that declares them, the plan that leads there, and its steps done.

`read_manifest` reads a file, `plan` compares it with an inventory of what there is, `Application` does the plan's
steps, and `exported` writes a file of what there is. All of them ask a `ResourceClient`, local or far.
"""

from gateway.manifest.applying import Application
from gateway.manifest.client import NOT_FOUND, Call, OperationRefused, ResourceClient, is_busy, pages
from gateway.manifest.declared import ResourceFile
from gateway.manifest.exporting import as_yaml, exported
from gateway.manifest.inventory import Inventory
from gateway.manifest.planning import AGAIN, ApplyOptions, ApplyPlan, plan
from gateway.manifest.reading import ReadingOptions, read_manifest
from gateway.manifest.shapes import manifest_schema

__all__ = [
    "AGAIN",
    "NOT_FOUND",
    "Application",
    "ApplyOptions",
    "ApplyPlan",
    "Call",
    "Inventory",
    "OperationRefused",
    "ReadingOptions",
    "ResourceClient",
    "ResourceFile",
    "as_yaml",
    "exported",
    "is_busy",
    "manifest_schema",
    "pages",
    "plan",
    "read_manifest",
]

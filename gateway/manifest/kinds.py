"""The kinds of resources that a file can declare, a row each, in the order in which they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DATASET_TYPES = ("INTERACTIONS", "ITEMS", "USERS", "ACTIONS", "ACTION_INTERACTIONS")


@dataclass(frozen=True)
class ResourceKind:
    noun: str  # as the names of members begin: datasetGroup
    words: str
    parent: str = ""  # the noun of the kind whose part of the file it is in
    implied: str = ""  # the member of Create that its place in the file tells
    named_by: str = "name"
    is_single: bool = False  # one in its parent: a map in the file, not a list
    is_job: bool = False  # is done once, and can't be changed or deleted
    is_leaf: bool = False  # nothing hangs on it: it can be deleted and made anew
    has_tags: bool = True
    references: Mapping[str, str] = field(default_factory=dict)  # a member with an ARN -> the noun that it names
    changeable: tuple[str, ...] = ()  # members that Update takes, with a dot where they are a member's
    after: tuple[str, ...] = ()  # kinds in the same dataset group that must be there before it

    @property
    def title(self) -> str:
        return self.noun[0].upper() + self.noun[1:]

    @property
    def arn_member(self) -> str:
        return f"{self.noun}Arn"

    @property
    def key(self) -> str:
        """The key of the file that it is, or they are, declared under."""
        return self.noun if self.is_single else f"{self.noun}s"


RECIPE = {"recipeArn": "recipe"}
VERSION = "solutionVersionArn"
DATA = ("dataset",)
TRAINED = ("dataset", "datasetImportJob")

KINDS: dict[str, ResourceKind] = {
    kind.noun: kind
    for kind in (
        ResourceKind("schema", "schema", has_tags=False),
        ResourceKind("datasetGroup", "dataset group"),
        ResourceKind(
            "dataset",
            "dataset",
            "datasetGroup",
            "datasetGroupArn",
            references={"schemaArn": "schema"},
            changeable=("schemaArn",),
            after=("datasetGroup",),
        ),
        ResourceKind(
            "datasetImportJob", "import", "dataset", "datasetArn", named_by="jobName", is_job=True, after=DATA
        ),
        ResourceKind(
            "eventTracker",
            "event tracker",
            "datasetGroup",
            "datasetGroupArn",
            is_single=True,
            is_leaf=True,
            after=DATA,
        ),
        ResourceKind("filter", "filter", "datasetGroup", "datasetGroupArn", is_leaf=True, after=DATA),
        ResourceKind(
            "metricAttribution",
            "metric attribution",
            "datasetGroup",
            "datasetGroupArn",
            is_single=True,
            is_leaf=True,
            has_tags=False,
            changeable=("metrics", "metricsOutputConfig"),
            after=DATA,
        ),
        ResourceKind(
            "solution",
            "solution",
            "datasetGroup",
            "datasetGroupArn",
            references=RECIPE,
            changeable=(
                "performAutoTraining",
                "performIncrementalUpdate",
                "solutionConfig.autoTrainingConfig",
                "solutionConfig.eventsConfig",
            ),
            after=DATA,
        ),
        ResourceKind(
            "recommender",
            "recommender",
            "datasetGroup",
            "datasetGroupArn",
            is_leaf=True,
            references=RECIPE,
            changeable=("recommenderConfig",),
            after=TRAINED,
        ),
        ResourceKind(
            "solutionVersion",
            "solution version",
            "solution",
            "solutionArn",
            is_single=True,
            is_job=True,
            after=(*TRAINED, "solution"),
        ),
        ResourceKind(
            "campaign",
            "campaign",
            "solution",
            VERSION,
            changeable=("minProvisionedTPS", "campaignConfig", VERSION),
            after=("solutionVersion",),
        ),
        *(
            ResourceKind(
                noun,
                words,
                "solution",
                VERSION,
                named_by="jobName",
                is_job=True,
                references={"filterArn": "filter"},
                after=("solutionVersion", "filter"),
            )
            for noun, words in (
                ("batchInferenceJob", "batch inference job"),
                ("batchSegmentJob", "batch segment job"),
            )
        ),
    )
}
ORDER = {noun: place for place, noun in enumerate(KINDS)}
DELETABLE = ("campaign", "recommender", "metricAttribution", "eventTracker", "filter", "solution", "dataset")


def parts_of(noun: str) -> dict[str, ResourceKind]:
    """The kinds that are declared inside one, or at the top for "", by their keys in the file."""
    return {kind.key: kind for kind in KINDS.values() if kind.parent == noun}

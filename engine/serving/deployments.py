"""The models that answer: every campaign's and recommender's, loaded and ready, swapped whole when it changes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from engine.arns import name_of
from engine.cohorts.cohorts import EVERYONE, CohortLists, cohorts_of
from engine.control.tag_settings import (
    diversity_in,
    fatigue_in,
    hidden_items_in,
    negative_events_in,
    objective_in,
    rules_in,
)
from engine.data.columns import NO_IDS, Floats, Ints
from engine.data.log import LogEntry
from engine.data.negative_events import NegativeEvents, event_parameters
from engine.errors import Damaged, InvalidInput, NotFound, RecipeFault, StorageFault, Unavailable
from engine.filters import CompiledFilter, items_left_out
from engine.nearest.shortlist import Shortlisting
from engine.question import Diversity, Fatigue, ServingObjective
from engine.rank.explore import Exploration
from engine.recipe import Model, Recipe, Scorer
from engine.recipes import RECIPES
from engine.records import CampaignRecord, DatasetGroupRecord, RecommenderRecord, Records, SolutionVersionRecord
from engine.rules.rules import RuleBook
from engine.serving import artifacts
from engine.serving.likeness import ModelVectors
from engine.serving.unwanted import AlikeItems
from engine.storage.artifact_store import ArtifactStore
from engine.use_cases import USE_CASES, UseCase

log = logging.getLogger(__name__)


Deployable = CampaignRecord | RecommenderRecord


@dataclass(frozen=True)
class Deployed:
    """One campaign or recommender, ready to answer. `model` names what answers, for example `for-you/1a2b3c4d`."""

    campaign: Deployable
    group_uid: str
    group_arn: str
    recipe: Recipe[Any]
    scorer: Scorer
    model: str
    trained_at: float
    folder: Path  # of the model
    seq: int  # of the snapshot it was trained on: an older one may call other items by the same ids
    absent: Ints = field(default_factory=lambda: NO_IDS)  # items that were but names when it was trained
    use_case: UseCase | None = None  # of a recommender
    group_tags: Mapping[str, str] = field(default_factory=dict)
    event_parameters: Sequence[Mapping[str, Any]] = ()  # of its eventsConfig
    cohorts: Mapping[int, CohortLists] = field(default_factory=dict)  # by how many there are to be

    def answering_with(self, model: Model) -> Deployed:
        """The same with another model, made from its own."""
        seq, absent = model.about.get("seq", 0), np.array(model.about.get("absent", []), np.int32)
        scorer = self.recipe.ready(model)
        cohorts = cohorts_of(model, scorer, self.model)
        return replace(self, scorer=scorer, seq=seq, absent=absent, cohorts=cohorts)

    def divided(self, count: int) -> CohortLists:
        """Its users in so many cohorts, or the most below that it has. Raises `NotFound` where it has none."""
        fitting = [each for each in self.cohorts if each <= count]
        if not fitting:
            raise NotFound(f"The model {self.model} was trained without cohorts.")
        return self.cohorts[max(fitting)]

    def cohort_scores(self, cohort: str) -> Floats:
        """(items of the model,) the list of a cohort. Raises `NotFound` where this model has no such cohort."""
        for each in self.cohorts.values():
            if (number := each.number_of(cohort)) is not None:
                return each.scores(number)
        raise NotFound(f"The model {self.model} has no cohort {cohort}.")

    def has_cohort(self, cohort: str) -> bool:
        return cohort == EVERYONE or any(each.number_of(cohort) is not None for each in self.cohorts.values())

    @cached_property
    def shortlisting(self) -> Shortlisting | None:
        """The scorer, if it is one that may have an index: to look whether it is takes as long as a few sums."""
        scorer = cast(object, self.scorer)
        return scorer if isinstance(scorer, Shortlisting) else None

    @cached_property
    def fatigue(self) -> Fatigue | None:
        """The rule of its tag; None where lists may be shown as often as they are asked for."""
        rule = fatigue_in(self.campaign.tags)
        return rule if rule is not None and rule.shown else None

    @cached_property
    def negative_events(self) -> NegativeEvents:
        """The event types of its dataset group and its eventsConfig that say what users do not want."""
        return NegativeEvents.of(negative_events_in(self.group_tags), self.event_parameters)

    @cached_property
    def hidden(self) -> tuple[str, ...]:
        """The items that its dataset group's tag takes out of every list."""
        return hidden_items_in(self.group_tags) if self.recipe.ranks_items else ()

    @cached_property
    def hiding(self) -> CompiledFilter | None:
        """The filter that does so; None where nothing is hidden."""
        return items_left_out(self.hidden) if self.hidden else None

    @cached_property
    def alike(self) -> AlikeItems:
        return AlikeItems(self.scorer, self.recipe.kind, gives_logits=self.gives_logits)

    @cached_property
    def gives_logits(self) -> bool:
        """True where scores are logits: a softmax of them is a share of choices. Others are taken for odds."""
        return (self.recipe if self.use_case is None else RECIPES[self.use_case.trains]).scores

    @cached_property
    def objective(self) -> ServingObjective | None:
        """The objective of its tag; a question may bring another."""
        return objective_in(self.campaign.tags)

    @cached_property
    def rules(self) -> RuleBook | None:
        """The merchandising rules of its tag; None: it has none."""
        rules = rules_in(self.campaign.tags)
        return None if rules is None else RuleBook(rules)

    @cached_property
    def exploration(self) -> Exploration | None:
        """The exploration of its itemExplorationConfig, or of its recipe; None where the recipe does not explore."""
        usual = self.recipe.exploration
        return usual and usual.configured(self.campaign.campaign_config.get("itemExplorationConfig", {}))

    @cached_property
    def diversity(self) -> Diversity | None:
        """The setting of its tags, which were checked when they were given."""
        return diversity_in(self.campaign.tags)

    @cached_property
    def item_vectors(self) -> ModelVectors | None:
        """The model's vectors of its items, read from its folder when a list first needs them."""
        return ModelVectors.stored(self.folder)


def model_path(version_arn: str, group_uid: str) -> str:
    """The path of a solution version's artifact: the last two segments of its ARN below its group."""
    solution, version = version_arn.rsplit("/", 2)[-2:]
    return f"models/{group_uid}/{solution}/{version}"


def beside(path: str, name: str) -> str:
    """The path of another name in the same folder."""
    return f"{path.rpartition('/')[0]}/{name}"


def model_arn(record: SolutionVersionRecord | RecommenderRecord) -> str:
    """The ARN of a model of its own: a version's is its record's; "" for a recommender that has none yet."""
    return record.arn if isinstance(record, SolutionVersionRecord) else record.solution_version_arn


def own_path(record: SolutionVersionRecord | RecommenderRecord, group_uid: str) -> str:
    """The path of the model of a version or recommender, as it was trained."""
    path = model_path(model_arn(record), group_uid)
    folder = record.model_folder if isinstance(record, SolutionVersionRecord) else ""
    return beside(path, folder) if folder else path


def items_path(record: SolutionVersionRecord | RecommenderRecord, group_uid: str) -> str:
    """The path of the model that answers for a version or recommender: its own, or one that knows later items too."""
    own = own_path(record, group_uid)
    return beside(own, record.items_folder) if record.items_folder else own


class Arrivals(Protocol):
    """The way of models to this machine: see `engine.feed.fetcher.Fetcher`."""

    def want(self, key: str, path: str, news: Sequence[LogEntry]) -> None: ...

    def drop(self, key: str) -> None: ...

    def is_waiting(self, key: str) -> bool: ...


class Deployments:
    def __init__(
        self,
        store: ArtifactStore,
        records: Records,
        arrivals: Arrivals | None = None,
        snapshot_seq: Callable[[str], int | None] = lambda _: None,
    ) -> None:
        """Without `arrivals` what is not here is fetched by whoever needs it. `snapshot_seq` says how far a dataset
        group's snapshot goes that this process answers from."""
        self._store, self._records, self._arrivals, self._snapshot_seq = store, records, arrivals, snapshot_seq
        self._ready: dict[str, Deployed] = {}
        self._late: dict[str, str] = {}  # whose models wait for newer data -> the uid of its group

    def load_all(self) -> None:
        everything: list[Deployable] = [*self._records.list(CampaignRecord), *self._records.list(RecommenderRecord)]
        self._fetch_all([each for each in everything if each.deleted_at is None and not is_resting(each)])
        for each in everything:
            self.reload(each.arn)

    def _fetch_all(self, records: Sequence[Deployable]) -> None:
        """Fetch what is not here yet, until the storage fails: what is left comes behind the follower's back."""
        with suppress(StorageFault):
            for each in records:
                with suppress(Damaged, NotFound, OSError):  # the fetcher tells when it tries again
                    self._store.fetch(self._path(each))

    def reload(self, arn: str) -> None:
        """Answer with what the record says now; a model that can't be loaded leaves the earlier one answering."""
        record = self.record(arn)
        self._late.pop(arn, None)
        if record is None or is_resting(record):
            self._ready.pop(arn, None)
            self._arrived(arn)
            return
        try:
            deployed = self._at_hand(record)
            if deployed is not None:
                self._ready[arn] = deployed
        except RecipeFault as error:
            log.error("the model of %s can't be loaded: %s", arn, error)
        except (Unavailable, OSError) as error:
            log.error(
                "the model of %s can't be loaded: %s; restore its files from a backup, or train again", arn, error
            )
        except Exception:  # whatever is wrong with one model, the others must answer
            log.exception("the model of %s can't be loaded", arn)

    def _at_hand(self, record: Deployable) -> Deployed | None:
        """What answers for the record; None where its model, or the data that this was trained on, is yet to come."""
        path = self._path(record)
        folder = self._store.local(path)
        if folder is None and self._arrivals is not None:
            self._await(record, path)
            return None
        self._arrived(record.arn)
        same = next((each for each in self.all() if each.folder == folder), None)  # its own, or another campaign's
        if same is not None:
            return self._with_record(same, record)
        deployed, before = self.load(record), self._ready.get(record.arn)
        seq = self._snapshot_seq(deployed.group_uid)
        if before is not None and seq is not None and before.seq <= seq < deployed.seq:
            self._late[record.arn] = deployed.group_uid
            return None
        return deployed

    def _await(self, record: Deployable, path: str) -> None:
        assert self._arrivals is not None
        group = self._records.get(record.dataset_group_arn, DatasetGroupRecord)
        news = [LogEntry("", "record", record.arn, b""), LogEntry(group.uid, "deploy", record.arn, b"")]
        self._arrivals.want(record.arn, path, news)

    def _arrived(self, arn: str) -> None:
        if self._arrivals is not None:
            self._arrivals.drop(arn)

    def is_late(self, arn: str) -> bool:
        """True while an earlier model answers: the newer one, or its data, is yet to come to this machine."""
        return arn in self._late or (self._arrivals is not None and self._arrivals.is_waiting(arn))

    def reload_late(self, group_uid: str) -> None:
        """Answer with models of a dataset group that were here before the data that they were trained on."""
        for arn in [arn for arn, uid in self._late.items() if uid == group_uid]:
            self.reload(arn)

    def reload_group(self, group_arn: str) -> None:
        """Answer with what a dataset group's record says now."""
        for each in self.all():
            if each.group_arn == group_arn:
                self.reload(each.campaign.arn)

    def _with_record(self, deployed: Deployed, record: Deployable) -> Deployed:
        tags = self._records.get(record.dataset_group_arn, DatasetGroupRecord).tags
        return replace(deployed, campaign=record, group_tags=tags)

    def get(self, arn: str, account: str) -> Deployed:
        """Raises `NotFound` for a campaign or recommender that the account doesn't have, `Unavailable` for one whose
        model did not load, and `InvalidInput` for a recommender that does not answer at present."""
        deployed = self._ready.get(arn)
        if deployed is not None and deployed.campaign.account == account:
            return deployed
        record = self.record(arn)
        if record is None or record.account != account:
            own = (each.campaign.name for each in self.all() if each.campaign.account == account)
            names = ", ".join(sorted(own)) or "none"
            raise NotFound(f"Resource Arn {arn} does not exist. Deployed campaigns: {names}.")
        if is_resting(record):
            raise InvalidInput(f"The recommender {arn} does not answer: it is in {record.status} state.")
        raise Unavailable(f"The model of {arn} is not loaded yet.")

    def find(self, arn: str) -> Deployed | None:
        return self._ready.get(arn)

    def all(self) -> list[Deployed]:
        return list(self._ready.values())

    def record(self, arn: str) -> Deployable | None:
        record = self._records.find(arn, CampaignRecord) or self._records.find(arn, RecommenderRecord)
        return None if record is None or record.deleted_at is not None else record

    def recipe_of(self, record: Deployable) -> Recipe[Any]:
        if isinstance(record, RecommenderRecord):
            return USE_CASES[name_of(record.recipe_arn)].recipe
        version = self._records.get(record.solution_version_arn, SolutionVersionRecord)
        return RECIPES[name_of(version.recipe_arn)]

    def load(self, record: Deployable) -> Deployed:
        """The model of a campaign or recommender that may be stored or not. Raises whatever is wrong with it."""
        group = self._records.get(record.dataset_group_arn, DatasetGroupRecord)
        folder, model = self._newest(record)
        if isinstance(record, RecommenderRecord):
            use_case = USE_CASES[name_of(record.recipe_arn)]
            recipe, model_name, trained_at = use_case.recipe, name_of(record.solution_version_arn), record.trained_at
            events: Sequence[Mapping[str, Any]] = ()
        else:
            version = self._records.get(record.solution_version_arn, SolutionVersionRecord)
            use_case, recipe = None, RECIPES[name_of(version.recipe_arn)]
            model_name, trained_at = version.name, version.last_updated_date_time
            events = event_parameters(version.solution_config)
        scorer = recipe.ready(model)
        return Deployed(
            campaign=record,
            group_uid=group.uid,
            group_arn=group.arn,
            recipe=recipe,
            scorer=scorer,
            model=model_name,
            trained_at=trained_at,
            folder=folder,
            seq=model.about.get("seq", 0),
            absent=np.array(model.about.get("absent", []), np.int32),
            use_case=use_case,
            group_tags=group.tags,
            event_parameters=events,
            cohorts=cohorts_of(model, scorer, model_name),
        )

    def _newest(self, record: Deployable) -> tuple[Path, Model]:
        path = self._path(record)
        while True:
            try:
                folder = self._store.fetch(path)
                return folder, artifacts.load(folder)
            except FileNotFoundError:
                missed, path = path, self._path(self.record(record.arn) or record)
                if path == missed:  # else a newer one came, and this one went, while we read
                    raise

    def _path(self, record: Deployable) -> str:
        group = self._records.get(record.dataset_group_arn, DatasetGroupRecord)
        if isinstance(record, RecommenderRecord):
            return items_path(record, group.uid)
        version = self._records.get(record.solution_version_arn, SolutionVersionRecord)
        return items_path(version, group.uid)


def is_resting(record: Deployable) -> bool:
    """A recommender that is stopped, or has no model yet."""
    return isinstance(record, RecommenderRecord) and (record.status == "INACTIVE" or not record.solution_version_arn)

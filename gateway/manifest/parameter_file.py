"""Parameter files of AWS's solution "Maintaining Personalized Experiences with Machine Learning", which was retired in
October 2025: one JSON file a dataset group, taken as they are.

Schedules of trainings become automatic training. Other schedules are for cron to keep, which a note says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.document.report import choices, inside
from gateway.manifest.builder import DeclarationBuilder
from gateway.manifest.declared import Key
from gateway.manifest.places import DataPlaces
from gateway.manifest.schedules import days_between

ANY: Any = None
MEMBERS = "members"  # a map of the members that an operation takes, which are checked later
SERVICE = {"serviceConfig": MEMBERS}
DATASET = {"dataset": SERVICE, "schema": SERVICE}
TYPES = {"interactions": "INTERACTIONS", "items": "ITEMS", "users": "USERS"}
JOB = {**SERVICE, "workflowConfig": {"schedule": ANY, "maxAge": ANY}}
BATCHES = {"batchInferenceJobs": "batchInferenceJob", "batchSegmentJobs": "batchSegmentJob"}
SCHEDULES = {"import": ANY, "full": ANY, "update": ANY, "maxAge": ANY}
WORKFLOW = {"schedules": SCHEDULES, "maxAge": ANY}
KEYS: dict[str, Any] = {
    "tags": ANY,
    "datasetGroup": {**SERVICE, "workflowConfig": WORKFLOW},
    "datasets": {**SERVICE, "workflowConfig": WORKFLOW, **dict.fromkeys(TYPES, DATASET)},
    "eventTracker": SERVICE,
    "filters": [SERVICE],
    "recommenders": [{**SERVICE, "workflowConfig": WORKFLOW}],
    "solutions": [
        {
            **SERVICE,
            "workflowConfig": WORKFLOW,
            "campaigns": [SERVICE],
            "recommenders": [SERVICE],
            **{key: [JOB] for key in BATCHES},
        }
    ],
}
SERVICE_PLACE = "serviceConfig"
LONGEST = 63  # characters of a name


class ParameterFile:
    def __init__(self, builder: DeclarationBuilder, places: DataPlaces) -> None:
        self._builder, self._report, self._places = builder, builder.report, places
        self._data: Mapping[str, Any] = {}
        self._group: Key = ("datasetGroup", "")

    def read(self, data: Mapping[str, Any]) -> None:
        self._check_keys(data, KEYS, "")
        if self._report.faults:
            return
        self._data = data
        group = self._service(data["datasetGroup"], "datasetGroup", "datasetGroup")
        self._group = self._builder.add("datasetGroup", *group)
        self._read_datasets(data.get("datasets") or {})
        if "eventTracker" in data:
            self._builder.add(
                "eventTracker", *self._service(data["eventTracker"], "eventTracker", "eventTracker"), self._group
            )
        for noun in ("filter", "recommender"):
            self._read_list(noun, data, "", self._group)
        for at, solution in enumerate(data.get("solutions") or ()):
            self._read_solution(solution, f"solutions[{at}]")

    # ---- the parts

    def _read_datasets(self, datasets: Mapping[str, Any]) -> None:
        imports: dict[str, Any] = datasets.get(SERVICE_PLACE) or {}
        schedules = (
            ("datasetGroup.workflowConfig", self._data["datasetGroup"].get("workflowConfig")),
            ("datasets.workflowConfig", datasets.get("workflowConfig")),
        )
        for place, workflow in schedules:
            self._note_workflow(workflow or {}, place, "import")
        for named, dataset_type in TYPES.items():
            if named in datasets:
                self._read_dataset(named, dataset_type, datasets[named], imports)

    def _read_dataset(self, named: str, dataset_type: str, part: Mapping[str, Any], imports: dict[str, Any]) -> None:
        place = f"datasets.{named}"
        for key in ("schema", "dataset"):
            if key not in part:
                self._report.refuse(place, f"{key!r} is missing")
                return
        schema, schema_place = self._service(part["schema"], "schema", f"{place}.schema")
        self._builder.add("schema", schema, schema_place)
        rest = {"datasetType": dataset_type, "schemaArn": schema.get("name", "")}
        members, where = self._service(part["dataset"], "dataset", f"{place}.dataset")
        dataset = self._builder.add("dataset", {**members, **rest}, where, self._group)
        location = self._places.dataset(self._group[1], named)
        if location is None:
            self._report.warn(
                place, f"there is no {named}.csv or {named}/ in {self._places.place}: nothing to import; --files PLACE"
            )
            return
        job, job_place = self._service({SERVICE_PLACE: imports}, "datasetImportJob", "datasets")
        job = {
            "jobName": f"{self._group[1]}-{named}"[-LONGEST:].lstrip("-_"),
            **job,
            "dataSource": {"dataLocation": location},
        }
        self._builder.add("datasetImportJob", job, job_place, dataset, derived=True)

    def _read_solution(self, solution: Mapping[str, Any], place: str) -> None:
        service = dict(solution.get(SERVICE_PLACE) or {})
        version = service.pop("solutionVersion", None) or {}
        inner = inside(place, SERVICE_PLACE)
        if service.get("performAutoML") and service.get("recipeArn"):
            self._report.warn(inside(inner, "performAutoML"), "is left out: the recipe is chosen by recipeArn")
            del service["performAutoML"]
        members, _ = self._service({SERVICE_PLACE: service}, "solution", place)
        trains = self._training(solution.get("workflowConfig") or {}, inside(place, "workflowConfig"))
        config = {**trains.pop("solutionConfig", {}), **members.get("solutionConfig", {})}
        members = {**trains, **members, **({"solutionConfig": config} if config else {})}
        key = self._builder.add("solution", members, inner, self._group)
        trained = self._builder.members("solutionVersion", self._tagged(version), inside(inner, "solutionVersion"))
        self._builder.add("solutionVersion", {"trainingMode": "FULL", **trained}, inner, key)
        self._read_list("recommender", solution, place, self._group)
        for at, campaign in enumerate(solution.get("campaigns") or ()):
            self._read_campaign(campaign, inside(place, "campaigns", at), key, bool(members["performAutoTraining"]))
        for name, noun in BATCHES.items():
            for at, job in enumerate(solution.get(name) or ()):
                self._read_batch(noun, job, inside(place, name, at), key, at)

    def _read_campaign(self, campaign: Mapping[str, Any], place: str, solution: Key, is_trained_again: bool) -> None:
        """The retired solution moved campaigns to each new version: they sync with the latest one."""
        members, where = self._service(campaign, "campaign", place)
        if is_trained_again:
            sync = {"syncWithLatestSolutionVersion": True}
            members["campaignConfig"] = {**sync, **members.get("campaignConfig", {})}
        self._builder.add("campaign", members, where, solution)

    def _read_batch(self, noun: str, job: Mapping[str, Any], place: str, solution: Key, at: int) -> None:
        _, group, name = solution
        self._note_workflow(job.get("workflowConfig") or {}, inside(place, "workflowConfig"), "batch")
        source = self._places.questions(group, name)
        if source is None:
            self._report.warn(
                place, f"there is no batch/{group}/{name}/job_config.json by {self._places.place}: no job is made"
            )
            return
        members, where = self._service(job, noun, place)
        named = f"batch-{name}"[:LONGEST] if at == 0 else f"batch-{name}"[: LONGEST - 3] + f"_{at + 1}"
        members = {
            "jobName": named,
            **members,
            "jobInput": {"s3DataSource": {"path": source}},
            "jobOutput": {"s3DataDestination": {"path": self._places.answers(group, name, named)}},
        }
        self._builder.add(noun, members, where, solution, derived=True)

    def _read_list(self, noun: str, data: Mapping[str, Any], place: str, parent: Key) -> None:
        for at, part in enumerate(data.get(f"{noun}s") or ()):
            self._builder.add(noun, *self._service(part, noun, inside(place, f"{noun}s", at)), parent)

    # ---- schedules

    def _training(self, workflow: Mapping[str, Any], place: str) -> dict[str, Any]:
        """The members of a solution that train it by its schedule."""
        schedules = workflow.get("schedules") or {}
        if "update" in schedules:
            self._report.warn(
                inside(place, "schedules", "update"), "is not needed: deployed models take in new items by themselves"
            )
        self._note_age(workflow, place)
        full = schedules.get("full")
        if full is None:
            return {"performAutoTraining": False}
        where = inside(place, "schedules", "full")
        try:
            days = days_between(str(full))
        except ValueError as error:
            self._report.refuse(where, str(error))
            return {"performAutoTraining": False}
        rate = f"rate({days} day{'s' if days > 1 else ''})"
        self._report.warn(where, f"{full} becomes {rate}, from the first training on")
        return {
            "performAutoTraining": True,
            "solutionConfig": {"autoTrainingConfig": {"schedulingExpression": rate}},
        }

    def _note_workflow(self, workflow: Mapping[str, Any], place: str, again: str) -> None:
        schedules = {"schedule": workflow["schedule"]} if "schedule" in workflow else workflow.get("schedules") or {}
        for key, expression in schedules.items():
            where = inside(place, *(("schedule",) if key == "schedule" else ("schedules", key)))
            try:
                days_between(str(expression))
            except ValueError as error:
                self._report.refuse(where, str(error))
                continue
            command = f"`recgate apply FILE --again {again}`"
            self._report.warn(where, f"{expression} is not kept here: let cron run {command} by it")
        self._note_age(workflow, place)

    def _note_age(self, workflow: Mapping[str, Any], place: str) -> None:
        if "maxAge" in workflow:
            self._report.warn(inside(place, "maxAge"), "has no meaning here: what is done is done again by --again")

    # ---- keys, members and tags

    def _service(self, part: Mapping[str, Any], noun: str, place: str) -> tuple[dict[str, Any], str]:
        """The members of a part's serviceConfig, with the file's tags where it has none, and their place."""
        where = inside(place, SERVICE_PLACE)
        service = part.get(SERVICE_PLACE)
        tagged = service if noun == "schema" else self._tagged(service or {})
        return self._builder.members(noun, tagged, where), where

    def _tagged(self, service: Any) -> Any:
        tags = self._data.get("tags")
        return service if not tags or not isinstance(service, dict) else {"tags": tags, **service}

    def _check_keys(self, data: object, keys: Any, place: str) -> None:
        """Reports keys that a parameter file can't have, and parts of another form."""
        if keys is ANY or (keys is MEMBERS and isinstance(data, Mapping | None)):
            return
        if isinstance(keys, list):
            if not isinstance(data, list):
                self._report.refuse(place, "must be a list")
                return
            for at, each in enumerate(data):
                self._check_keys(each, keys[0], inside(place, at))
        elif not isinstance(data, Mapping):
            self._report.refuse(place, "must be a map of keys")
        else:
            for key, value in data.items():
                if key in keys:
                    self._check_keys(value, keys[key], inside(place, key))
                else:
                    self._report.refuse(place, f"there is no {key!r} here; {choices(key, keys)}", key)

"""What artist_sim keeps on Kubeflow Pipelines: a pipeline with its versions, schedules and runs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any, Final

from pipeline.home import DEPLOYED_NAME
from pipeline.kubeflow_client import (
    AlreadyThere,
    KubeflowClient,
    KubeflowError,
    NotFound,
    filter_of,
)
from pipeline.kubeflow_records import (
    FINISHED,
    Deployed,
    KubeflowRun,
    KubeflowSchedule,
    Order,
    Version,
    required,
)

_NEWEST_FIRST: Final = "created_at desc"


class TwoAtOnce(KubeflowError):
    """What is asked for would let a second run go beside another."""


class Deployment:
    """The pipeline `artist-sim` of one installation, in the namespace of the client.

    Every method raises KubeflowError where there is no usable answer.
    """

    def __init__(self, client: KubeflowClient):
        self._client = client
        self._within = {"namespace": client.namespace} if client.namespace else {}
        self._known_id = ""

    def pipeline_id(self) -> str:
        """Of the pipeline; raises NotFound where nothing is deployed."""
        if not self._known_id:
            try:
                found = self._client.get(f"/pipelines/names/{DEPLOYED_NAME}", **self._within)
            except NotFound:
                raise NotFound(
                    f"There is no pipeline '{DEPLOYED_NAME}' at {self._client.host}; upload it "
                    "with `artist-sim kubeflow deploy`."
                ) from None
            self._known_id = required(found, "pipeline_id")
        return self._known_id

    def deploy(self, package: str, name: str) -> Deployed:
        """Uploads a package as a version, unless there is one of that name.

        Args:
          package: the YAML.
          name: of the version; no two packages may have the same.
        """
        first = self._ensure_pipeline()
        version, uploaded = self._find_version(name), False
        if version is None:
            sent = {"pipelineid": self.pipeline_id(), "name": name}
            try:
                answer = self._client.upload(
                    "/pipelines/upload_version", package, sent, f"{name}.yaml"
                )
                version, uploaded = Version.of(answer), True
            except AlreadyThere:
                # Another deployment was quicker, with the same package.
                version = self.version(name)
        return Deployed(version, uploaded, first, self.newest_version())

    def _ensure_pipeline(self) -> bool:
        try:
            self.pipeline_id()
            return False
        except NotFound:
            pass
        # Not `/pipelines/upload`: it would call the first version like the pipeline. And no `name`,
        # which is `display_name` by default, and which back ends before 2.14 do not know.
        body = {"display_name": DEPLOYED_NAME, **self._within}
        try:
            self._client.post("/pipelines", body)
        except AlreadyThere:
            return False
        return True

    def version(self, name: str) -> Version:
        """The version of that name; raises NotFound."""
        version = self._find_version(name)
        if version is None:
            raise NotFound(
                f"There is no version '{name}' of the pipeline '{DEPLOYED_NAME}' at "
                f"{self._client.host}; upload it with `artist-sim kubeflow deploy`."
            )
        return version

    def newest_version(self) -> Version:
        """The version that was uploaded last; raises NotFound."""
        newest = next(self._versions(sort_by=_NEWEST_FIRST), None)
        if newest is None:
            raise NotFound(
                f"The pipeline '{DEPLOYED_NAME}' at {self._client.host} has no version yet; upload "
                "one with `artist-sim kubeflow deploy`."
            )
        return newest

    def version_names(self) -> dict[str, str]:
        """The names of all versions by id."""
        return {one.id: one.name for one in self._versions()}

    def _find_version(self, name: str) -> Version | None:
        found = self._versions(filter=_equals("name", name))
        # The back end does not mind the case.
        return next((one for one in found if one.name == name), None)

    def _versions(self, **parameters: str) -> Iterator[Version]:
        path = f"/pipelines/{self.pipeline_id()}/versions"
        return map(Version.of, self._client.items(path, "pipeline_versions", **parameters))

    def package(self, version: Version) -> dict[str, Any]:
        """The PipelineSpec of a version, as JSON."""
        path = f"/pipelines/{self.pipeline_id()}/versions/{version.id}"
        found = self._client.get(path).get("pipeline_spec") or {}
        # Where a second document mounts a volume, the back end gives both.
        spec: dict[str, Any] = found.get("pipeline_spec", found)
        return spec

    def going_runs(self) -> list[KubeflowRun]:
        """All runs of the pipeline that have not come to an end, whoever started them."""
        predicates = [_predicate("NOT_EQUALS", "state", state) for state in FINISHED]
        return [run for run in self._runs(filter=filter_of(*predicates)) if run.going]

    def last_runs(self, count: int) -> list[KubeflowRun]:
        """The newest runs, the newest last, those that failed with their reasons."""
        newest = list(itertools.islice(self._runs(sort_by=_NEWEST_FIRST), count))
        return [self._explained(run) for run in reversed(newest)]

    def _runs(self, **parameters: str) -> Iterator[KubeflowRun]:
        schedules = {one.id for one in self.schedules()}
        for given in self._client.items("/runs", "runs", **parameters, **self._within):
            run = KubeflowRun.of(given)
            # What a schedule started need not name the pipeline.
            if run.pipeline_id == self.pipeline_id() or run.schedule_id in schedules:
                yield run

    def _explained(self, run: KubeflowRun) -> KubeflowRun:
        if run.state != "FAILED" or run.reason:
            return run
        # Lists may come without the details of runs.
        return KubeflowRun.of(self._client.get(f"/runs/{run.id}"))

    def start_run(self, order: Order) -> KubeflowRun:
        """Starts a run, if there is no other.

        Looking and starting are two requests. So it looks again: of two that were started in one
        moment each sees the other, and ends itself rather than that both go on.

        Raises:
          TwoAtOnce: there is another.
        """
        self._refuse_second_run()
        name = f"{DEPLOYED_NAME} by hand {datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S}"
        run = KubeflowRun.of(self._client.post("/runs", self._body(name, order)))
        try:
            others = [one for one in self.going_runs() if one.id != run.id]
        except KubeflowError as error:
            raise KubeflowError(
                f"Run {run.id} was started, but whether it is the only one could not be seen: "
                f"{error}"
            ) from None
        if not others:
            return run
        try:
            self._client.post(f"/runs/{run.id}:terminate")
        except KubeflowError as error:
            raise TwoAtOnce(
                f"Run {run.id} could not be ended again, and goes on beside run {others[0].id}; "
                f"end one of them in the user interface: {error}"
            ) from None
        raise TwoAtOnce(
            f"{_told(others[0])} was started in the same moment, so run {run.id} was ended again; "
            "wait for that one, and see `artist-sim kubeflow runs`."
        )

    def _refuse_second_run(self) -> None:
        for run in self.going_runs():
            raise TwoAtOnce(
                f"{_told(run)} is going, and two at once must not be; wait for it, or end it in "
                "the user interface."
            )

    def schedules(self) -> list[KubeflowSchedule]:
        """All schedules of the pipeline, the oldest first, whoever made them."""
        found = self._client.items(
            "/recurringruns", "recurringRuns", sort_by="created_at asc", **self._within
        )
        ours = self.pipeline_id()
        return [one for one in map(KubeflowSchedule.of, found) if one.pipeline_id == ours]

    def schedule(self, name: str | None) -> KubeflowSchedule:
        """The schedule of that name, or the only one; raises NotFound."""
        there = self.schedules()
        found = [one for one in there if name is None or one.name == name]
        if len(found) == 1:
            return found[0]
        names = ", ".join(f"'{one.name}'" for one in there)
        if not there:
            said = "There is no schedule; `artist-sim kubeflow schedule --cron …` sets one."
        elif not found:
            said = f"There is no schedule '{name}', but {names}; name one that there is."
        elif name is None:
            said = f"There are several schedules, {names}; name one."
        else:
            said = f"There are {len(found)} schedules '{name}'; delete one in the user interface."
        raise NotFound(said)

    def create_schedule(
        self, name: str, cron: str, order: Order, replaced: KubeflowSchedule | None = None
    ) -> KubeflowSchedule:
        """Makes a schedule, in place of another if one is given.

        The new one is there, paused, before the old one is gone, and only then may it start runs:
        at no moment are there two that do, and nothing is lost where this is broken off.

        Raises:
          TwoAtOnce: another schedule is enabled, or, where one is replaced, a run is going: the new
            one would not wait for it.
        """
        self._refuse_second_schedule(replaced)
        if replaced:
            self._refuse_second_run()
        body = self._body(name, order) | {
            "trigger": {"cron_schedule": {"cron": cron}},
            "mode": "DISABLE" if replaced else "ENABLE",
            # One run at a time; of those that were missed, only the last. There is no word for
            # caching here: it is off in the package, step by step.
            "max_concurrency": "1",
            "no_catchup": True,
        }
        made = KubeflowSchedule.of(self._client.post("/recurringruns", body))
        if replaced:
            self.delete_schedule(replaced)
            self.resume_schedule(made)
        return made

    def pause_schedule(self, schedule: KubeflowSchedule) -> None:
        """Lets a schedule start no more runs; one that is going goes on."""
        self._client.post(f"/recurringruns/{schedule.id}:disable")

    def resume_schedule(self, schedule: KubeflowSchedule) -> None:
        """Lets a schedule start runs again; raises TwoAtOnce if another one does."""
        self._refuse_second_schedule(schedule)
        self._client.post(f"/recurringruns/{schedule.id}:enable")

    def delete_schedule(self, schedule: KubeflowSchedule) -> None:
        """Takes a schedule away; a run of it goes on, where the back end is newer than 2.15."""
        # Without that, Kubernetes ends the runs that it owns (kubeflow/pipelines#12573).
        self._client.delete(f"/recurringruns/{schedule.id}", propagation_policy="ORPHAN")

    def _refuse_second_schedule(self, but: KubeflowSchedule | None) -> None:
        """A schedule waits for its own runs alone, so that two would not wait for each other."""
        for other in self.schedules():
            if other.enabled and (but is None or other.id != but.id):
                raise TwoAtOnce(
                    f"The schedule '{other.name}' ({other.cron}) is there and enabled, and the "
                    "runs of two would not wait for each other; pause or delete it first."
                )

    def _body(self, name: str, order: Order) -> dict[str, Any]:
        """What a run and a schedule have in common."""
        body: dict[str, Any] = {
            "display_name": name,
            "experiment_id": self._experiment_id(),
            "pipeline_version_reference": {
                "pipeline_id": self.pipeline_id(),
                "pipeline_version_id": order.version.id,
            },
            "runtime_config": {"parameters": dict(order.parameters)},
        }
        return body | ({"service_account": order.service_account} if order.service_account else {})

    def _experiment_id(self) -> str:
        """Of the experiment that holds our runs: with several users, a run needs one."""
        wanted = _equals("display_name", DEPLOYED_NAME)
        found = self._client.items("/experiments", "experiments", filter=wanted, **self._within)
        for experiment in found:
            if experiment.get("display_name") == DEPLOYED_NAME:
                return required(experiment, "experiment_id")
        body = {"display_name": DEPLOYED_NAME, **self._within}
        return required(self._client.post("/experiments", body), "experiment_id")


def _equals(key: str, value: str) -> str:
    return filter_of(_predicate("EQUALS", key, value))


def _predicate(operation: str, key: str, value: str) -> dict[str, str]:
    return {"operation": operation, "key": key, "stringValue": value}


def _told(run: KubeflowRun) -> str:
    since = f", started {run.created:%Y-%m-%d %H:%M} UTC" if run.created else ""
    return f"Run {run.id} ('{run.name}'{since})"

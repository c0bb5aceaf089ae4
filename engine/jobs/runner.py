"""Runners take one job after the other, and survive what kills them: the job process's, commands' and workers'."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from engine.engine import Engine
from engine.errors import EngineError, JobStopped, NotFound, RecipeFault, Unavailable
from engine.jobs import claims
from engine.jobs.attribution import AttributionWorker
from engine.jobs.claims import Capacity, Lanes, work_of
from engine.jobs.kinds import FAILURES, KINDS
from engine.jobs.schedule import LOOK_S, Scheduler
from engine.jobs.trimming import Trimmer
from engine.jobs.work import CANCELLED
from engine.queue.owner import COMMAND, Owner
from engine.queue.queue import ATTEMPTS, Job
from engine.records import DatasetGroupRecord

log = logging.getLogger(__name__)

IDLE_S = 0.2  # between looks for work
BEAT_S = 2.0
SAY_S = 1.0  # progress is stored at most so often: each time takes the write lock that events wait for
FOLD_EVERY = 50_000  # streamed records after a snapshot before the next one is made
FOLD_LOOK_S = 30.0
COUNT_EVERY_S = 2.0
TRIM_LOOK_S = 10.0


class Runner:
    def __init__(self, engine: Engine, role: str = COMMAND, capacity: Capacity | None = None) -> None:
        self._engine, self._capacity = engine, capacity or Capacity()
        self.owner = str(Owner.here(role, engine.new_id()[:8]))
        self._stopping = threading.Event()
        self._lanes = Lanes(engine, self.owner, self._capacity)
        self._is_busy = False
        self._held: list[Job] = []
        self._folds_looked_at = time.monotonic()

    def stop(self) -> None:
        self._stopping.set()

    def put_back(self) -> None:
        """Jobs under way go back to the queue at once; what is still done of them changes nothing."""
        self._stopping.set()
        for job in tuple(self._held):
            claims.requeue(self._engine, job)

    def run_forever(self) -> None:
        """Jobs one after the other. Beside them threads count for metric attributions and look at schedules: a long job
        must not hold that up."""
        scheduler, count = Scheduler(self._engine), AttributionWorker(self._engine).work
        beside = [
            self._start("attribution", COUNT_EVERY_S, count, "counting for metric attributions failed"),
            self._start("short-jobs", IDLE_S, self._run_beside, "looking for short work failed"),
            self._start("schedules", LOOK_S, scheduler.look_after_commits, "looking at the schedules failed"),
            self._start(
                "trimming", TRIM_LOOK_S, Trimmer(self._engine, self._stopping).trim_hourly, "trimming the log failed"
            ),
        ]
        self.run_jobs()
        for thread in beside:
            thread.join()

    def run_jobs(self) -> None:
        """Jobs one after the other, until the runner is stopped."""
        commits = self._engine.database.watch_commits()
        while not self._stopping.is_set():
            try:
                worked = self.run_one()
            except Exception as error:  # a database that is busy or gone for a moment must not end the process
                if not isinstance(error, Unavailable):  # which the database has logged
                    log.exception("looking for work failed")
                worked = False
            if not worked:
                commits.wait(self._stopping, IDLE_S)

    def _start(self, name: str, pause_s: float, step: Callable[[], None], failure: str) -> threading.Thread:
        thread = threading.Thread(target=repeat, args=(self._stopping, pause_s, step, failure), name=name, daemon=True)
        thread.start()
        return thread

    def run_one(self) -> bool:
        """Do the next job, if there is one that nobody else does."""
        self._ask_for_folds()
        if not self._engine.jobs.is_claimable(self._lanes.fits):
            return False
        self._is_busy = True
        try:
            return self._do_claimed(claims.claim(self._engine, self.owner, self._capacity))
        finally:
            self._is_busy = False

    def _run_beside(self) -> None:
        """Short jobs while a long one runs."""
        while self._is_busy and self._engine.jobs.is_claimable(self._lanes.beside):
            self._do_claimed(claims.claim_beside(self._engine, self.owner, self._capacity))

    def _do_claimed(self, job: Job | None) -> bool:
        if job is None:
            return False
        self._held.append(job)
        try:
            with _Heart(self._engine, job) as heart:
                self._do(job, heart)
        finally:
            self._held.remove(job)
        return True

    def _do(self, job: Job, heart: _Heart) -> None:
        log.info("job %d: %s %s, attempt %d", job.id, job.kind, job.arn, job.attempts)
        work = work_of(self._engine, job, lambda fraction, message: self._progress(heart, fraction, message))
        try:
            if job.attempts > ATTEMPTS:
                raise JobStopped(f"it ended its process {ATTEMPTS} times")
            message = KINDS[job.kind](work)
        except JobStopped as stopped:
            self._stopped(job, str(stopped))
        except EngineError as error:
            log.info("job %d failed: %s", job.id, error.message)
            claims.finish(self._engine, job, "failed", error.message)
        except Exception as error:
            log.exception("job %d failed", job.id)
            self._fail(job, f"{type(error).__name__}: {error}")
        else:
            claims.finish(self._engine, job, "done", message)

    def _progress(self, heart: _Heart, fraction: float, message: str) -> None:
        if self._stopping.is_set():
            raise JobStopped("")
        if not heart.say(fraction, message):
            raise JobStopped(CANCELLED)

    def _stopped(self, job: Job, why: str) -> None:
        """Put back what the end of this process interrupts; end what was cancelled or tried too often."""
        if not why:
            claims.requeue(self._engine, job)
        elif why == CANCELLED:
            log.info("job %d was cancelled", job.id)
        else:
            self._fail(job, why)

    def _fail(self, job: Job, reason: str) -> None:
        """Unless it is another's by now."""
        show = FAILURES.get(job.kind)
        try:
            if show is not None:
                show(work_of(self._engine, job), reason)
        except (JobStopped, NotFound):
            log.info("job %d failed after it was cancelled", job.id)
        claims.finish(self._engine, job, "failed", reason)

    def _ask_for_folds(self) -> None:
        """Groups with much in the log after their snapshot get a new one."""
        if time.monotonic() - self._folds_looked_at < FOLD_LOOK_S:
            return
        self._folds_looked_at = time.monotonic()
        for group in self._engine.records.list(DatasetGroupRecord):
            if group.deleted_at is None and self._engine.log.count_after_snapshot(group.uid) >= FOLD_EVERY:
                claims.enqueue_once(self._engine, "folding", group.arn)


class _Heart:
    """Beats while a job runs, so that others know the runner lives; carries the newest progress."""

    def __init__(self, engine: Engine, job: Job) -> None:
        self._engine, self._job = engine, job
        self._fraction, self._message, self._alive = 0.0, "started", True
        self._said = 0.0
        self._end = threading.Event()
        beating = (self._end, BEAT_S, self._beat, "the job's heartbeat can't be written")
        self._thread = threading.Thread(target=repeat, args=beating, name="job-heart", daemon=True)

    def __enter__(self) -> _Heart:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def say(self, fraction: float, message: str) -> bool:
        """Note the progress; False when the job is no longer ours."""
        self._fraction, self._message = fraction, message
        if time.monotonic() - self._said > SAY_S:
            self._said = time.monotonic()
            self._alive = claims.beat(self._engine, self._job, fraction, message)
        return self._alive

    def _beat(self) -> None:
        self._alive = claims.beat(self._engine, self._job, self._fraction, self._message)


def repeat(end: threading.Event, pause_s: float, step: Callable[[], None], failure: str) -> None:
    """Does a step again and again until the end; one that fails is logged, and the next is tried."""
    while not end.wait(pause_s):
        try:
            step()
        except Exception as error:
            if isinstance(error, RecipeFault) or not isinstance(error, Unavailable):  # which the database has logged
                log.exception(failure)

// Jobs: how far they are, why they failed, and the next try.
import { ask, route, withQuery } from "../api";
import type { Job, Jobs } from "../contract";
import { Badge, Card, Facts, Notice, ViewHead, type Tone } from "../parts/card";
import { Button, Dialog, SelectField } from "../parts/form";
import { Empty, Failed, Shown } from "../parts/states";
import { Table } from "../parts/table";
import { count, duration, moment, percent, plural } from "../format";
import { useAction, useResource } from "../resource";
import { go, here, refine, to } from "../router";

const TONES: Record<Job["state"], Tone> = { queued: "", running: "accent", interrupted: "warn", done: "good", failed: "bad", cancelled: "" };

export function JobsView() {
  const { id, query } = here.value;
  const filtered = Boolean(query.state || query.kind);
  const path = withQuery("/admin/jobs", { limit: 100, state: query.state, kind: query.kind });
  const jobs = useResource<Jobs>(path, filtered ? undefined : "jobs");
  return (
    <>
      <ViewHead title="Jobs" about="Imports, trainings, batch jobs and deletions. They run beside the workers, at low priority.">
        <SelectField label="State" value={query.state ?? ""} choices={[["", "all"], ...Object.keys(TONES).map((each): [string, string] => [each, each])]} onInput={(state) => refine({ state })} />
      </ViewHead>
      <Shown of={jobs} what="the jobs">
        {(data) => (
          <>
            <Card title="Jobs" flush>
              <JobTable jobs={data.jobs} reload={jobs.reload} />
            </Card>
            {data.schedules.length > 0 && <Schedules data={data} />}
          </>
        )}
      </Shown>
      {id && <OneJob id={id} onClose={() => go(to("jobs", "", query))} />}
    </>
  );
}

function JobTable({ jobs, reload }: { jobs: Job[]; reload: () => void }) {
  return (
    <Table
      label="Jobs"
      rows={jobs}
      id={(row) => row.id}
      none={<Empty title="No jobs">An import or a training makes the first.</Empty>}
      columns={[
        { name: "Job", head: true, wide: true, cell: (row) => <a href={to("jobs", String(row.id))}>{row.title || row.kind}</a>, sort: (row) => row.id },
        { name: "State", cell: (row) => <Badge tone={TONES[row.state]}>{row.state}</Badge>, sort: (row) => row.state },
        { name: "Progress", wide: true, cell: (row) => <Progress job={row} /> },
        { name: "Began", right: true, cell: (row) => moment(row.startedAt ?? row.createdAt), sort: (row) => row.startedAt ?? row.createdAt },
        { name: "Took", right: true, cell: (row) => duration(row.seconds), sort: (row) => row.seconds },
        { name: "", cell: (row) => <Acts job={row} reload={reload} /> },
      ]}
    />
  );
}

function Progress({ job }: { job: Job }) {
  if (job.state === "failed") return <span class="bad">{job.why ?? job.message ?? "It failed."}</span>;
  if (job.state !== "running" && job.state !== "queued") return <span class="soft">{job.message}</span>;
  return (
    <div class="stack tight">
      {job.fraction !== null && <progress value={job.fraction} max={1} aria-label={`Progress of ${job.title}`} />}
      <span class="note">{[job.fraction === null ? "" : percent(job.fraction, 0), job.message, job.forecast].filter(Boolean).join(" · ")}</span>
    </div>
  );
}

export function Acts({ job, reload }: { job: Job; reload: () => void }) {
  const act = useAction(async (what: "cancel" | "retry") => {
    await ask(route("/admin/jobs", String(job.id), what), { method: "POST", body: {} });
    reload();
  });
  return (
    <div class="row">
      {job.canCancel && (
        <Button slim operate busy={act.busy} onClick={() => void act.run("cancel")}>
          Cancel
        </Button>
      )}
      {job.canRetry && (
        <Button slim operate busy={act.busy} onClick={() => void act.run("retry")}>
          Try again
        </Button>
      )}
      {act.error && <span class="bad small">{act.error.message}</span>}
    </div>
  );
}

function OneJob({ id, onClose }: { id: string; onClose: () => void }) {
  const job = useResource<Job>(route("/admin/jobs", id));
  return (
    <Dialog title={`Job ${id}`} onClose={onClose}>
      <Shown of={job} what="the job">
        {(data) => (
          <>
            {(data.why || data.failureReason) && <Notice tone="bad" title={data.why ?? "It failed."}>{data.failureReason !== data.why && data.failureReason}</Notice>}
            <Facts
              rows={[
                ["What", data.title],
                ["State", <Badge tone={TONES[data.state]}>{data.state}</Badge>],
                ["Of", data.arn],
                ["Message", data.message],
                ["Attempts", count(data.attempts)],
                ["Asked for", moment(data.createdAt)],
                ["Began", data.startedAt && moment(data.startedAt)],
                ["Ended", data.endedAt && moment(data.endedAt)],
                ["Forecast", data.forecast],
                ["Runs in", data.owner && `${data.owner.role} ${data.owner.pid}${data.owner.here ? ", here" : ", elsewhere"}`],
                ["Rows", data.report && `${count(data.report.kept)} of ${count(data.report.rows)} kept, ${plural(data.report.bad, "bad row")}`],
                ["May be tried again", data.canRetry ? "yes" : data.canRetryWhy],
              ]}
            />
            <Acts job={data} reload={job.reload} />
            {job.error && <Failed error={job.error} />}
          </>
        )}
      </Shown>
    </Dialog>
  );
}

function Schedules({ data }: { data: Jobs }) {
  return (
    <Card title="Schedules" about="trainings that come by themselves" flush>
      <Table
        label="Schedules"
        rows={data.schedules}
        id={(row) => row.arn}
        columns={[
          { name: "What", head: true, cell: (row) => row.name },
          { name: "Every", right: true, cell: (row) => plural(row.everyDays, "day") },
          { name: "Next", right: true, cell: (row) => moment(row.nextAt) },
        ]}
      />
    </Card>
  );
}

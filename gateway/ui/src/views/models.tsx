// Models: versions beside baselines, what the blend chose, two versions on the same users; train, deploy, roll back.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ask, route, withQuery } from "../api";
import type { Compared, Model, ModelComparison, Version } from "../contract";
import { Bars } from "../parts/charts";
import { Badge, Card, Facts, Figure, Figures, Notice, ViewHead, type Tone } from "../parts/card";
import { Button, Confirm, SelectField } from "../parts/form";
import { ItemRows } from "../parts/items";
import { Empty, Failed, Shown } from "../parts/states";
import { Table } from "../parts/table";
import { count, decimal, duration, moment, NONE, percent, since, status } from "../format";
import { live, useAction, useResource } from "../resource";
import { here, refine, to } from "../router";

const UNDER_WAY = /PENDING|IN_PROGRESS/;
const METRICS: [string, string][] = [
  ["normalized_discounted_cumulative_gain_at_10", "NDCG@10"],
  ["precision_at_10", "Precision@10"],
  ["mean_reciprocal_rank_at_25", "MRR@25"],
  ["coverage", "Coverage"],
];

const short = (version: string | null | undefined): string => version?.slice(0, 8) ?? NONE;
const trains = (model: Model): boolean => model.versions.some((each) => UNDER_WAY.test(each.status));
const tone = (status: string): Tone => (/FAILED/.test(status) ? "bad" : UNDER_WAY.test(status) ? "accent" : /ACTIVE/.test(status) ? "good" : "");

export function ModelsView() {
  const { id } = here.value;
  return id ? <OneModel name={id} key={id} /> : <AllModels />;
}

// ---- all

function AllModels() {
  const models = useResource<{ models: Model[] }>("/admin/models", "models");
  const solutions = models.data?.models.filter((each) => each.kind === "solution") ?? [];
  return (
    <>
      <ViewHead title="Models" about="What answers, how well it was measured, and what may answer instead." />
      <Shown of={models} what="the models">
        {(data) => (
          <>
            <Card flush>
              <ModelTable
                models={data.models.filter((each) => each.kind !== "solution")}
                none={
                  <Empty title="No model answers yet">
                    Import interactions, then <code>recgate train for-you --group shop</code>.
                  </Empty>
                }
              />
            </Card>
            {solutions.length > 0 && (
              <Card title="Solutions without a campaign" about="trained, and asked by nobody" flush>
                <ModelTable models={solutions} />
              </Card>
            )}
          </>
        )}
      </Shown>
    </>
  );
}

function ModelTable({ models, none }: { models: Model[]; none?: ComponentChildren }) {
  return (
    <Table
      label="Models"
      rows={models}
      id={(row) => row.arn}
      none={none}
      columns={[
        { name: "Model", head: true, cell: (row) => (row.kind === "solution" ? row.model : <a href={to("models", row.model)}>{row.model}</a>), sort: (row) => row.model },
        { name: "Recipe", cell: (row) => row.recipe.replace(/^aws-/, ""), sort: (row) => row.recipe },
        { name: "Group", cell: (row) => row.group, sort: (row) => row.group },
        { name: "Status", cell: (row) => <Badge tone={tone(row.status)}>{status(row.status)}</Badge> },
        { name: "Version", cell: (row) => (row.version ? <code>{short(row.version)}</code> : NONE) },
        { name: "Trained", right: true, cell: (row) => (deployed(row)?.trained ? since(deployed(row)?.trained) : NONE), sort: (row) => deployed(row)?.trained },
        { name: "NDCG@10", right: true, cell: (row) => decimal(metric(deployed(row), METRICS[0]![0])), sort: (row) => metric(deployed(row), METRICS[0]![0]) },
        { name: "Versions", right: true, cell: (row) => count(row.versions.length) },
      ]}
    />
  );
}

const deployed = (model: Model): Version | undefined => model.versions.find((each) => each.deployed) ?? model.versions[0];
const metric = (version: Version | undefined, name: string): number | null | undefined => version?.metrics?.[name];

// ---- one

function OneModel({ name }: { name: string }) {
  const path = route("/admin/models", name);
  const model = useResource<Model>(path, live("models", (every: { models: Model[] }) => every.models.find((each) => each.model === name)));
  return (
    <Shown of={model} what="the model">
      {(data) => (
        <>
          <ViewHead title={data.model} about={`${data.recipe}, trained on ${data.group}`}>
            <Acts model={data} path={path} reload={model.reload} />
          </ViewHead>
          <Now model={data} />
          {data.versions.filter((each) => UNDER_WAY.test(each.status)).map((each) => (
            <Training key={each.version} version={each} />
          ))}
          <Versions model={data} path={path} reload={model.reload} />
          <Detail model={data} />
          <Comparison model={data} path={path} />
        </>
      )}
    </Shown>
  );
}

function Acts({ model, path, reload }: { model: Model; path: string; reload: () => void }) {
  const [asking, setAsking] = useState(false);
  const act = useAction(async (what: "train" | "rollback") => {
    await ask(`${path}/${what}`, { method: "POST", body: {} });
    setAsking(false);
    reload();
  });
  return (
    <>
      <Button operate busy={act.busy} disabled={trains(model)} onClick={() => void act.run("train")}>
        Train anew
      </Button>
      <Button operate kind="danger" disabled={!model.previous} onClick={() => setAsking(true)}>
        Roll back
      </Button>
      {act.error && !asking && <Failed error={act.error} />}
      {asking && (
        <Confirm title={`Roll ${model.model} back?`} act={`Answer by ${short(model.previous)}`} danger busy={act.busy} error={act.error} onConfirm={() => void act.run("rollback")} onClose={() => setAsking(false)}>
          Version {short(model.version)} answers now. From then on version {short(model.previous)} does, and cached lists are made anew.
        </Confirm>
      )}
    </>
  );
}

function Now({ model }: { model: Model }) {
  const now = deployed(model);
  return (
    <Figures>
      <Figure label="Version that answers" value={<code>{short(model.version)}</code>} aside={now?.trained ? `trained ${since(now.trained)}` : ""} />
      {METRICS.filter(([key]) => metric(now, key) !== undefined && metric(now, key) !== null).map(([key, label]) => (
        <Figure key={key} label={label} value={decimal(metric(now, key))} aside="on held-out users" />
      ))}
      <Figure label="Trains by itself" value={model.trainsEveryDays ? `every ${model.trainsEveryDays} days` : "never"} aside={model.nextTraining ? `next ${moment(model.nextTraining)}` : ""} />
    </Figures>
  );
}

function Training({ version }: { version: Version }) {
  const job = version.job;
  return (
    <Card title={`Training ${short(version.version)}`} about={version.forecast ?? ""}>
      <div role="status" class="stack tight">
        <progress value={job?.fraction ?? undefined} max={1} aria-label={`Progress of training ${short(version.version)}`} />
        <div class="row between">
          <span>{job?.message ?? status(version.status)}</span>
          <span class="number">{job?.fraction === null || job?.fraction === undefined ? "" : percent(job.fraction, 0)}</span>
        </div>
        {job && <a href={to("jobs", String(job.id))}>Job {job.id}</a>}
      </div>
    </Card>
  );
}

function Versions({ model, path, reload }: { model: Model; path: string; reload: () => void }) {
  const deploy = useAction(async (version: string) => {
    await ask(`${path}/deploy`, { method: "POST", body: { version } });
    reload();
  });
  const present = METRICS.filter(([key]) => model.versions.some((each) => metric(each, key) !== undefined && metric(each, key) !== null));
  return (
    <Card title="Versions" flush>
      {deploy.error && <Failed error={deploy.error} />}
      <Table
        label="Versions"
        rows={model.versions}
        id={(row) => row.version}
        chosen={here.value.query.version ?? deployed(model)?.version}
        columns={[
          {
            name: "Version",
            head: true,
            cell: (row) => (
              <Button slim kind="plain" label={`Show version ${short(row.version)}`} onClick={() => refine({ version: row.version })}>
                <code>{short(row.version)}</code>
              </Button>
            ),
          },
          { name: "Status", cell: (row) => (row.deployed ? <Badge tone="good">answers</Badge> : <Badge tone={tone(row.status)}>{status(row.status)}</Badge>) },
          { name: "Trained", right: true, cell: (row) => (row.trained ? moment(row.trained) : NONE), sort: (row) => row.trained },
          { name: "Took", right: true, cell: (row) => (row.trainingHours ? duration(row.trainingHours * 3600) : NONE), sort: (row) => row.trainingHours },
          ...present.map(([key, label]) => ({ name: label, right: true, cell: (row: Version) => decimal(metric(row, key)), sort: (row: Version) => metric(row, key) })),
          {
            name: "",
            cell: (row) =>
              !row.deployed &&
              /ACTIVE/.test(row.status) && (
                <Button slim operate busy={deploy.busy} label={`Deploy ${short(row.version)}`} onClick={() => void deploy.run(row.version)}>
                  Deploy
                </Button>
              ),
          },
        ]}
      />
    </Card>
  );
}

function Detail({ model }: { model: Model }) {
  const version = model.versions.find((each) => each.version === here.value.query.version) ?? deployed(model);
  if (!version) return null;
  const ndcg = metric(version, METRICS[0]![0]);
  const beside = [...(ndcg === null || ndcg === undefined ? [] : [{ name: "this version", value: ndcg }]), ...Object.entries(version.baselines ?? {}).map(([name, value]) => ({ name, value }))];
  return (
    <>
      {version.failureReason && <Notice tone="bad" title={version.failureReason} />}
      <div class="grid of-2">
        <Card title={`Version ${short(version.version)} beside baselines`} about={version.protocol ?? ""}>
          {beside.length > 1 ? <Bars rows={beside} format={(value) => decimal(value)} /> : <p class="soft">This recipe is measured beside no baselines.</p>}
          <Facts rows={Object.entries(version.metrics ?? {}).map(([name, value]) => [name.replaceAll("_", " "), decimal(value, 4)])} />
        </Card>
        <Blends version={version} />
      </div>
    </>
  );
}

function Blends({ version }: { version: Version }) {
  const blends = version.blends ?? [];
  if (!blends.length) return null;
  return (
    <Card title="What the blend chose, and why">
      {blends.map((blend) => (
        <div key={blend.situation} class="stack tight">
          <div class="row between">
            <h3>{blend.situation}</h3>
            <span class="note">
              NDCG {decimal(blend.ndcg)} on {count(blend.cases)} users
            </span>
          </div>
          <Bars most={1} format={(value) => percent(value, 0)} rows={blend.weights.map((each) => ({ name: each.alone === null ? each.scorer : `${each.scorer}, alone ${decimal(each.alone)}`, value: each.weight }))} />
          <p class="note">{blend.why}</p>
        </div>
      ))}
    </Card>
  );
}

// ---- two versions

function Comparison({ model, path }: { model: Model; path: string }) {
  const ready = model.versions.filter((each) => /ACTIVE/.test(each.status));
  const [first, setFirst] = useState(deployed(model)?.version ?? "");
  const [second, setSecond] = useState(ready.find((each) => each.version !== deployed(model)?.version)?.version ?? "");
  const [asked, setAsked] = useState<string | null>(null);
  const compared = useResource<ModelComparison>(asked);
  if (ready.length < 2) return null;
  const choices = ready.map((each): [string, string] => [each.version, `${short(each.version)}${each.deployed ? " (answers)" : ""}`]);
  return (
    <Card title="Two versions on the same users">
      <div class="form-row">
        <SelectField label="One" value={first} choices={choices} onInput={setFirst} />
        <SelectField label="Other" value={second} choices={choices} onInput={setSecond} />
        <Button busy={compared.loading} onClick={() => setAsked(withQuery(`${path}/compare`, { first, second, users: 100 }))}>
          Compare
        </Button>
      </div>
      {asked && (
        <Shown of={compared} what="the comparison">
          {(data) => <Compare data={data} />}
        </Shown>
      )}
    </Card>
  );
}

type Measure = "coverage" | "diversity" | "freshness" | "popularity";

const MEASURES: [Measure, string][] = [
  ["coverage", "Coverage: share of the catalogue in anyone's list"],
  ["diversity", "Diversity: how unlike items of a list are"],
  ["freshness", "Freshness: share of young items"],
  ["popularity", "Popularity of what is shown"],
];

function Compare({ data }: { data: ModelComparison }) {
  const accuracy = METRICS.slice(0, 3).filter(([key]) => data.first.accuracy?.[key] !== undefined);
  const rows = [
    ...accuracy.map(([key, label]) => ({ label, of: (side: Compared) => side.accuracy?.[key] })),
    ...MEASURES.map(([key, label]) => ({ label, of: (side: Compared) => side[key] })),
  ];
  return (
    <>
      <p>
        The lists of {count(data.users)} users have <strong>{percent(data.overlap, 0)}</strong> of their items in common.
      </p>
      <Table
        label="Two versions"
        rows={rows}
        id={(row) => row.label}
        columns={[
          { name: "Measure", head: true, cell: (row) => row.label },
          { name: short(data.first.version), right: true, cell: (row) => decimal(row.of(data.first)) },
          { name: short(data.second.version), right: true, cell: (row) => decimal(row.of(data.second)) },
        ]}
      />
      {data.examples.slice(0, 2).map((each) => (
        <div key={each.userId} class="stack tight">
          <h3>
            For instance <a href={to("users", each.userId)}>{each.userId}</a>
          </h3>
          <div class="lists">
            <Card title={short(data.first.version)} flush>
              <ItemRows items={each.first} />
            </Card>
            <Card title={short(data.second.version)} flush>
              <ItemRows items={each.second} />
            </Card>
          </div>
        </div>
      ))}
    </>
  );
}

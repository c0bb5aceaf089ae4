// Experiments: arms, intervals over time, verdict, guardrails and health; started, ramped and stopped here.
import { useEffect, useState } from "preact/hooks";
import { ask, type Refusal, route, withQuery } from "../api";
import type { Experiment, ExperimentRow, RampStep, RecommenderName, VerdictRow } from "../contract";
import { Bars, Intervals, Lines } from "../parts/charts";
import { Badge, Card, Facts, Notice, ViewHead, type Tone } from "../parts/card";
import { Button, Dialog, Form, SelectField, TextField } from "../parts/form";
import { Icon } from "../parts/icons";
import { Empty, Failed, Shown } from "../parts/states";
import { Table } from "../parts/table";
import { count, decimal, moment, NONE, percent, plural, signed } from "../format";
import { useAction, useResource } from "../resource";
import { go, here, refine, to } from "../router";
import { recommenders } from "../scope";

const STATES: Record<ExperimentRow["state"], Tone> = { scheduled: "", running: "accent", ended: "", off: "warn" };
const VERDICTS: Record<string, Tone> = { better: "good", worse: "bad", harmed: "bad", untrusted: "bad", safe: "good" };
const HEALTH: Record<string, Tone> = { ok: "good", warning: "warn", broken: "bad" };

export function ExperimentsView() {
  const { id } = here.value;
  return id ? <OneExperiment id={id} key={id} /> : <AllExperiments />;
}

// ---- all

function AllExperiments() {
  const experiments = useResource<{ experiments: ExperimentRow[] }>("/admin/experiments", "experiments");
  const [making, setMaking] = useState(false);
  return (
    <>
      <ViewHead title="Experiments" about="Who is in which arm, what came of it, and whether that may be trusted.">
        <Button kind="first" operate onClick={() => setMaking(true)}>
          New experiment
        </Button>
      </ViewHead>
      {making && <NewExperiment onClose={() => setMaking(false)} />}
      <Shown of={experiments} what="the experiments">
        {(data) => (
          <Card flush>
            <Table
              label="Experiments"
              rows={data.experiments}
              id={(row) => row.id}
              none={<Empty title="No experiment yet">A recommender with two variations may have one: it shows which of them does better.</Empty>}
              columns={[
                { name: "Experiment", head: true, cell: (row) => <a href={to("experiments", nameOf(row))}>{row.feature}</a>, sort: (row) => row.feature },
                { name: "Recommender", cell: (row) => `${row.namespace}/${row.recommender}`, sort: (row) => row.recommender },
                { name: "State", cell: (row) => <Badge tone={STATES[row.state]}>{row.state === "running" ? `running, ${percent(row.traffic, 0)}` : row.state}</Badge>, sort: (row) => row.state },
                { name: "Units", right: true, cell: (row) => count(row.arms.reduce((sum, each) => sum + each.exposed, 0)), sort: (row) => row.arms.reduce((sum, each) => sum + each.exposed, 0) },
                { name: "Verdict", wide: true, cell: (row) => <><Badge tone={VERDICTS[row.verdict] ?? ""}>{row.verdict}</Badge> <span class="soft">{row.words}</span></> },
                { name: "Health", cell: (row) => <Badge tone={HEALTH[row.health]}>{row.health}</Badge>, sort: (row) => row.health },
              ]}
            />
          </Card>
        )}
      </Shown>
    </>
  );
}

// ---- a new one

const METHODS: [string, string][] = [
  ["builtin", "A/B test: fixed weights"],
  ["bandit", "Bandit: weights follow what arms earn"],
  ["interleaving", "Interleaving: one list of all variations"],
];

function NewExperiment({ onClose }: { onClose: () => void }) {
  const fit = recommenders.value.filter((each) => each.variations.length > 1);
  const [chosen, setChosen] = useState(fit[0] ? keyOf(fit[0]) : "");
  const [feature, setFeature] = useState("");
  const [method, setMethod] = useState("builtin");
  const [eventType, setEventType] = useState("click");
  const recommender = fit.find((each) => keyOf(each) === chosen);
  const [weights, setWeights] = useState<Record<string, string>>({});
  const start = useAction(async () => {
    if (!recommender) return;
    const { namespace, action, recommender: name, variations } = recommender;
    const given = Object.fromEntries(variations.map((each) => [each, Number(weights[each] ?? "1")]));
    const experiment = { method, metrics: { [eventType]: { eventType } }, ...(method === "builtin" ? { weights: given } : {}), ...(method === "bandit" ? { reward: eventType } : {}) };
    await ask("/admin/experiments", { method: "POST", body: { namespace, action, recommender: name, feature, experiment, comment: `started ${feature} on the page` } });
    go(to("experiments", [namespace, action, name, feature].join("/")));
  });
  return (
    <Dialog title="New experiment" onClose={onClose}>
      {fit.length === 0 ? (
        <Empty title="No recommender has two variations">Add a second variation to one in the configuration first.</Empty>
      ) : (
        <Form label="New experiment" onSubmit={() => void start.run()}>
          <SelectField autoFocus label="Recommender" value={chosen} choices={fit.map((each): [string, string] => [keyOf(each), `${each.namespace}/${each.recommender}: ${each.variations.join(" against ")}`])} onInput={setChosen} />
          <TextField label="Name" value={feature} onInput={setFeature} required hint="as pages and reports will call it" />
          <SelectField label="Method" value={method} choices={METHODS} onInput={setMethod} />
          <TextField label="Event type that counts" value={eventType} onInput={setEventType} required hint="how often a unit does it is the metric" />
          {method === "builtin" && (
            <div class="form-row">
              {(recommender?.variations ?? []).map((each) => (
                <TextField key={each} label={`Weight of ${each}`} type="number" value={weights[each] ?? "1"} onInput={(value) => setWeights({ ...weights, [each]: value })} />
              ))}
            </div>
          )}
          {start.error && <Failed error={start.error} />}
          <p class="note">It is written to the configuration file and runs within two seconds.</p>
          <div class="row end">
            <Button onClick={onClose}>Cancel</Button>
            <Button kind="first" submit busy={start.busy}>
              Start
            </Button>
          </div>
        </Form>
      )}
    </Dialog>
  );
}

const nameOf = (row: ExperimentRow): string => [row.namespace, row.action, row.recommender, row.feature].join("/");
const keyOf = (each: RecommenderName): string => `${each.action} ${each.namespace} ${each.recommender}`;

// ---- one

function OneExperiment({ id }: { id: string }) {
  const { query } = here.value;
  const [namespace = "", action = "", recommender = "", feature = ""] = id.split("/");
  const base = route("/admin/experiments", namespace, recommender, feature);
  const method = query.method ?? "always";
  const experiment = useResource<Experiment>(withQuery(base, { action, method, points: 30 }));
  // the list's stream says when units came
  const all = useResource<{ experiments: ExperimentRow[] }>("/admin/experiments", "experiments");
  const mine = JSON.stringify(all.data?.experiments.find((each) => nameOf(each) === id) ?? null);
  useEffect(experiment.reload, [mine]);
  return (
    <Shown of={experiment} what="the experiment">
      {(data) => (
        <>
          <ViewHead title={data.feature} about={data.description || `${data.namespace}/${data.recommender}, by ${data.unit}`}>
            <SelectField label="Intervals" value={method} choices={[["always", "hold at every look"], ["fixed", "one planned look"], ["bayesian", "Bayesian"]]} onInput={(chosen) => refine({ method: chosen })} />
          </ViewHead>
          <Verdict data={data} />
          <Steer data={data} base={base} action={action} onDone={experiment.reload} />
          <div class="grid of-2">
            <ArmsCard data={data} />
            <HealthCard data={data} />
          </div>
          <Effects data={data} />
          <Over data={data} />
          <Rows data={data} />
        </>
      )}
    </Shown>
  );
}

function Verdict({ data }: { data: Experiment }) {
  const tone: Tone = VERDICTS[data.verdict] ?? "accent";
  const alarms = data.verdictDetail?.alarms ?? [];
  return (
    <>
      <Notice tone={tone} role="status" title={data.words}>
        <span class="row">
          <Badge tone={STATES[data.state]}>{data.state}</Badge>
          <span class="soft">
            {percent(data.traffic, 0)} of the traffic takes part{data.start ? `, since ${when(data.start)}` : ""}
            {data.end ? `, until ${when(data.end)}` : ""}
          </span>
        </span>
      </Notice>
      {alarms.map((each) => (
        <Notice key={each} tone="bad" title={`A guardrail is harmed: ${each}`} />
      ))}
    </>
  );
}

const when = (at: number | string): string => (typeof at === "number" ? moment(at) : moment(Date.parse(at) / 1000));

const CHANGES_WEIGHTS = new Set(["builtin", "evidently"]); // others find weights by themselves, or have none

type Faults = Record<string, string>;

interface Ramp {
  traffic: string; // percent
  weights: Record<string, string>;
  at: string; // of this clock; empty: now
}

// The body of a ramp with what has changed, or what is wrong with each field.
function rampOf(ramp: Ramp, was: Ramp): { body: Record<string, unknown> } | { faults: Faults } {
  const faults: Faults = {};
  const body: Record<string, unknown> = {};
  if (ramp.traffic !== was.traffic || ramp.at) {
    const traffic = Number(ramp.traffic);
    if (!ramp.traffic.trim() || !(traffic >= 0 && traffic <= 100)) faults.traffic = "A number from 0 to 100.";
    else if (ramp.traffic !== was.traffic) body.traffic = traffic / 100;
  }
  const names = Object.keys(ramp.weights);
  if (names.some((name) => ramp.weights[name] !== was.weights[name])) {
    for (const name of names) if (!ramp.weights[name]?.trim() || !(Number(ramp.weights[name]) >= 0)) faults[name] = "A number, 0 or more.";
    if (names.every((name) => Number(ramp.weights[name]) === 0)) faults[names[0] ?? ""] = "One arm needs more than 0.";
    body.weights = Object.fromEntries(names.map((name) => [name, Number(ramp.weights[name])]));
  }
  if (ramp.at) {
    const at = new Date(ramp.at);
    if (Number.isNaN(at.getTime())) faults.at = "A day and a time.";
    else if (at.getTime() <= Date.now()) faults.at = "It has passed: empty it to change now.";
    else body.at = `${at.toISOString().slice(0, 19)}Z`;
  }
  if (!Object.keys(faults).length && body.traffic === undefined && body.weights === undefined) faults.traffic = "Change the traffic or a weight.";
  return Object.keys(faults).length ? { faults } : { body };
}

// What the gateway refuses, by the field that it is about; the rest stays beside the button.
function placed(error: Refusal | undefined, arms: string[]): Faults {
  const faults = (error?.body as { faults?: { place: string; message: string }[] } | null)?.faults ?? [];
  const known = new Set(["traffic", ...arms]);
  return Object.fromEntries(faults.map((each) => [each.place.split(".").at(-1) ?? "", each.message]).filter(([field]) => known.has(field ?? "")));
}

function Steer({ data, base, action, onDone }: { data: Experiment; base: string; action: string; onDone: () => void }) {
  const was: Ramp = {
    traffic: String(Math.round(data.traffic * 1000) / 10),
    weights: CHANGES_WEIGHTS.has(data.method) ? Object.fromEntries(data.arms.map((each) => [each.variation, String(data.configuration.weights?.[each.variation] ?? each.share)])) : {},
    at: "",
  };
  const [ramp, setRamp] = useState(was);
  const [typed, setTyped] = useState<Faults>({});
  const steer = useAction(async (what: "start" | "stop" | "ramp", body: object) => {
    await ask(withQuery(`${base}/${what}`, { action }), { method: "POST", body: { ...body, comment: `${what} on the page` } });
    onDone();
  });
  const change = () => {
    const checked = rampOf(ramp, was);
    setTyped("faults" in checked ? checked.faults : {});
    if ("body" in checked) void steer.run("ramp", checked.body);
  };
  const faults = { ...placed(steer.error, Object.keys(ramp.weights)), ...typed };
  const runs = data.state === "running";
  return (
    <Card title="Steer" about="writes the configuration file; comments in it stay">
      <Form label="Steer the experiment" onSubmit={change}>
        <div class="form-row">
          <TextField label="Traffic, in percent" type="number" value={ramp.traffic} onInput={(traffic) => setRamp({ ...ramp, traffic })} fault={faults.traffic} />
          {Object.keys(ramp.weights).map((arm) => (
            <TextField key={arm} label={`Weight of ${arm}`} type="number" value={ramp.weights[arm] ?? ""} onInput={(weight) => setRamp({ ...ramp, weights: { ...ramp.weights, [arm]: weight } })} fault={faults[arm]} />
          ))}
          <TextField label="From (your time; empty: now)" type="datetime-local" value={ramp.at} onInput={(at) => setRamp({ ...ramp, at })} fault={faults.at} />
          <Button submit operate busy={steer.busy}>
            {ramp.at ? "Plan the step" : "Change"}
          </Button>
          {runs ? (
            <Button operate kind="danger" busy={steer.busy} onClick={() => void steer.run("stop", {})}>
              Stop
            </Button>
          ) : (
            <Button operate kind="first" busy={steer.busy} onClick={() => void steer.run("start", {})}>
              Start
            </Button>
          )}
        </div>
        {steer.error && <Failed error={steer.error} />}
      </Form>
      <Steps steps={data.configuration.ramp ?? []} />
    </Card>
  );
}

function Steps({ steps }: { steps: RampStep[] }) {
  if (!steps.length) return null;
  return (
    <Table
      label="Steps"
      rows={steps}
      id={(row) => row.at}
      columns={[
        { name: "From", head: true, cell: (row) => when(row.at) },
        { name: "Traffic", right: true, cell: (row) => (row.traffic === undefined ? "as before" : percent(row.traffic, 0)) },
        { name: "Weights", cell: (row) => (row.weights ? Object.entries(row.weights).map(([name, weight]) => `${name} ${weight}`).join(", ") : "as before") },
      ]}
    />
  );
}

function ArmsCard({ data }: { data: Experiment }) {
  const total = data.arms.reduce((sum, each) => sum + each.exposed, 0);
  return (
    <Card title="Arms" about={plural(total, data.unit)} flush>
      <Table
        label="Arms"
        rows={data.arms}
        id={(row) => row.variation}
        columns={[
          { name: "Arm", head: true, cell: (row) => <>{row.variation} {row.variation === judgedOf(data)?.control && <Badge>control</Badge>}</> },
          { name: "Meant", right: true, cell: (row) => percent(row.share) },
          { name: "Is", right: true, cell: (row) => (total ? percent(row.exposed / total) : NONE) },
          { name: "Exposed", right: true, cell: (row) => count(row.exposed), sort: (row) => row.exposed },
          { name: "Answers", right: true, cell: (row) => count(row.answers), sort: (row) => row.answers },
        ]}
      />
      <div class="pad">
        <Bars rows={data.arms.map((each) => ({ name: each.variation, value: each.exposed }))} format={count} />
      </div>
    </Card>
  );
}

const PICTURES: Record<string, string> = { ok: "good", warning: "warn", broken: "bad" };

function HealthCard({ data }: { data: Experiment }) {
  return (
    <Card title="Health" about="whether the verdict may be trusted">
      <ul class="health">
        {data.checks.map((check) => (
          <li key={check.name}>
            <span class={HEALTH[check.level]}>
              <Icon name={PICTURES[check.level] ?? "note"} />
              <span class="hidden-text">{check.level}</span>
            </span>
            <span>
              <strong>{check.name}</strong>: {check.words}
              {check.p !== undefined && check.p !== null && <span class="soft"> (p = {check.p < 0.001 ? check.p.toExponential(1) : decimal(check.p, 3)})</span>}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

const judgedOf = (data: Experiment) => data.verdictDetail ?? data.contest;

// A contest's rows as a verdict has them: the credit that an arm's items earned, and how much it is preferred.
function rowsOf(data: Experiment): VerdictRow[] {
  if (data.verdictDetail) return data.verdictDetail.rows ?? [];
  return (data.contest?.rows ?? []).map(({ metric, arm, credit, preference, said, guardrail }) => ({ metric, arm, mean: credit, error: null, lift: preference, said, guardrail }));
}

const effects = (data: Experiment): VerdictRow[] => rowsOf(data).filter((each) => each.lift !== null);

function Effects({ data }: { data: Experiment }) {
  const rows = effects(data);
  if (!rows.length) return null;
  const tone = (row: VerdictRow) => (row.said === "better" || row.said === "safe" ? "good" : row.said === "worse" || row.said === "harmed" ? "bad" : "");
  const shown = (guardrail: boolean) =>
    rows
      .filter((row) => row.guardrail === guardrail)
      .map((row) => ({ name: `${row.metric} · ${row.arm}`, value: row.lift?.value ?? null, low: row.lift?.low ?? null, high: row.lift?.high ?? null, tone: tone(row) as "good" | "bad" | "" }));
  return (
    <div class="grid of-2">
      <Card title="Goals" about={`${data.contest ? "preference over" : "change against"} ${judgedOf(data)?.control}`}>
        <Intervals label="Change of goals" rows={shown(false)} format={(value) => signed(value, 0)} />
      </Card>
      {shown(true).length > 0 && (
        <Card title="Guardrails" about="must not get worse">
          <Intervals label="Change of guardrails" rows={shown(true)} format={(value) => signed(value, 0)} />
        </Card>
      )}
    </div>
  );
}

function Over({ data }: { data: Experiment }) {
  const points = data.timeline;
  if (points.length < 2) return null;
  const at = points.map((each) => each.at);
  const pairs = [...new Set(points.flatMap((each) => each.rows.map((row) => `${row.metric}\t${row.arm}`)))];
  const row = (point: Experiment["timeline"][number], pair: string) => point.rows.find((each) => `${each.metric}\t${each.arm}` === pair);
  return (
    <Card title="Over time" about="each interval as it was then">
      <Lines label="Units exposed" at={at} floor={0} height={130} format={count} series={data.arms.map((arm) => ({ name: arm.variation, values: points.map((each) => each.units[arm.variation] ?? 0) }))} />
      {pairs.slice(0, 4).map((pair) => {
        const [metric = "", arm = ""] = pair.split("\t");
        const of = (key: "value" | "low" | "high") => points.map((each) => row(each, pair)?.[key] ?? null);
        return <Lines key={pair} label={`Change of ${metric} in ${arm}`} at={at} zero height={150} format={(value) => signed(value, 0)} series={[{ name: `${metric} in ${arm}`, values: of("value"), low: of("low"), high: of("high") }]} />;
      })}
    </Card>
  );
}

function Rows({ data }: { data: Experiment }) {
  const rows = rowsOf(data);
  return (
    <Card title="In numbers" about={`intervals of ${percent(1 - (judgedOf(data)?.alpha ?? 0.05), 0)}`} flush>
      <Table
        label="The verdict in numbers"
        rows={rows}
        id={(row) => `${row.metric} ${row.arm}`}
        none={<Empty title="Nothing is counted yet" />}
        columns={[
          { name: "Metric", head: true, cell: (row) => <>{row.metric} {row.guardrail && <Badge>guardrail</Badge>}</> },
          { name: "Arm", cell: (row) => row.arm },
          { name: data.contest ? "Credit" : "Mean", right: true, cell: (row) => decimal(row.mean, 4) },
          { name: "± error", right: true, cell: (row) => decimal(row.error, 4) },
          { name: data.contest ? "Preference" : "Change", right: true, cell: (row) => (row.lift ? signed(row.lift.value) : NONE) },
          { name: "From", right: true, cell: (row) => (row.lift ? signed(row.lift.low) : NONE) },
          { name: "To", right: true, cell: (row) => (row.lift ? signed(row.lift.high) : NONE) },
          { name: "Says", cell: (row) => (row.said ? <Badge tone={VERDICTS[row.said] ?? ""}>{row.said}</Badge> : "") },
        ]}
      />
      <div class="pad">
        <Facts
          rows={[
            ["Overrides", Object.keys(data.overrides).length ? plural(Object.keys(data.overrides).length, "unit") : ""],
            ["Method", data.method],
          ]}
        />
      </div>
    </Card>
  );
}

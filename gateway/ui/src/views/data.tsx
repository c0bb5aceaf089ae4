// Data: datasets, imports with their bad rows, and the doctor's findings.
import { useRef, useState } from "preact/hooks";
import { ask, headers, Refusal, route, withQuery } from "../api";
import type { DataGroup, Diagnosis, Finding, Flaw, ImportJob, ImportReport } from "../contract";
import { Bars } from "../parts/charts";
import { Badge, Card, Facts, Figure, Figures, Notice, ViewHead, type Tone } from "../parts/card";
import { Button, Check, Confirm, Form, SelectField, Tabs, TextField } from "../parts/form";
import { Empty, Failed, Shown } from "../parts/states";
import { Table } from "../parts/table";
import { count, duration, moment, percent, plural, since, status } from "../format";
import { useAction, useResource } from "../resource";
import { go, here, refine, to } from "../router";

const LARGEST_UPLOAD = 8 * 1024 * 1024;
const OPEN = /PENDING|IN_PROGRESS/;

export function DataView() {
  const groups = useResource<{ groups: DataGroup[] }>("/admin/datasets", "datasets");
  const { id, query } = here.value;
  return (
    <>
      <ViewHead title="Data" about="What models learn from: dataset groups, imports with their bad rows, and what the doctor finds." />
      <Shown of={groups} what="the dataset groups">
        {({ groups: known }) => {
          const group = known.find((each) => each.group === id) ?? known[0];
          return (
            <>
              {known.length > 1 && <GroupPicker groups={known} now={group?.group ?? ""} />}
              {group ? (
                <Tabs
                  label="Data"
                  value={query.tab ?? "datasets"}
                  tabs={[
                    ["datasets", "Datasets"],
                    ["imports", "Imports"],
                    ["doctor", "Doctor"],
                  ]}
                  onInput={(tab) => refine({ tab })}
                >
                  {query.tab === "doctor" ? (
                    <Doctor group={group.group} />
                  ) : query.tab === "imports" ? (
                    <Imports group={group} onImported={groups.reload} />
                  ) : (
                    <Datasets group={group} onDeleted={groups.reload} />
                  )}
                </Tabs>
              ) : (
                <NoData onImported={groups.reload} />
              )}
            </>
          );
        }}
      </Shown>
    </>
  );
}

function GroupPicker({ groups, now }: { groups: DataGroup[]; now: string }) {
  return (
    <div class="form-row">
      <SelectField label="Dataset group" value={now} choices={groups.map((each) => each.group)} onInput={(group) => go(to("data", group, here.value.query))} />
    </div>
  );
}

function NoData({ onImported }: { onImported: () => void }) {
  const [name, setName] = useState("shop");
  return (
    <>
      <Card>
        <Empty title="There is no data yet">
          Interactions are what every model needs: a CSV with USER_ID, ITEM_ID and TIMESTAMP. Give the group a name and import a file, or run{" "}
          <code>recgate import interactions.csv --type interactions --group shop</code>.
        </Empty>
        <div class="form-row">
          <TextField label="Name of the dataset group" value={name} onInput={setName} />
        </div>
      </Card>
      <ImportForm group={name} onImported={onImported} />
    </>
  );
}

// ---- datasets

function Datasets({ group, onDeleted }: { group: DataGroup; onDeleted: () => void }) {
  const [deleting, setDeleting] = useState(false);
  const remove = useAction(async () => {
    await ask(route("/admin/datasets", group.group), { method: "DELETE" });
    setDeleting(false);
    go(to("data"));
    onDeleted();
  });
  const types = Object.entries(group.eventTypes).sort(([, one], [, other]) => other - one);
  return (
    <>
      <Figures>
        <Figure label="Interactions" value={count(group.interactions)} aside={group.lastEvent ? `the latest ${since(group.lastEvent)}` : ""} />
        <Figure label="Users" value={count(group.users)} />
        <Figure label="Items" value={count(group.items)} />
        <Figure label="Trains models" value={count(group.models.length)} aside={group.models.slice(0, 3).join(", ")} />
      </Figures>
      <div class="grid of-2">
        <Card title={`Group ${group.group}`}>
          <Facts
            rows={[
              ["Domain", group.domain ?? "custom"],
              ["Made", moment(group.created)],
              ["Events from", group.firstEvent ? `${moment(group.firstEvent)} to ${moment(group.lastEvent)}` : ""],
              ["Namespaces", (group.namespaces ?? []).join(", ")],
              ["Hidden items", (group.hiddenItems ?? []).join(", ")],
              ["Trackers", group.trackers.map((each) => `${each.name} ${each.trackingId}`).join(", ")],
            ]}
          />
          <div>
            <Button kind="danger" operate slim onClick={() => setDeleting(true)}>
              Delete the group
            </Button>
          </div>
        </Card>
        <Card title="Event types">
          {types.length ? <Bars rows={types.map(([name, value]) => ({ name, value }))} format={count} /> : <p class="soft">No events yet.</p>}
        </Card>
      </div>
      {group.datasets.map((dataset) => (
        <Card key={dataset.name} title={dataset.type.toLowerCase()} about={`${dataset.name} · ${plural(dataset.rows, "row")}`} flush>
          <Table
            label={`Schema of ${dataset.name}`}
            rows={dataset.fields}
            id={(row) => row.name}
            columns={[
              { name: "Field", head: true, cell: (row) => <code>{row.name}</code>, sort: (row) => row.name },
              { name: "Type", cell: (row) => row.type },
              { name: "May be empty", cell: (row) => (row.nullable ? "yes" : "no") },
              { name: "Kind", cell: (row) => (row.reserved ? "reserved" : row.categorical ? "categorical" : row.textual ? "textual" : "") },
            ]}
          />
        </Card>
      ))}
      {deleting && (
        <Confirm title={`Delete the group ${group.group}?`} act="Delete for good" danger word={group.group} busy={remove.busy} error={remove.error} onConfirm={() => void remove.run()} onClose={() => setDeleting(false)}>
          All that hangs on it goes too: its datasets and events, solutions, campaigns, filters and trackers. Lists from its models get 404.
        </Confirm>
      )}
    </>
  );
}

// ---- imports

const STATUS: [RegExp, Tone][] = [
  [/FAILED/, "bad"],
  [OPEN, "accent"],
  [/ACTIVE/, "good"],
];

const tone = (status: string): Tone => STATUS.find(([pattern]) => pattern.test(status))?.[1] ?? "";

function Imports({ group, onImported }: { group: DataGroup; onImported: () => void }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const latest = group.imports.find((each) => each.name === chosen) ?? group.imports[0];
  return (
    <>
      <ImportForm
        group={group.group}
        onImported={(name) => {
          setChosen(name);
          onImported();
        }}
      />
      <Card title="Imports" about="newest first" flush>
        <Table
          label="Imports"
          rows={group.imports}
          id={(row) => row.name}
          chosen={latest?.name}
          none={<Empty title="Nothing was imported yet" />}
          columns={[
            {
              name: "Import",
              head: true,
              cell: (row) => (
                <Button slim kind="plain" pressed={row.name === latest?.name} onClick={() => setChosen(row.name)}>
                  {row.name}
                </Button>
              ),
            },
            { name: "Dataset", cell: (row) => row.type.toLowerCase() },
            { name: "Status", cell: (row) => <Badge tone={tone(row.status)}>{status(row.status)}</Badge> },
            { name: "Rows", right: true, cell: (row) => count(row.report?.rows) },
            { name: "Bad", right: true, cell: (row) => (row.report?.bad ? <span class="bad">{count(row.report.bad)}</span> : count(row.report?.bad)) },
            { name: "When", right: true, cell: (row) => moment(row.created) },
          ]}
        />
      </Card>
      {latest && <OneImport key={latest.name} shown={latest} />}
    </>
  );
}

function OneImport({ shown }: { shown: ImportJob }) {
  return (
    <Card title={shown.name} about={`${shown.mode.toLowerCase()} · ${shown.location.split("/").at(-1)}`}>
      {OPEN.test(shown.status) && (
        <div role="status" class="stack tight">
          <progress value={shown.fraction ?? undefined} max={1} aria-label="Progress of the import" />
          <span class="note">{shown.message ?? "waiting"}</span>
        </div>
      )}
      {shown.failureReason && <Notice tone="bad" title={shown.failureReason} />}
      {shown.report && <Report report={shown.report} refused={/FAILED/.test(shown.status)} />}
      {(shown.notes ?? []).map((note) => (
        <Notice key={note} title={note} />
      ))}
    </Card>
  );
}

function Report({ report, refused }: { report: ImportReport; refused: boolean }) {
  return (
    <>
      <Notice
        tone={report.bad ? "bad" : "good"}
        title={report.bad ? `${plural(report.bad, "row")} of ${count(report.rows)} could not be used.` : `All ${plural(report.rows, "row")} could be used.`}
      >
        {refused ? `Nothing was imported: ${count(report.kept)} would do` : `${count(report.kept)} were kept`}{report.duplicates ? `, ${plural(report.duplicates, "duplicate")} left out` : ""}
        {report.blankLines ? `, ${plural(report.blankLines, "blank line")} skipped` : ""}.
      </Notice>
      <Flaws title="What is wrong with rows" flaws={report.flaws} />
      <Flaws title="Odd values that were read as empty" flaws={report.nulls} />
      <Facts
        rows={[
          ["Files", report.files.join(", ")],
          ["Columns that no schema has", report.ignoredColumns.join(", ")],
          ["Without a time", report.undated ? count(report.undated) : ""],
          ["From the future", report.ahead ? count(report.ahead) : ""],
        ]}
      />
    </>
  );
}

function Flaws({ title, flaws }: { title: string; flaws: Flaw[] }) {
  if (!flaws?.length) return null;
  return (
    <div class="stack tight">
      <h3>{title}</h3>
      <Table
        label={title}
        rows={flaws}
        id={(row) => `${row.column} ${row.rule} ${row.lines.join()}`}
        columns={[
          { name: "What", head: true, cell: (row) => (row.column ? <><code>{row.column}</code> {row.rule}</> : row.rule) },
          { name: "Rows", right: true, cell: (row) => count(row.count), sort: (row) => row.count },
          { name: "For instance", cell: (row) => (row.example ? <code>{row.example}</code> : "") },
          { name: "Where", cell: (row) => <span class="mono small">{row.lines.slice(0, 5).join(" ")}</span> },
        ]}
      />
    </div>
  );
}

interface ImportFormProps {
  group: string;
  onImported: (name: string) => void;
}

function ImportForm({ group, onImported }: ImportFormProps) {
  const file = useRef<HTMLInputElement>(null);
  const [type, setType] = useState("INTERACTIONS");
  const [mode, setMode] = useState("FULL");
  const [skipBad, setSkipBad] = useState("0");
  const [milliseconds, setMilliseconds] = useState(false);
  const load = useAction(async () => {
    const chosen = file.current?.files?.[0];
    if (!chosen) throw new Refusal("Choose a file first.", 0, "Page");
    if (chosen.size > LARGEST_UPLOAD) throw new Refusal("The page takes files up to 8 MiB. Larger ones: recgate import FILE.", 0, "Page");
    const query = { type, name: chosen.name, mode, skipBadRows: skipBad === "0" ? "" : skipBad, timestamps: milliseconds ? "milliseconds" : "" };
    const begun = await upload(withQuery(route("/admin/imports", group), query), chosen);
    onImported(begun.name);
  });
  return (
    <Card title="Import a CSV">
      <Form label="Import a CSV" onSubmit={() => void load.run()}>
        <div class="form-row">
          <div class="field">
            <label for="import-file">File</label>
            <input id="import-file" type="file" accept=".csv,text/csv" ref={file} />
          </div>
          <SelectField label="Dataset" value={type} choices={["INTERACTIONS", "ITEMS", "USERS"]} onInput={setType} />
          <SelectField
            label="Rows that are there"
            value={mode}
            choices={[
              ["FULL", "are replaced"],
              ["INCREMENTAL", "stay"],
            ]}
            onInput={setMode}
          />
          <TextField label="Bad rows that may be left out" type="number" value={skipBad} onInput={setSkipBad} />
          <Button kind="first" submit operate busy={load.busy}>
            Import
          </Button>
        </div>
        <div class="row">
          {type === "INTERACTIONS" && <Check label="Times are milliseconds" value={milliseconds} onInput={setMilliseconds} />}
        </div>
        {load.error && <Failed error={load.error} />}
      </Form>
    </Card>
  );
}

async function upload(path: string, file: File): Promise<ImportJob> {
  const response = await fetch(path, { method: "POST", body: file, headers: headers({ "Content-Type": "text/csv" }), credentials: "omit" });
  const body = (await response.json().catch(() => null)) as (ImportJob & { message?: string; code?: string }) | null;
  if (response.ok && body) return body;
  throw new Refusal(body?.message ?? `The gateway answered ${response.status}.`, response.status, body?.code ?? "");
}

// ---- the doctor

const SEVERITIES: Record<Finding["severity"], [Tone, string]> = { error: ["bad", "error"], warning: ["warn", "warning"], advice: ["accent", "advice"] };

function Doctor({ group }: { group: string }) {
  const diagnosis = useResource<Diagnosis>(route("/admin/doctor", group));
  return (
    <Shown of={diagnosis} what="the doctor's findings">
      {(data) => (
        <>
          <div class="row between">
            <p class="soft">
              {plural(data.checked.length, "check")} of {plural(data.statistics.interactions, "interaction")} took {duration(data.seconds)}.
            </p>
            <Button busy={diagnosis.loading} onClick={diagnosis.reload}>
              Examine again
            </Button>
          </div>
          {data.insights.length === 0 && <Notice tone="good" title="The data is sound: no check found anything." />}
          <ul class="stack">
            {data.insights.map((finding) => (
              <li key={`${finding.id} ${finding.columns.join()}`}>
                <FindingCard finding={finding} />
              </li>
            ))}
          </ul>
          <Card title="All checks" flush>
            <Table
              label="All checks"
              rows={data.checked}
              id={(row) => row.id}
              columns={[
                { name: "Check", head: true, cell: (row) => row.title },
                { name: "Of", cell: (row) => (row.source === "amazon" ? "Amazon Personalize" : "recgate") },
                { name: "Result", cell: (row) => <Badge tone={row.found ? "warn" : "good"}>{row.found ? "found something" : "fine"}</Badge> },
              ]}
            />
          </Card>
        </>
      )}
    </Shown>
  );
}

function FindingCard({ finding }: { finding: Finding }) {
  const [colour, word] = SEVERITIES[finding.severity];
  return (
    <Card title={finding.title} about={[...finding.datasets.map((each) => each.toLowerCase()), ...finding.columns].join(" · ")}>
      <div class="row">
        <Badge tone={colour}>{word}</Badge>
        <span class="note">
          {count(finding.count)}
          {finding.of ? ` of ${count(finding.of)} (${percent(finding.count / finding.of)})` : ""}
        </span>
        {finding.source === "amazon" && <Badge>an insight of Amazon Personalize</Badge>}
      </div>
      <p>{finding.what}</p>
      {finding.examples.length > 0 && (
        <p class="mono small soft">{finding.examples.slice(0, 5).join("   ")}</p>
      )}
      {finding.todo && (
        <p>
          <strong>What to do:</strong> {finding.todo}
        </p>
      )}
    </Card>
  );
}

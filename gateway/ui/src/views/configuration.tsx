// Configuration: what is in use, what differs, who changed what; checked while it is written.
import { useEffect, useState } from "preact/hooks";
import { answer, ask, type Refusal, route, withQuery } from "../api";
import type { Change, Configuration, ConfigurationText, Difference, Effective, Fault, HistoryEntry, Validation } from "../contract";
import { Badge, Card, Facts, Notice, ViewHead } from "../parts/card";
import { AreaField, Button, Form, SelectField, Tabs, TextField } from "../parts/form";
import { Empty, Failed, Shown } from "../parts/states";
import { Table } from "../parts/table";
import { moment, NONE, plural } from "../format";
import { useAction, useResource } from "../resource";
import { here, refine } from "../router";

const SETTLE_MS = 500;

export function ConfigurationView() {
  const now = useResource<Configuration>("/admin/configuration", "configuration");
  const tab = here.value.query.tab ?? "effective";
  return (
    <>
      <ViewHead title="Configuration" about={now.data?.name ?? "what the gateway was told to do"} />
      <Shown of={now} what="the configuration">
        {(data) => (
          <>
            <Faults data={data} />
            <Tabs
              label="Configuration"
              value={tab}
              tabs={[
                ["effective", "In use"],
                ["edit", "Edit"],
                ["history", "History"],
                ["diff", "Differences"],
              ]}
              onInput={(chosen) => refine({ tab: chosen })}
            >
              {tab === "edit" ? <Edit now={data} /> : tab === "history" ? <History /> : tab === "diff" ? <Differences /> : <InUse now={data} />}
            </Tabs>
          </>
        )}
      </Shown>
    </>
  );
}

function Faults({ data }: { data: Configuration }) {
  if (!data.faults.length) return null;
  return (
    <Card title="The file that lies there can't be used" about="the one before is in use">
      <FaultList faults={data.faults} />
    </Card>
  );
}

function FaultList({ faults, onGo }: { faults: Fault[]; onGo?: (line: number) => void }) {
  return (
    <ul class="stack">
      {faults.map((each) => (
        <li key={`${each.place} ${each.message}`}>
          <Notice tone="bad" title={each.message}>
            <span class="row">
              <code>{each.place}</code>
              {each.line &&
                (onGo ? (
                  <Button slim onClick={() => onGo(each.line ?? 1)}>
                    Go to line {each.line}
                  </Button>
                ) : (
                  <span class="soft">line {each.line}</span>
                ))}
            </span>
          </Notice>
        </li>
      ))}
    </ul>
  );
}

// ---- in use

function InUse({ now }: { now: Configuration }) {
  const effective = useResource<Effective>("/admin/configuration/effective");
  return (
    <>
      <Card>
        <Facts
          rows={[
            ["Version", now.version],
            ["Fingerprint", <code>{now.fingerprint}</code>],
            ["Loaded", now.loadedAt ? moment(now.loadedAt) : NONE],
            ["May be written here", now.writable ? "yes" : `no: ${now.why ?? "it has no file"}`],
          ]}
        />
        {now.warnings.map((each) => (
          <Notice key={each} tone="warn" title={each} />
        ))}
      </Card>
      <Shown of={effective} what="what is in effect">
        {(data) => (
          <Card title="Lists, with all that they inherit" flush>
            <Table
              label="Lists, with all that they inherit"
              rows={data.recommenders}
              id={(row) => `${row.action} ${row.namespace} ${row.recommender} ${row.variation}`}
              none={<Empty title="No recommender is configured" />}
              columns={[
                { name: "List", head: true, cell: (row) => `${row.namespace}/${row.recommender}`, sort: (row) => row.recommender },
                { name: "Variation", cell: (row) => row.variation },
                { name: "Answered by", cell: (row) => row.model ?? row.upstream },
                { name: "Cache", wide: true, cell: (row) => <Caching cache={row.cache} /> },
                { name: "Filters", cell: (row) => said(row.filters) },
                { name: "Rules", cell: (row) => said(row.rules) },
                { name: "Experiments", cell: (row) => row.experiments.join(", ") },
                { name: "Fallback", cell: (row) => row.fallback.join(", ") },
              ]}
            />
          </Card>
        )}
      </Shown>
    </>
  );
}

const said = (parts: unknown[]) => parts.map((each) => (typeof each === "string" ? each : ((each as { name?: string }).name ?? JSON.stringify(each)))).map((each) => <code key={each} class="small">{each} </code>);

function Caching({ cache }: { cache: Record<string, string> }) {
  return (
    <span class="small">
      {Object.entries(cache).map(([who, directives]) => (
        <span key={who}>
          <span class="soft">{who}</span> {directives}
          <br />
        </span>
      ))}
    </span>
  );
}

// ---- written

function Edit({ now }: { now: Configuration }) {
  const text = useResource<ConfigurationText>("/admin/configuration/text");
  return (
    <Shown of={text} what="the file">
      {(data) => <Editor key={data.etag} given={data} now={now} reload={text.reload} />}
    </Shown>
  );
}

function Editor({ given, now, reload }: { given: ConfigurationText; now: Configuration; reload: () => void }) {
  const [text, setText] = useState(given.text);
  const [comment, setComment] = useState("");
  const [checked, setChecked] = useState<Validation>();
  const [done, setDone] = useState<string>();
  const changed = text !== given.text;
  useEffect(() => {
    if (!changed) {
      setChecked(undefined);
      return;
    }
    const abort = new AbortController();
    const timer = window.setTimeout(() => {
      ask<Validation>("/admin/configuration/validate", { method: "POST", body: { text }, signal: abort.signal }).then(setChecked, () => undefined);
    }, SETTLE_MS);
    return () => {
      window.clearTimeout(timer);
      abort.abort();
    };
  }, [text]);
  const save = useAction(async () => {
    const { body } = await answer<{ needRestart: string[] }>("/admin/configuration", { method: "PUT", headers: { "If-Match": given.etag }, body: { text, comment } });
    setDone(body.needRestart.length ? `Written. ${body.needRestart.join(", ")} hold after a restart.` : "Written, and in use within two seconds.");
    reload();
  });
  const goTo = (line: number) => {
    const area = document.querySelector<HTMLTextAreaElement>("#content textarea");
    const lines = text.split("\n");
    const from = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    area?.focus();
    area?.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0));
  };
  return (
    <Card title={given.name} about={given.format}>
      {!now.writable && <Notice tone="warn" title={`It can't be written here: ${now.why ?? "it has no file"}`} />}
      <AreaField label="The configuration" rows={24} value={text} onInput={setText} wrap="off" hint="Secrets are shown as tokens, and stay as they are." />
      <div role="status" class="stack">
        {done && !changed && <Notice tone="good" title={done} />}
        {checked && <Checked checked={checked} onGo={goTo} />}
      </div>
      {save.error && <SaveFailed error={save.error} reload={reload} onGo={goTo} />}
      <Form label="Write the configuration" onSubmit={() => void save.run()}>
        <div class="form-row">
          <TextField grow label="Why" placeholder="for the history" value={comment} onInput={setComment} />
          <Button onClick={() => setText(given.text)} disabled={!changed}>
            Undo all
          </Button>
          <Button kind="first" submit operate busy={save.busy} disabled={!changed || !now.writable || checked?.valid === false}>
            Write it
          </Button>
        </div>
      </Form>
    </Card>
  );
}

function Checked({ checked, onGo }: { checked: Validation; onGo: (line: number) => void }) {
  if (!checked.valid) return <FaultList faults={checked.faults} onGo={onGo} />;
  return (
    <>
      <Notice tone="good" title="This configuration is sound.">
        {checked.needRestart.length > 0 && `${checked.needRestart.join(", ")} would hold after a restart only.`}
      </Notice>
      {checked.warnings.map((each) => (
        <Notice key={`${each.place} ${each.message}`} tone="warn" title={each.message}>
          <code>{each.place}</code>
        </Notice>
      ))}
      {checked.diff && <Changes changes={checked.diff.changes} />}
    </>
  );
}

function SaveFailed({ error, reload, onGo }: { error: Refusal; reload: () => void; onGo: (line: number) => void }) {
  const faults = (error.body as { faults?: Fault[] } | null)?.faults ?? [];
  return (
    <>
      <Failed error={error} />
      {faults.length > 0 && <FaultList faults={faults} onGo={onGo} />}
      {error.status === 412 && (
        <Notice tone="warn" title="Somebody else wrote it meanwhile.">
          <Button slim onClick={reload}>
            Load theirs, and drop mine
          </Button>
        </Notice>
      )}
    </>
  );
}

// ---- what changed

const asText = (value: unknown): string => (value === undefined || value === null ? NONE : typeof value === "string" ? value : JSON.stringify(value));

function Changes({ changes }: { changes: Change[] }) {
  return (
    <Table
      label="Changes"
      rows={changes}
      id={(row) => row.place}
      none={<p class="soft">Nothing differs.</p>}
      columns={[
        { name: "Place", head: true, cell: (row) => <code>{row.place}</code> },
        { name: "What", cell: (row) => <Badge tone={row.kind === "added" ? "good" : row.kind === "removed" ? "bad" : "accent"}>{row.kind}</Badge> },
        { name: "Before", cell: (row) => <code class="small">{asText(row.before)}</code> },
        { name: "After", cell: (row) => <code class="small">{asText(row.after)}</code> },
      ]}
    />
  );
}

function Unified({ text }: { text: string }) {
  if (!text) return null;
  const kind = (line: string) => (/^(\+\+\+|---|@@)/.test(line) ? "place" : line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : "");
  return (
    <div class="diff" tabIndex={0} role="region" aria-label="Differences, line by line">
      {text.split("\n").map((line, number) => (
        <span key={number} class={kind(line)}>
          {line || " "}
        </span>
      ))}
    </div>
  );
}

function Differences() {
  const history = useResource<{ entries: HistoryEntry[] }>("/admin/configuration/history");
  const { from = "inUse", to = "file" } = here.value.query;
  const difference = useResource<Difference>(withQuery("/admin/configuration/diff", { from, to }));
  const choices: [string, string][] = [
    ["inUse", "what is in use"],
    ["file", "the file that lies there"],
    ...(history.data?.entries ?? []).map((each): [string, string] => [each.id, `${moment(each.at)}, ${each.by || each.how}`]),
  ];
  return (
    <>
      <div class="form-row">
        <SelectField label="From" value={from} choices={choices} onInput={(chosen) => refine({ from: chosen })} />
        <SelectField label="To" value={to} choices={choices} onInput={(chosen) => refine({ to: chosen })} />
      </div>
      <Shown of={difference} what="the differences">
        {(data) => (
          <>
            <Card title="By meaning" flush>
              <div class={data.changes.length ? "" : "pad"}>
                <Changes changes={data.changes} />
              </div>
            </Card>
            {data.unified && (
              <Card title="Line by line">
                <Unified text={data.unified} />
              </Card>
            )}
          </>
        )}
      </Shown>
    </>
  );
}

function History() {
  const history = useResource<{ entries: HistoryEntry[] }>("/admin/configuration/history");
  const [chosen, setChosen] = useState<string | null>(null);
  const entry = useResource<HistoryEntry & { text: string }>(chosen === null ? null : route("/admin/configuration/history", chosen));
  return (
    <>
      <Shown of={history} what="the history">
        {(data) => (
          <Card title="Who changed what" about={plural(data.entries.length, "version")} flush>
            <Table
              label="History"
              rows={data.entries}
              id={(row) => row.id}
              chosen={chosen ?? undefined}
              none={<Empty title="Nothing was changed since the history began" />}
              columns={[
                { name: "When", head: true, cell: (row) => moment(row.at), sort: (row) => row.at },
                { name: "Who", cell: (row) => row.by || NONE, sort: (row) => row.by },
                { name: "How", cell: (row) => <Badge>{row.how}</Badge> },
                { name: "Why", wide: true, cell: (row) => row.comment },
                { name: "Version", cell: (row) => row.version },
                { name: "Lines", right: true, cell: (row) => <><span class="good">+{row.added}</span> <span class="bad">−{row.removed}</span></> },
                {
                  name: "",
                  cell: (row) => (
                    <div class="row">
                      <Button slim onClick={() => setChosen(row.id)}>
                        Show
                      </Button>
                      <Button slim onClick={() => refine({ tab: "diff", from: row.id, to: "inUse" })}>
                        Compare
                      </Button>
                    </div>
                  ),
                },
              ]}
            />
          </Card>
        )}
      </Shown>
      {chosen !== null && (
        <Shown of={entry} what="this version">
          {(data) => (
            <Card title={`As of ${moment(data.at)}`}>
              <pre tabIndex={0}>{data.text}</pre>
            </Card>
          )}
        </Shown>
      )}
    </>
  );
}

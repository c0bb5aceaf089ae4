// Filters and rules: written with their errors in place, and tried before anybody's list changes.
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, type Refusal, route } from "../api";
import type { DataGroup, Filter, FilterTrial, FilterUse, Model, RuleTrial } from "../contract";
import { Badge, Card, Figure, Figures, Notice, ViewHead } from "../parts/card";
import { AreaField, Button, type Choice, Confirm, Dialog, Form, SelectField, Tabs, TextField } from "../parts/form";
import { ItemRow, ItemRows } from "../parts/items";
import { Empty, Failed, Shown } from "../parts/states";
import { Table } from "../parts/table";
import { count, decimal, percent, plural } from "../format";
import { useAction, useResource } from "../resource";
import { here, refine, to } from "../router";
import { session } from "../session";

const SETTLE_MS = 400;
const SAMPLE = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")';

export function FiltersView() {
  const tab = here.value.query.tab ?? "filters";
  return (
    <>
      <ViewHead title="Filters and rules" about="Try them here first: nothing changes for anybody until you use them." />
      <Tabs
        label="Filters and rules"
        value={tab}
        tabs={[
          ["filters", "Filters"],
          ["rules", "Rules"],
        ]}
        onInput={(chosen) => refine({ tab: chosen })}
      >
        {tab === "rules" ? <Rules /> : <Filters />}
      </Tabs>
    </>
  );
}

// ---- filters

function Filters() {
  const groups = useResource<{ groups: DataGroup[] }>("/admin/datasets");
  const filters = useResource<{ filters: Filter[] }>("/admin/filters");
  const [expression, setExpression] = useState(SAMPLE);
  return (
    <>
      <Shown of={groups} what="the dataset groups">
        {(data) =>
          data.groups.length ? (
            <Editor groups={data.groups.map((each) => each.group)} expression={expression} setExpression={setExpression} onSaved={filters.reload} />
          ) : (
            <Empty title="There is no data yet">A filter is tried on the items and users of a dataset group. Import one first.</Empty>
          )
        }
      </Shown>
      <Shown of={filters} what="the filters">
        {(data) => <Known filters={data.filters} onOpen={setExpression} reload={filters.reload} />}
      </Shown>
    </>
  );
}

function Known({ filters, onOpen, reload }: { filters: Filter[]; onOpen: (expression: string) => void; reload: () => void }) {
  const [deleting, setDeleting] = useState<Filter | null>(null);
  const [using, setUsing] = useState<string | null>(null);
  const shown = filters.find((each) => each.arn === using);
  const remove = useAction(async (filter: Filter) => {
    await ask(route("/admin/filters", filter.group, filter.name), { method: "DELETE" });
    setDeleting(null);
    reload();
  });
  return (
    <Card title="Filters that have a name" flush>
      <Table
        label="Filters that have a name"
        rows={filters}
        id={(row) => row.arn}
        none={<Empty title="None yet">Write one above: lists may use it.</Empty>}
        columns={[
          { name: "Filter", head: true, cell: (row) => row.name, sort: (row) => row.name },
          { name: "Group", cell: (row) => row.group, sort: (row) => row.group },
          { name: "Expression", wide: true, cell: (row) => <code>{row.expression}</code> },
          { name: "Used by", cell: (row) => row.usedBy.join(", ") || <span class="soft">nobody</span> },
          {
            name: "",
            cell: (row) => (
              <div class="row">
                <Button slim label={`Use ${row.name} in lists`} onClick={() => setUsing(row.arn)}>
                  Use
                </Button>
                <Button slim label={`Edit a copy of ${row.name}`} onClick={() => onOpen(row.expression)}>
                  Edit a copy
                </Button>
                <Button slim operate kind="danger" label={`Delete ${row.name}`} onClick={() => setDeleting(row)}>
                  Delete
                </Button>
              </div>
            ),
          },
        ]}
      />
      {shown && <UseDialog filter={shown} onDone={reload} onClose={() => setUsing(null)} />}
      {deleting && (
        <Confirm title={`Delete the filter ${deleting.name}?`} act="Delete" danger busy={remove.busy} error={remove.error} onConfirm={() => void remove.run(deleting)} onClose={() => setDeleting(null)}>
          {deleting.usedBy.length ? `It is used by ${deleting.usedBy.join(", ")}: their lists would get an error.` : "No list uses it."}
        </Confirm>
      )}
    </Card>
  );
}

interface EditorProps {
  groups: string[];
  expression: string;
  setExpression: (expression: string) => void;
  onSaved: () => void;
}

function Editor({ groups, expression, setExpression, onSaved }: EditorProps) {
  const [group, setGroup] = useState(groups[0] ?? "");
  const [user, setUser] = useState("");
  const [values, setValues] = useState<Record<string, string>>({});
  const { trial, error, trying } = useTrial(group, expression, { userId: user || null, values });
  const area = useRef<HTMLTextAreaElement>(null);
  const fault = trial?.fault;
  const goThere = () => {
    area.current?.focus();
    const offset = fault?.offset ?? 0;
    area.current?.setSelectionRange(offset, offset + 1);
  };
  return (
    <Card title="Write a filter" about="tried while you write">
      <div class="form-row">
        <SelectField label="Dataset group" value={group} choices={groups} onInput={setGroup} />
        <TextField label="For one user" placeholder="a sample of users" value={user} onInput={setUser} />
      </div>
      <AreaField label="Filter expression" area={area} value={expression} onInput={setExpression} rows={3} fault={fault?.message} />
      {fault && <Place expression={expression} fault={fault} onGo={goThere} />}
      {(trial?.placeholders ?? []).length > 0 && (
        <div class="form-row">
          {trial?.placeholders?.map((name) => (
            <TextField key={name} label={`Value of $${name}`} value={values[name] ?? ""} onInput={(value) => setValues({ ...values, [name]: value })} fault={trial.missing?.includes(name) ? "needs a value" : undefined} />
          ))}
        </div>
      )}
      {error && <Failed error={error} />}
      <div role="status" aria-busy={trying}>
        {trial?.valid && <Preview trial={trial} />}
      </div>
      {trial?.valid && <Use group={group} expression={expression} onSaved={onSaved} />}
    </Card>
  );
}

// Tries the expression once nothing was typed for a while; the answer to an earlier one is never shown for a later one.
function useTrial(group: string, expression: string, more: { userId: string | null; values: Record<string, string> }) {
  const [trial, setTrial] = useState<FilterTrial>();
  const attempt = useAction(async (body: unknown, signal: AbortSignal) => {
    const answered = await ask<FilterTrial>("/admin/filters/try", { method: "POST", body, signal });
    if (!signal.aborted) setTrial(answered);
  });
  const body = { group, expression, values: Object.fromEntries(Object.entries(more.values).filter(([, value]) => value)), userId: more.userId };
  const text = JSON.stringify(body);
  useEffect(() => {
    if (!expression.trim()) {
      setTrial(undefined);
      return;
    }
    const abort = new AbortController();
    const timer = window.setTimeout(() => void attempt.run(body, abort.signal), SETTLE_MS);
    return () => {
      window.clearTimeout(timer);
      abort.abort();
    };
  }, [text]);
  return { trial, error: attempt.error?.code === "Page" ? undefined : attempt.error, trying: attempt.busy };
}

function Place({ expression, fault, onGo }: { expression: string; fault: NonNullable<FilterTrial["fault"]>; onGo: () => void }) {
  if (fault.line === null || fault.column === null) return null;
  const line = expression.split("\n")[fault.line - 1] ?? "";
  return (
    <div class="stack tight">
      <pre class="caret">{`${line}\n${" ".repeat(Math.max(fault.column - 1, 0))}^`}</pre>
      <div>
        <Button slim onClick={onGo}>
          Go to line {fault.line}, column {fault.column}
        </Button>
      </div>
    </div>
  );
}

function Preview({ trial }: { trial: FilterTrial }) {
  const { items, users, userFilter } = trial;
  const kept = items ? items.kept / (items.of || 1) : 0;
  return (
    <div class="stack">
      <Notice tone={users?.empty ? "warn" : "good"} title={users?.empty ? `The answers of ${count(users.empty)} of ${count(users.of)} users would be empty.` : "The filter is sound."}>
        {trial.needsUser ? "It looks at each user's own events or properties." : "It is the same for everybody."}
        {trial.needsItem ? " It looks at the current item." : ""}
      </Notice>
      <Figures>
        {items && <Figure label="Items it leaves" value={count(Math.round(items.kept))} aside={`${percent(kept)} of ${count(items.of)}${trial.needsUser ? ", on average" : ""}`} />}
        {users && <Figure label="Empty answers" value={<span class={users.empty ? "bad" : ""}>{count(users.empty)}</span>} aside={`of ${plural(users.of, "user")}`} />}
        {users && <Figure label="Short answers" value={count(users.short)} aside="fewer items than asked for" />}
        {userFilter && <Figure label="Users it leaves" value={count(userFilter.kept)} aside={`of ${count(userFilter.of)}`} />}
      </Figures>
      {users && users.examples.length > 0 && (
        <p class="small">
          <span class="soft">Emptied or shortened, for instance: </span>
          {users.examples.map((each) => (
            <span key={each.userId}>
              <a href={to("users", each.userId)}>{each.userId}</a> ({plural(Math.round(each.kept), "item")} left){" "}
            </span>
          ))}
        </p>
      )}
      {items && (
        <div class="lists">
          {items.keptExamples.length > 0 && (
            <Card title="Keeps, for instance" flush>
              <ItemRows items={items.keptExamples} />
            </Card>
          )}
          {items.droppedExamples.length > 0 && (
            <Card title="Drops, for instance" flush>
              <ItemRows items={items.droppedExamples} />
            </Card>
          )}
        </div>
      )}
    </div>
  );
}

// ---- where filters are used

const NOWHERE = "";
const keyOf = ({ namespace, action, recommender, variation }: FilterUse): string => [namespace, action, recommender, variation ?? ""].join("\t");
const placeOf = ({ namespace, recommender, variation }: FilterUse): string => `${namespace}/${recommender}${variation ? `, variation ${variation}` : ""}`;

function placesOf(): FilterUse[] {
  return (session.value?.recommenders ?? []).flatMap(({ namespace, action, recommender, variations }) => {
    const whole = { namespace, action, recommender, variation: null };
    return variations.length > 1 ? [whole, ...variations.map((variation) => ({ ...whole, variation }))] : [whole];
  });
}

async function write(place: FilterUse, filter: string | null): Promise<void> {
  const comment = filter === null ? "a filter removed on the page" : `the filter ${filter} on the page`;
  await ask("/admin/filters/use", { method: "POST", body: { ...place, filter, comment } });
}

function PlaceField({ value, onInput, none }: { value: string; onInput: (value: string) => void; none?: string }) {
  const choices = placesOf().map((each): Choice => [keyOf(each), placeOf(each)]);
  return <SelectField label="In the lists of" value={value} choices={none ? [[NOWHERE, none], ...choices] : choices} onInput={onInput} hint="its only filter from then on" autoFocus={!none} />;
}

function UseDialog({ filter, onDone, onClose }: { filter: Filter; onDone: () => void; onClose: () => void }) {
  const places = placesOf();
  const [place, setPlace] = useState(places[0] ? keyOf(places[0]) : NOWHERE);
  const use = useAction(async (where: FilterUse, named: string | null) => {
    await write(where, named);
    onDone();
  });
  const chosen = places.find((each) => keyOf(each) === place);
  const inherited = filter.usedBy.filter((name) => !filter.uses.some((each) => `${each.namespace}/${each.recommender}` === name));
  return (
    <Dialog title={`Where lists use ${filter.name}`} onClose={onClose}>
      <Form label="Use the filter" onSubmit={() => chosen && void use.run(chosen, filter.name)}>
        <div class="form-row">
          <PlaceField value={place} onInput={setPlace} />
          <Button kind="first" submit operate busy={use.busy} disabled={!chosen}>
            Use it there
          </Button>
        </div>
      </Form>
      {use.error && <WriteFailed error={use.error} />}
      {filter.uses.length > 0 && (
        <ul class="stack tight" aria-label="Used by">
          {filter.uses.map((each) => (
            <li key={keyOf(each)} class="row between">
              <span>{placeOf(each)}</span>
              <Button slim operate kind="danger" busy={use.busy} label={`Stop using it in ${placeOf(each)}`} onClick={() => void use.run(each, null)}>
                Stop using it
              </Button>
            </li>
          ))}
        </ul>
      )}
      {inherited.length > 0 && <p class="note">Inherited by {inherited.join(", ")}: change it in the configuration.</p>}
      <p class="note">It is written to the configuration file; comments in it stay. It is in use within two seconds.</p>
    </Dialog>
  );
}

function WriteFailed({ error }: { error: Refusal }) {
  const faults = (error.body as { faults?: { place: string; message: string }[] } | null)?.faults ?? [];
  return (
    <>
      <Failed error={error} />
      {faults.map((each) => (
        <p key={`${each.place} ${each.message}`} class="small">
          <code>{each.place}</code> {each.message}
        </p>
      ))}
    </>
  );
}

function Use({ group, expression, onSaved }: { group: string; expression: string; onSaved: () => void }) {
  const [name, setName] = useState("");
  const [place, setPlace] = useState(NOWHERE);
  const [saved, setSaved] = useState<Filter>();
  const [used, setUsed] = useState<FilterUse>();
  const save = useAction(async () => {
    setUsed(undefined);
    if (saved?.name !== name || saved.expression !== expression) {
      setSaved(await ask<Filter>("/admin/filters", { method: "POST", body: { group, name, expression } }));
      onSaved();
    }
    const chosen = placesOf().find((each) => keyOf(each) === place);
    if (chosen) await write(chosen, name);
    setUsed(chosen);
    onSaved();
  });
  return (
    <Form label="Use the filter" onSubmit={() => void save.run()}>
      <div class="form-row">
        <TextField label="Name of the filter" value={name} onInput={setName} required />
        <PlaceField value={place} onInput={setPlace} none="no list yet" />
        <Button kind="first" submit operate busy={save.busy}>
          Use it
        </Button>
      </div>
      {save.error && <WriteFailed error={save.error} />}
      {saved && !save.error && !save.busy && (
        <Notice tone="good" role="status" title={used ? `Lists of ${placeOf(used)} use the filter ${saved.name}.` : `Lists may name the filter ${saved.name} from now on.`}>
          {used ? "The configuration file says so, and its comments stayed. " : <>In the configuration: <code>{`filters: [{arn: "${saved.arn}"}]`}</code>. </>}
          <a href={to("configuration", "", { tab: used ? "history" : "edit" })}>{used ? "See what changed" : "Open the configuration"}</a>
        </Notice>
      )}
    </Form>
  );
}

// ---- rules

const RULES = `[
  {"type": "pin", "name": "first-place", "place": 1, "items": ["ITEM-ID"]},
  {"type": "boost", "name": "own-brand", "times": 3,
   "expression": "INCLUDE ItemID WHERE Items.BRAND IN (\\"Acme\\")"}
]`;

function Rules() {
  const known = useResource<{ models: Model[] }>("/admin/models");
  return (
    <Shown of={known} what="the models">
      {(data) => {
        const models = data.models.filter((each) => each.kind !== "solution").map((each) => each.model);
        return models.length ? <RuleEditor models={models} /> : <Empty title="No model answers yet">Rules are tried on the lists of a model. Train one first.</Empty>;
      }}
    </Shown>
  );
}

function RuleEditor({ models }: { models: string[] }) {
  const [text, setText] = useState(RULES);
  const [model, setModel] = useState(models[0] ?? "");
  const [user, setUser] = useState("");
  const [trial, setTrial] = useState<RuleTrial>();
  const parsed = readRules(text);
  const attempt = useAction(async () => {
    if ("fault" in parsed) return;
    setTrial(await ask<RuleTrial>("/admin/rules/try", { method: "POST", body: { model, rules: parsed.rules, userId: user || null, numResults: 12 } }));
  });
  return (
    <Card title="Write rules" about="items pinned to a place, boosted or buried">
      <Form label="Try rules" onSubmit={() => void attempt.run()}>
        <div class="form-row">
          <SelectField label="On the lists of" value={model} choices={models} onInput={setModel} />
          <TextField label="For the user" placeholder="somebody new" value={user} onInput={setUser} />
        </div>
        <AreaField label="Rules, as JSON" value={text} onInput={setText} rows={8} fault={"fault" in parsed ? parsed.fault : undefined} />
        <div>
          <Button kind="first" submit busy={attempt.busy} disabled={"fault" in parsed}>
            Try them
          </Button>
        </div>
      </Form>
      {attempt.error && <Failed error={attempt.error} />}
      <div role="status">{trial && <Tried trial={trial} />}</div>
    </Card>
  );
}

function readRules(text: string): { rules: unknown[] } | { fault: string } {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? { rules: value } : { fault: "A list of rules is expected: [ … ]" };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : "not JSON" };
  }
}

function Tried({ trial }: { trial: RuleTrial }) {
  if (trial.faults.length) {
    return (
      <ul class="stack">
        {trial.faults.map((each) => (
          <li key={`${each.index} ${each.message}`}>
            <Notice tone="bad" title={each.message}>
              {each.index !== null && `Rule ${each.index + 1}${each.rule ? `, ${each.rule}` : ""}`}
              {each.member && <code> {each.member}</code>}
            </Notice>
          </li>
        ))}
      </ul>
    );
  }
  const moved = new Map(trial.moved.map((each) => [each.item.itemId, each]));
  return (
    <div class="stack">
      <Notice tone="good" title={trial.moved.length ? `${plural(trial.moved.length, "item")} would move.` : "The rules are sound, and move nothing in this list."} />
      <div class="lists">
        <Card title="Without" flush>
          <ItemRows items={trial.before} />
        </Card>
        <Card title="With the rules" flush>
          <ol class="items">
            {trial.after.map((item, number) => {
              const move = moved.get(item.itemId);
              return (
                <ItemRow key={item.itemId} item={item} place={number + 1} fresh={Boolean(move)}>
                  {move && <Badge tone="accent">{move.before ? `was ${decimal(move.before, 0)}` : "new"}</Badge>}
                </ItemRow>
              );
            })}
          </ol>
        </Card>
      </div>
    </div>
  );
}

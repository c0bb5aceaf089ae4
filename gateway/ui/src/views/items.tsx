// One item: neighbours, who gets it, what filters say of it; edited and hidden at once.
import { useState } from "preact/hooks";
import { ask, route, withQuery } from "../api";
import type { Audience, Item } from "../contract";
import { Bars } from "../parts/charts";
import { Badge, Card, Facts, Figure, Figures, Notice, ViewHead } from "../parts/card";
import { Button, Form, SelectField, TextField } from "../parts/form";
import { ItemRow, Picture, titleOf } from "../parts/items";
import { Empty, Failed, Shown } from "../parts/states";
import { Table } from "../parts/table";
import { count, decimal, moment, percent, since } from "../format";
import { useAction, useResource } from "../resource";
import { go, here, to } from "../router";
import { namespace, recommenders } from "../scope";

type ItemGroup = Item["groups"][number];

export function ItemsView() {
  const { id } = here.value;
  return id ? <OneItem id={id} key={id} /> : <FindItem />;
}

function FindItem() {
  const [typed, setTyped] = useState("");
  return (
    <>
      <ViewHead title="Items" about="What one item is like, who gets it, and what filters say of it." />
      <Card>
        <Form label="Find an item" onSubmit={() => typed && go(to("items", typed.trim()))}>
          <div class="form-row">
            <TextField label="Item id" value={typed} onInput={setTyped} autoFocus hint="Every title on this page leads here, too." />
            <Button kind="first" submit>
              Show
            </Button>
          </div>
        </Form>
      </Card>
    </>
  );
}

function OneItem({ id }: { id: string }) {
  const path = route("/admin/items", namespace.value, id);
  const item = useResource<Item>(path);
  return (
    <Shown of={item} what="the item">
      {(data) => {
        const first = data.groups.find((each) => each.known) ?? data.groups[0];
        return (
          <>
            <ViewHead title={first ? titleOf(first.item) : id} about={`Item ${id} of ${namespace.value}`}>
              {first && <HideButton path={path} hidden={first.hidden} onDone={item.reload} />}
            </ViewHead>
            {!data.known && <Notice tone="warn" title="Nobody has heard of this item.">It is in no dataset and no event names it.</Notice>}
            {data.groups.map((group) => (
              <Group key={group.group} group={group} path={path} onDone={item.reload} />
            ))}
            <AudienceCard path={path} />
          </>
        );
      }}
    </Shown>
  );
}

function HideButton({ path, hidden, onDone }: { path: string; hidden: boolean; onDone: () => void }) {
  const hide = useAction(async () => {
    await ask(`${path}/hidden`, { method: "PUT", body: { hidden: !hidden } });
    onDone();
  });
  return (
    <>
      {hidden && <Badge tone="bad">hidden: no list has it</Badge>}
      <Button operate busy={hide.busy} kind={hidden ? "" : "danger"} onClick={() => void hide.run()}>
        {hidden ? "Show again" : "Hide at once"}
      </Button>
      {hide.error && <Failed error={hide.error} />}
    </>
  );
}

function Group({ group, path, onDone }: { group: ItemGroup; path: string; onDone: () => void }) {
  return (
    <div class="stack">
      <Figures>
        <Figure label={`Interactions in ${group.group}`} value={count(group.interactions)} aside={`by ${count(group.users)} users`} />
        <Figure label="Latest event" value={group.lastEvent ? since(group.lastEvent) : "never"} aside={group.firstEvent ? `the first on ${moment(group.firstEvent)}` : ""} />
        <Figure label="Shown" value={count(group.impressions)} aside="times, as far as events say" />
      </Figures>
      <div class="grid of-2">
        <Properties group={group} path={path} onDone={onDone} />
        <Card title="Neighbours" about="what users of this item also like" flush>
          {group.neighbours.length ? (
            <ol class="items">
              {group.neighbours.map((each, number) => (
                <ItemRow key={each.item.itemId} item={each.item} place={number + 1}>
                  <span class="note number" title={each.users === undefined ? undefined : `${count(each.users)} users chose both`}>
                    {decimal(each.likeness, 2)}
                  </span>
                </ItemRow>
              ))}
            </ol>
          ) : (
            <Empty title="No neighbours">No model has seen this item often enough.</Empty>
          )}
        </Card>
        <Verdicts group={group} />
        <Card title="Who came to it last" flush>
          <Table
            label="Latest users of the item"
            rows={group.recentUsers}
            id={(row) => `${row.userId} ${row.time}`}
            none={<Empty title="Nobody yet" />}
            columns={[
              { name: "User", head: true, cell: (row) => <a href={to("users", row.userId)}>{row.userId}</a> },
              { name: "Event", cell: (row) => row.eventType },
              { name: "When", right: true, cell: (row) => moment(row.time), sort: (row) => row.time },
            ]}
          />
        </Card>
      </div>
    </div>
  );
}

function Verdicts({ group }: { group: ItemGroup }) {
  return (
    <Card title="What filters say" flush>
      <Table
        label="Filters' verdicts"
        rows={group.filters}
        id={(row) => row.filter}
        none={<Empty title="No filter is about it" />}
        columns={[
          {
            name: "Verdict",
            cell: (row) =>
              row.fault ? (
                <Badge tone="warn">{row.fault}</Badge>
              ) : row.needsUser ? (
                <Badge>depends on the user</Badge>
              ) : (
                <Badge tone={row.keeps ? "good" : "bad"}>{row.keeps ? "keeps it" : "drops it"}</Badge>
              ),
          },
          { name: "Filter", head: true, wide: true, cell: (row) => (row.filter === row.expression ? <code>{row.filter}</code> : <>{row.filter} <code class="soft small">{row.expression}</code></>) },
        ]}
      />
    </Card>
  );
}

function Properties({ group, path, onDone }: { group: ItemGroup; path: string; onDone: () => void }) {
  const [editing, setEditing] = useState(false);
  const columns = Object.entries(group.item.columns ?? {});
  return (
    <Card
      title="Properties"
      tools={
        group.editable.length > 0 &&
        !editing && (
          <Button slim operate onClick={() => setEditing(true)}>
            Edit
          </Button>
        )
      }
    >
      {group.item.picture && <Picture item={group.item} large />}
      {editing ? (
        <Editor group={group} path={path} onDone={() => (setEditing(false), onDone())} onCancel={() => setEditing(false)} />
      ) : columns.length ? (
        <Facts rows={columns.map(([name, value]) => [name, shown(String(value))])} />
      ) : (
        <p class="soft">The dataset Items has nothing of this item.</p>
      )}
    </Card>
  );
}

// A picture that is written out is seen, not read.
const shown = (value: string): string => (value.startsWith("data:") ? `${value.slice(0, value.indexOf(","))}, ${count(value.length)} characters` : value.replaceAll("|", ", "));

function Editor({ group, path, onDone, onCancel }: { group: ItemGroup; path: string; onDone: () => void; onCancel: () => void }) {
  const before = Object.fromEntries(group.editable.map(({ name }) => [name, asText(group.item.columns?.[name])]));
  const [values, setValues] = useState<Record<string, string>>(before);
  const save = useAction(async () => {
    const changed = group.editable.filter(({ name }) => values[name] !== before[name]);
    const properties = Object.fromEntries(changed.map(({ name, type }) => [name, asValue(values[name] ?? "", type)]));
    if (changed.length) await ask(path, { method: "PUT", body: { properties } });
    onDone();
  });
  return (
    <Form label="Properties of the item" onSubmit={() => void save.run()}>
      {group.editable.map((field) => (
        <TextField
          key={field.name}
          label={field.name}
          hint={`${field.type}${field.categorical ? ", several values are separated by |" : ""}${field.nullable ? ", empty removes it" : ""}`}
          value={values[field.name] ?? ""}
          onInput={(value) => setValues({ ...values, [field.name]: value })}
        />
      ))}
      {save.error && <Failed error={save.error} />}
      <div class="row end">
        <Button onClick={onCancel}>Cancel</Button>
        <Button kind="first" submit busy={save.busy}>
          Save
        </Button>
      </div>
    </Form>
  );
}

const asText = (value: unknown): string => (value === null || value === undefined ? "" : String(value));

// what is no number goes as it was typed: the gateway says which field refuses it
function asValue(text: string, type: string): unknown {
  if (text === "") return null;
  if (/int|long|float|double/.test(type) && text.trim() !== "" && Number.isFinite(Number(text))) return Number(text);
  if (type.includes("boolean") && /^(true|false)$/.test(text)) return text === "true";
  return text;
}

function AudienceCard({ path }: { path: string }) {
  const models = [...new Set(recommenders.value.filter((each) => each.action === "recommend-items").flatMap((each) => each.models))];
  const [model, setModel] = useState("");
  const audience = useResource<Audience>(model ? withQuery(`${path}/audience`, { model }) : null);
  if (!models.length) return null;
  return (
    <Card title="Who gets it" about="asked for a sample of known users">
      <div class="form-row">
        <SelectField label="Model" value={model} choices={[["", "choose one"], ...models.map((each): [string, string] => [each, each])]} onInput={setModel} />
      </div>
      {model && (
        <Shown of={audience} what="who gets it">
          {(data) => <AudienceBody data={data} />}
        </Shown>
      )}
    </Card>
  );
}

function AudienceBody({ data }: { data: Audience }) {
  return (
    <>
      <p>
        <strong>{count(data.gets)}</strong> of {count(data.users)} users ({percent(data.users ? data.gets / data.users : null)}) get it among their first {data.numResults}.
      </p>
      {data.gets > 0 && <Bars format={(value) => count(value)} rows={Object.entries(data.places).map(([place, value]) => ({ name: `place ${place}`, value }))} />}
      {data.examples.length > 0 && (
        <p class="row">
          <span class="soft">For instance</span>
          {data.examples.map((each) => (
            <a key={each.userId} href={to("users", each.userId)}>
              {each.userId} (place {each.place})
            </a>
          ))}
        </p>
      )}
    </>
  );
}

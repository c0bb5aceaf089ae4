// Lists side by side for a user or somebody new, who clicks and watches them change.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ask, route, withQuery } from "../api";
import type { Card as ItemCard, Explorable, Explorables, ItemList, Model, Placed } from "../contract";
import { Badge, Card, ViewHead } from "../parts/card";
import { Button, Form, Segments, SelectField, TextField, type Choice } from "../parts/form";
import { Icon } from "../parts/icons";
import { titleOf } from "../parts/items";
import { Empty, Failed, Loading, Shown } from "../parts/states";
import { plural } from "../format";
import { useAction, useResource } from "../resource";
import { here, refine } from "../router";
import { namespace } from "../scope";
import { canOperate } from "../session";
import { ListBody, Whence } from "./lists";
import { WhyDialog } from "./why";

const SHOWN = "12";

// One list beside the others: a recommender as it answers, by one variation, or by one model and version.
interface Panel {
  recommender: string;
  variation?: string;
  model?: string;
  version?: string;
}

interface Viewer {
  userId: string; // empty: somebody new
  clicks: string[]; // of somebody new, oldest first
  about: string; // the item that related items are asked for
  turn: number; // grows with each event that was recorded
}

export function ExploreView() {
  const choices = useResource<Explorables>(namespace.value ? route("/admin/explore", namespace.value) : null);
  if (!namespace.value) return <NoNamespace />;
  return (
    <>
      <ViewHead title="Explorer" about="What one user gets, and why. Nothing here counts as shown or exposed." />
      <Shown of={choices} what="the recommenders">
        {(data) => (data.recommenders.length ? <Explorer choices={data} /> : <NoNamespace />)}
      </Shown>
    </>
  );
}

function NoNamespace() {
  return (
    <Empty title="No recommender is configured">
      A configuration with a namespace and a recommender is what lists come from: <code>recgate serve --config shop.yaml</code>.
    </Empty>
  );
}

function Explorer({ choices }: { choices: Explorables }) {
  const { query } = here.value;
  const { recommenders, eventTypes } = choices;
  const [titles, setTitles] = useState(new Map<string, ItemCard>());
  const [turn, setTurn] = useState(0);
  const viewer: Viewer = { userId: query.user ?? "", clicks: listed(query.clicks), about: query.item ?? "", turn };
  const panels = panelsOf(query.lists, recommenders);
  const click = useAction(async (placed: Placed) => {
    setTitles(new Map(titles).set(placed.item.itemId, placed.item));
    if (!viewer.userId) {
      refine({ clicks: [...viewer.clicks, placed.item.itemId].join("\n") });
      return;
    }
    await record(viewer.userId, placed.item.itemId, eventTypes[0] ?? "click");
    setTurn(turn + 1);
  });
  const set = (next: Panel[]) => refine({ lists: next.map(written).join("\n") });
  return (
    <>
      <Who viewer={viewer} choices={choices} titles={titles} panels={panels} />
      {click.error && <Failed error={click.error} />}
      <div class="lists">
        {panels.map((panel, number) => (
          <PanelCard
            key={number}
            panel={panel}
            viewer={viewer}
            recommenders={recommenders}
            onClick={(placed) => void click.run(placed)}
            onChange={(changed) => set(panels.map((each, place) => (place === number ? changed : each)))}
            onClose={panels.length > 1 ? () => set(panels.filter((_, place) => place !== number)) : undefined}
          />
        ))}
      </div>
      <div>
        <Button onClick={() => set([...panels, panels.at(-1) ?? panels[0]!])}>Add a list</Button>
      </div>
    </>
  );
}

const listed = (text: string | undefined): string[] => (text ? text.split("\n").filter(Boolean) : []);
const written = (panel: Panel): string => [panel.recommender, panel.variation ?? "", panel.model ?? "", panel.version ?? ""].join("\t").trimEnd();

function panelsOf(text: string | undefined, recommenders: Explorable[]): Panel[] {
  const named = listed(text).map((line): Panel => {
    const [recommender = "", variation, model, version] = line.split("\t");
    return { recommender, variation: variation || undefined, model: model || undefined, version: version || undefined };
  });
  const known = named.filter((each) => recommenders.some((one) => one.recommender === each.recommender));
  if (known.length) return known;
  return recommenders.filter((each) => each.action === "recommend-items").slice(0, 2).map(({ recommender }) => ({ recommender }));
}

async function record(userId: string, itemId: string, eventType: string): Promise<void> {
  const event = { eventType, itemId, sentAt: Math.floor(Date.now() / 1000) };
  await ask(route("/admin/explore", namespace.value, "events"), {
    method: "POST",
    body: { sessionId: `page-${userId}`, userId, eventList: [event] },
  });
}

// ---- who looks

interface WhoProps {
  viewer: Viewer;
  choices: Explorables;
  titles: Map<string, ItemCard>;
  panels: Panel[];
}

function Who({ viewer, choices, titles, panels }: WhoProps) {
  const mode = here.value.query.as ?? (viewer.userId ? "user" : "new");
  const [typed, setTyped] = useState(viewer.userId);
  const samples = choices.sampleUsers;
  const related = panels.some((panel) => choices.recommenders.find((each) => each.recommender === panel.recommender)?.action === "related-items");
  return (
    <Card title="Who looks">
      <div class="row">
        <Segments
          label="Who looks"
          value={mode}
          choices={[
            ["new", "Somebody new"],
            ["user", "A user"],
          ]}
          onInput={(chosen) => refine({ as: chosen, user: undefined })}
        />
        {mode === "new" ? (
          <span class="note">Clicks stay on this page: nothing of them is recorded.</span>
        ) : (
          <span class="note">{canOperate.value ? "Clicks are recorded as this user's events." : "Your key may read only: clicks need one that may change things."}</span>
        )}
      </div>
      {mode === "user" && (
        <Form label="User" onSubmit={() => refine({ user: typed, as: "user" })}>
          <div class="form-row">
            <TextField label="User id" value={typed} onInput={setTyped} options={samples} placeholder={samples[0]} />
            <Button submit>Show</Button>
          </div>
        </Form>
      )}
      {related && <AboutItem value={viewer.about} />}
      {mode === "new" && <Clicks clicks={viewer.clicks} titles={titles} />}
    </Card>
  );
}

function AboutItem({ value }: { value: string }) {
  const [typed, setTyped] = useState(value);
  return (
    <Form label="Item" onSubmit={() => refine({ item: typed })}>
      <div class="form-row">
        <TextField label="Item that related items are near to" value={typed} onInput={setTyped} />
        <Button submit>Show</Button>
      </div>
    </Form>
  );
}

function Clicks({ clicks, titles }: { clicks: string[]; titles: Map<string, ItemCard> }) {
  return (
    <div class="row" role="status" aria-label="Clicks so far">
      {clicks.length ? (
        <>
          <span class="soft">{plural(clicks.length, "click")}:</span>
          {clicks.map((each, number) => {
            const card = titles.get(each);
            return (
              <Badge key={`${number} ${each}`} tone="accent">
                {card ? titleOf(card) : each}
              </Badge>
            );
          })}
          <Button slim onClick={() => refine({ clicks: undefined })}>
            Start anew
          </Button>
        </>
      ) : (
        <span class="soft">Nothing clicked yet. Click an item below, and the lists change.</span>
      )}
    </div>
  );
}

// ---- one list

interface PanelProps {
  panel: Panel;
  viewer: Viewer;
  recommenders: Explorable[];
  onClick: (placed: Placed) => void;
  onChange: (panel: Panel) => void;
  onClose?: () => void;
}

function PanelCard({ panel, viewer, recommenders, onClick, onChange, onClose }: PanelProps) {
  const known = recommenders.find((each) => each.recommender === panel.recommender);
  const asked = { ...panel, action: known?.action, userId: viewer.userId, history: viewer.clicks.map(escaped).join(","), itemId: known?.action === "related-items" ? viewer.about : "" };
  const needsItem = known?.action === "related-items" && !viewer.about;
  const list = useResource<ItemList>(needsItem ? null : withQuery(route("/admin/explore", namespace.value, "list"), { ...asked, numResults: SHOWN }));
  const [shown, before] = useSteps(list.data, `${viewer.clicks.length} ${viewer.turn}`, written(panel));
  const body = useRef<HTMLDivElement>(null);
  const stay = useFocusAt(body, shown);
  const { reload } = list;
  useEffect(() => {
    if (viewer.turn) reload();
  }, [viewer.turn]);
  const [why, setWhy] = useState<ItemCard | null>(null);
  const explain = (item: ItemCard) => withQuery(route("/admin/explore", namespace.value, "why"), { ...asked, item: item.itemId });
  const mayClick = !viewer.userId || canOperate.value;
  const closer = onClose && (
    <Button kind="plain" slim label={`Remove the list ${panel.recommender}`} onClick={onClose}>
      <Icon name="close" size={14} />
    </Button>
  );
  return (
    <Card title={panel.recommender} flush tools={closer}>
      <div class="pad stack tight">
        <By panel={panel} known={known} recommenders={recommenders} onChange={onChange} />
        {shown && <Whence list={shown} />}
      </div>
      {needsItem && <Empty title="Related to what?">Type an item above.</Empty>}
      {list.error && <Failed error={list.error} retry={list.reload} />}
      {!shown && !list.error && !needsItem && <Loading what="the list" />}
      {shown && (
        <div ref={body}>
          <ListBody
            list={shown}
            before={before}
            acts={(placed) => (
              <>
                <Button slim disabled={!mayClick} label={`Click ${titleOf(placed.item)}`} onClick={() => (stay(placed.place), onClick(placed))}>
                  Click
                </Button>
                <Button slim kind="plain" label={`Why is ${titleOf(placed.item)} here?`} onClick={() => setWhy(placed.item)}>
                  Why
                </Button>
              </>
            )}
          />
        </div>
      )}
      {!needsItem && <WhyNot list={panel.recommender} onAsk={(itemId) => setWhy({ itemId })} />}
      {why && <WhyDialog path={explain(why)} item={why} onClose={() => setWhy(null)} />}
    </Card>
  );
}

const escaped = (item: string): string => item.replaceAll(",", "%2C");

// The list that is shown and the places that items had before the latest click: old data stays while new is fetched.
function useSteps(data: ItemList | undefined, step: string, of: string): [ItemList | undefined, Map<string, number> | undefined] {
  const state = useRef<{ of: string; step: string; places: Map<string, number>; before?: Map<string, number>; list?: ItemList }>({ of, step, places: new Map() });
  if (state.current.of !== of) state.current = { of, step, places: new Map() };
  const now = state.current;
  if (data && data !== now.list) {
    if (now.step !== step && now.list) now.before = now.places;
    now.step = step;
    now.list = data;
    now.places = new Map((data.items ?? []).map((each) => [each.item.itemId, each.place]));
  }
  return [now.list, now.before];
}

// An item that was clicked may leave the list or move, and takes the focus along: it goes to the item now at its place.
function useFocusAt(body: { current: HTMLElement | null }, list: ItemList | undefined): (place: number) => void {
  const place = useRef<number | null>(null);
  useLayoutEffect(() => {
    if (place.current === null) return;
    const rows = body.current?.querySelectorAll("li[data-item]") ?? [];
    if (document.activeElement === document.body) rows[Math.min(place.current, rows.length) - 1]?.querySelector("button")?.focus();
    place.current = null;
  }, [list]);
  return (at) => (place.current = at);
}

interface ByProps {
  panel: Panel;
  known: Explorable | undefined;
  recommenders: Explorable[];
  onChange: (panel: Panel) => void;
}

function By({ panel, known, recommenders, onChange }: ByProps) {
  const models = useResource<{ models: Model[] }>("/admin/models");
  const versions = (models.data?.models ?? []).filter((each) => each.kind !== "solution").flatMap((model) =>
    model.versions.filter((each) => each.status === "ACTIVE").map((each): Choice => [`m\t${model.model}\t${each.version}`, `model ${model.model}, ${each.version.slice(0, 8)}${each.deployed ? " (deployed)" : ""}`]),
  );
  const variations = (known?.variations ?? []).map((each): Choice => [`v\t${each}`, `variation ${each}`]);
  const value = panel.model ? `m\t${panel.model}\t${panel.version ?? ""}` : panel.variation ? `v\t${panel.variation}` : "";
  return (
    <div class="form-row">
      <SelectField
        label="Recommender"
        value={panel.recommender}
        choices={recommenders.filter((each) => each.action !== "rerank-items").map((each) => each.recommender)}
        onInput={(recommender) => onChange({ recommender })}
      />
      <SelectField
        label="Answered by"
        value={value}
        choices={[["", "as users get it"], ...variations, ...versions]}
        onInput={(chosen) => {
          const [kind, name, version] = chosen.split("\t");
          onChange({ recommender: panel.recommender, ...(kind === "v" ? { variation: name } : kind === "m" ? { model: name, version } : {}) });
        }}
      />
    </div>
  );
}

function WhyNot({ list, onAsk }: { list: string; onAsk: (itemId: string) => void }) {
  const [typed, setTyped] = useState("");
  return (
    <div class="pad">
      <Form label={`Why is an item not in ${list}?`} onSubmit={() => typed && onAsk(typed.trim())}>
        <div class="form-row">
          <TextField label="Why is this item not here?" placeholder="item id" value={typed} onInput={setTyped} />
          <Button submit>Ask</Button>
        </div>
      </Form>
    </div>
  );
}


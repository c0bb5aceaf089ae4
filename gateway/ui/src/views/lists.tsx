// One list of a recommender, with where it came from.
import type { ComponentChildren } from "preact";
import type { ItemList, Placed } from "../contract";
import { Badge, Notice, type Tone } from "../parts/card";
import { ItemRow } from "../parts/items";
import { Empty } from "../parts/states";
import { milliseconds } from "../format";
import { to } from "../router";

const CACHE: Record<string, [Tone, string]> = {
  hit: ["good", "from the cache"],
  hot: ["good", "from the cache"],
  shared: ["good", "shared cache"],
  stale: ["warn", "stale, refreshed behind"],
  miss: ["accent", "made now"],
  none: ["", "not cached"],
};

export function Whence({ list }: { list: ItemList }) {
  const [tone, words] = CACHE[list.cache ?? "none"] ?? ["", list.cache ?? ""];
  return (
    <div class="row whence">
      {list.cache && <Badge tone={tone}>{words}</Badge>}
      {list.variation && <Badge>variation {list.variation}</Badge>}
      {list.model && (
        <a href={to("models", list.model)}>
          <Badge tone="accent">
            {list.model}
            {list.version ? ` ${list.version.slice(0, 8)}` : ""}
          </Badge>
        </a>
      )}
      {list.experiment && <Badge tone="warn">arm {list.experiment.arm} of {list.experiment.feature}</Badge>}
      {list.cohort && <Badge>cohort {list.cohort}</Badge>}
      {list.milliseconds !== undefined && list.milliseconds !== null && <span class="note">{milliseconds(list.milliseconds)}</span>}
    </div>
  );
}

interface ListBodyProps {
  list: ItemList;
  before?: Map<string, number>; // places in the list before
  acts?: (placed: Placed) => ComponentChildren;
}

export function ListBody({ list, before, acts }: ListBodyProps) {
  if (list.error) return <Notice tone="bad" title={list.error.message} />;
  const items = list.items ?? [];
  if (!items.length) return <Empty title="Nobody is recommended anything here">Filters may leave no item, or no model answers.</Empty>;
  return (
    <>
      <ol class="items">
        {items.map((placed) => {
          const was = before?.get(placed.item.itemId);
          return (
            <ItemRow key={placed.item.itemId} item={placed.item} place={placed.place} fresh={before !== undefined && was === undefined}>
              {before && <Moved was={was} now={placed.place} />}
              {acts?.(placed)}
            </ItemRow>
          );
        })}
      </ol>
      {list.short && (
        <p class="note short">
          Fewer items than were asked for. {list.lacking?.length ? `Fields without a value: ${list.lacking.join(", ")}.` : ""}
        </p>
      )}
    </>
  );
}

function Moved({ was, now }: { was: number | undefined; now: number }) {
  if (was === undefined) return <Badge tone="good">new</Badge>;
  if (was === now) return null;
  const up = was > now;
  return (
    <span class={`moved ${up ? "good" : "soft"}`}>
      <span aria-hidden="true">{up ? "↑" : "↓"}</span>
      <span class="hidden-text">{up ? "up by " : "down by "}</span>
      {Math.abs(was - now)}
    </span>
  );
}

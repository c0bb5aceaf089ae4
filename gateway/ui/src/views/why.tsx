// Why an item is, or is not, in a list: the engine's explanation, in words first and in numbers below.
import type { Card as ItemCard, Explanation as Told, Pull, Why } from "../contract";
import { Bars } from "../parts/charts";
import { Badge, Facts, Notice } from "../parts/card";
import { Dialog } from "../parts/form";
import { ItemRow, titleOf } from "../parts/items";
import { Shown } from "../parts/states";
import { Table } from "../parts/table";
import { count, decimal, NONE, percent } from "../format";
import { useResource } from "../resource";

export function WhyDialog({ path, item, onClose }: { path: string; item: ItemCard; onClose: () => void }) {
  const why = useResource<Why>(path);
  return (
    <Dialog title={`Why: ${titleOf(item)}`} onClose={onClose}>
      <Shown of={why} what="the explanation">
        {(data) => <Explanation why={data} />}
      </Shown>
    </Dialog>
  );
}

function Explanation({ why }: { why: Why }) {
  const told = why.explanation;
  const present = told.place !== undefined && told.place !== null;
  return (
    <>
      <ol class="items">
        <ItemRow item={why.item} place={told.place}>
          <Badge tone={present ? "good" : "warn"}>{present ? `place ${told.place}` : "not in the list"}</Badge>
        </ItemRow>
      </ol>
      <Notice tone={present ? "good" : "warn"} title={told.because} />
      <Facts
        rows={[
          ["Share of all scores", told.score === undefined || told.score === null ? null : percent(told.score, 3)],
          ["Rank by the model", rank(told.rank)],
          ["Rank after rules", rank(told.rankAfterRules)],
          ["Rank after filters", rank(told.rankAfterFilters)],
          ["Chance to be shown", told.propensity === undefined ? null : percent(told.propensity)],
          ["Explored", told.exploration && `${told.exploration.young ? "young enough" : "too old"}, shown ${count(told.exploration.impressions)} times${told.exploration.chance === undefined ? "" : `, chance ${percent(told.exploration.chance)}`}`],
          ["Promotion", told.promotion && `${told.promotion.name} ${told.promotion.includes ? "includes" : "does not include"} it`],
        ]}
      />
      <History pulls={told.history ?? []} items={why.historyItems} />
      <Filters filters={told.filters ?? []} />
      <Rules told={told} />
    </>
  );
}

const rank = (value: number | null | undefined) => (value === null || value === undefined ? null : `${count(value)} of the catalogue`);

function History({ pulls, items }: { pulls: Pull[]; items: ItemCard[] }) {
  if (!pulls.length) return null;
  const names = new Map(items.map((each) => [each.itemId, titleOf(each)]));
  const longest = Math.max(...pulls.map((each) => Math.abs(each.contribution)));
  const named = (pull: Pull) => ({ name: names.get(pull.itemId) ?? pull.itemId, value: Math.abs(pull.contribution) });
  const [up, down] = [pulls.filter((each) => each.contribution >= 0), pulls.filter((each) => each.contribution < 0)];
  return (
    <>
      {up.length > 0 && (
        <div class="stack tight">
          <h3>What of the history speaks for it</h3>
          <Bars rows={up.map(named)} most={longest} format={(value) => `+${decimal(value, 2)}`} />
        </div>
      )}
      {down.length > 0 && (
        <div class="stack tight">
          <h3>What of the history speaks against it</h3>
          <Bars rows={down.map(named)} most={longest} format={(value) => `−${decimal(value, 2)}`} />
        </div>
      )}
    </>
  );
}

function Filters({ filters }: { filters: NonNullable<Told["filters"]> }) {
  if (!filters.length) return null;
  return (
    <div class="stack tight">
      <h3>Filters</h3>
      <ul class="faults">
        {filters.map((each) => (
          <li key={each.filter}>
            <Badge tone={each.keeps ? "good" : "bad"}>{each.keeps ? "keeps it" : "drops it"}</Badge>
            <span>
              <code>{each.filter}</code>
              {each.lacking?.length ? <span class="soft"> (no value in {each.lacking.join(", ")})</span> : null}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Rules({ told }: { told: Told }) {
  const { rules = [], caps = [], lowered = [] } = told;
  return (
    <>
      {rules.length > 0 && (
        <Table
          label="Rules in force"
          rows={rules}
          id={(row) => row.name}
          columns={[
            { name: "Rule", head: true, cell: (row) => row.name },
            { name: "Type", cell: (row) => row.type },
            { name: "What it does to the item", cell: (row) => (row.place ? `pins it to place ${row.place}` : row.times ? `${decimal(row.times, 1)} times` : NONE) },
          ]}
        />
      )}
      {caps.map((cap) => (
        <Notice key={cap.column} title={`Only ${cap.most} items with ${cap.column} ${cap.value} may be in ${cap.first ? `the first ${cap.first} places` : "the list"}.`} />
      ))}
      {lowered.map((each) => (
        <Notice key={each.cause} title={`Its odds are multiplied by ${decimal(each.odds, 2)}: ${each.cause}${each.itemId ? `, as ${each.itemId}` : ""}.`} />
      ))}
    </>
  );
}

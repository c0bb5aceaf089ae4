// One recommender as a picture: what passes each stage of its making.
import { useState } from "preact/hooks";
import { route, withQuery } from "../api";
import type { Card as ItemCard, Pipeline, Stage } from "../contract";
import { Badge, Card, Facts, ViewHead } from "../parts/card";
import { Button, Form, SelectField, TextField } from "../parts/form";
import { titleOf } from "../parts/items";
import { Empty, Shown } from "../parts/states";
import { count, percent } from "../format";
import { useResource } from "../resource";
import { here, refine, to } from "../router";
import { namespace, recommenders } from "../scope";

export function PipelineView() {
  const { query } = here.value;
  const known = recommenders.value.filter((each) => each.action !== "rerank-items");
  const chosen = known.find((each) => each.recommender === query.recommender) ?? known[0];
  const [user, setUser] = useState(query.user ?? "");
  const [item, setItem] = useState(query.item ?? "");
  const related = chosen?.action === "related-items";
  const waits = related && !query.item;
  const asked = { recommender: chosen?.recommender, action: chosen?.action, userId: query.user, variation: query.variation, itemId: related ? query.item : undefined };
  const pipeline = useResource<Pipeline>(chosen && !waits ? withQuery(route("/admin/pipeline", namespace.value), asked) : null);
  if (!chosen) return <Empty title="No recommender is configured" />;
  return (
    <>
      <ViewHead title="Pipeline" about="How one list is made, and how many items pass each stage." />
      <Card>
        <Form label="Pipeline of" onSubmit={() => refine({ user, item })}>
          <div class="form-row">
            <SelectField label="Recommender" value={chosen.recommender} choices={known.map((each) => each.recommender)} onInput={(recommender) => refine({ recommender, variation: undefined })} />
            {chosen.variations.length > 1 && (
              <SelectField label="Variation" value={query.variation ?? ""} choices={[["", "as assigned"], ...chosen.variations.map((each): [string, string] => [each, each])]} onInput={(variation) => refine({ variation })} />
            )}
            <TextField label="User" placeholder="somebody new" value={user} onInput={setUser} />
            {related && <TextField label="Related to item" value={item} onInput={setItem} />}
            <Button submit>Show</Button>
          </div>
        </Form>
      </Card>
      {waits ? (
        <Empty title="Related to what?">Type an item above.</Empty>
      ) : (
        <Shown of={pipeline} what="the pipeline">
          {(data) => <Picture data={data} />}
        </Shown>
      )}
    </>
  );
}

function Picture({ data }: { data: Pipeline }) {
  const most = Math.max(...data.stages.map((each) => each.out ?? 0), 1);
  return (
    <Card title={data.recommender} about={`variation ${data.variation}${data.model ? `, model ${data.model} ${data.version?.slice(0, 8) ?? ""}` : ""}, for ${data.userId ?? "somebody new"}`}>
      <ol class="pipeline">
        {data.stages.map((stage) => (
          <li key={stage.stage}>
            <StageBody stage={stage} most={most} />
          </li>
        ))}
      </ol>
    </Card>
  );
}

function StageBody({ stage, most }: { stage: Stage; most: number }) {
  const lost = stage.in !== null && stage.out !== null ? stage.in - stage.out : 0;
  // items come by the thousand and leave by the dozen: roots keep both visible
  const width = stage.out === null ? 0 : Math.max(100 * Math.sqrt(stage.out / most), stage.out ? 1 : 0);
  return (
    <div class="stack tight">
      <h3>{stage.title ?? stage.stage}</h3>
      <div class="passes">
        <b>{count(stage.out)}</b>
        <span class="soft">{stage.out === 1 ? "item passes" : "items pass"}</span>
        {lost > 0 && (
          <Badge tone="warn">
            {count(lost)} left out ({percent(lost / (stage.in || 1), 0)})
          </Badge>
        )}
      </div>
      <div class="bars">
        <span class="track">
          <i style={{ width: `${width}%` }} />
        </span>
      </div>
      {stage.detail && stage.detail.length > 0 && (
        <details class="as-table">
          <summary>What happens here</summary>
          <Facts rows={stage.detail.map(([name, value]) => [name, value])} />
        </details>
      )}
      <Named label="The best" items={stage.top} />
      <Named label="Left out, for instance" items={stage.dropped} />
    </div>
  );
}

function Named({ label, items }: { label: string; items?: ItemCard[] }) {
  if (!items?.length) return null;
  return (
    <p class="small">
      <span class="soft">{label}: </span>
      {items.map((each, number) => (
        <span key={each.itemId}>
          {number > 0 && ", "}
          <a href={to("items", each.itemId)}>{titleOf(each)}</a>
        </span>
      ))}
    </p>
  );
}

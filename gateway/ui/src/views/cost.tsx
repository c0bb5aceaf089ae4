// Cost: what AWS would have charged for this traffic, quotas, and campaigns that nobody asks.
import type { Cost } from "../contract";
import { Bars } from "../parts/charts";
import { Badge, Card, Figure, Figures, Notice, ViewHead } from "../parts/card";
import { ViewLink } from "../parts/link";
import { Empty, Shown } from "../parts/states";
import { Table } from "../parts/table";
import { count, moment, money, percent, plural } from "../format";
import { useResource } from "../resource";

export function CostView() {
  const cost = useResource<Cost>("/admin/cost", "cost");
  return (
    <>
      <ViewHead title="Cost" about="What Amazon Personalize would have charged for this traffic, and what of the quotas is used." />
      <Shown of={cost} what="the cost">
        {(data) => (
          <>
            <Figures>
              <Figure label="AWS would have charged" value={money(data.total)} aside={`since ${moment(data.since)}`} />
              <Figure label="A month at this rate" value={money(data.perMonth)} />
              <Figure label="Without a cache" value={money(data.ifEveryAnswerWereAsked)} aside={`${count(data.answeredFromCache)} answers came from the cache`} />
              <Figure label="Idle campaigns" value={count(data.campaigns.filter((each) => each.idle).length)} aside={`of ${count(data.campaigns.length)}`} />
            </Figures>
            <Lines data={data} />
            <div class="grid of-2">
              <Quotas data={data} />
              <Campaigns data={data} />
            </div>
          </>
        )}
      </Shown>
    </>
  );
}

function Lines({ data }: { data: Cost }) {
  const { prices } = data;
  return (
    <Card title="Line by line" about={`${prices.name}, ${prices.region}, prices as of ${prices.asOf}`} flush>
      <Table
        label="What AWS would have charged"
        rows={data.lines}
        id={(row) => row.what}
        columns={[
          { name: "What", head: true, cell: (row) => row.what },
          { name: "Quantity", right: true, cell: (row) => count(row.quantity), sort: (row) => row.quantity },
          { name: "Unit", cell: (row) => row.unit },
          { name: "Price", right: true, cell: (row) => `$${row.price}` },
          { name: "Amount", right: true, cell: (row) => money(row.amount), sort: (row) => row.amount },
          { name: "Assumes", wide: true, cell: (row) => <span class="soft">{row.assumption}</span> },
        ]}
      />
      <p class="pad note">
        Prices are published at{" "}
        <a href={prices.source} rel="noreferrer" target="_blank">
          {prices.source}
        </a>{" "}
        and kept in a file of the configuration.
      </p>
    </Card>
  );
}

function Quotas({ data }: { data: Cost }) {
  const near = data.quotas.filter((each) => each.share >= 0.9);
  const used = [...data.quotas].sort((one, other) => other.share - one.share).slice(0, 12);
  return (
    <Card title="Quotas" about="used of what is allowed">
      {near.map((each) => (
        <Notice key={`${each.code} ${each.group}`} tone="warn" title={`${each.name}: ${count(each.used)} of ${count(each.limit)}${each.group ? ` in ${each.group}` : ""}.`} />
      ))}
      {used.length ? (
        <Bars most={1} format={(share) => percent(share, 0)} rows={used.map((each) => ({ name: `${each.name}${each.group ? `, ${each.group}` : ""}: ${count(each.used)} of ${count(each.limit)}`, value: each.share }))} />
      ) : (
        <Empty title="No quota is used yet" />
      )}
    </Card>
  );
}

function Campaigns({ data }: { data: Cost }) {
  return (
    <Card title="Campaigns and recommenders" flush>
      <Table
        label="Campaigns and recommenders"
        rows={data.campaigns}
        id={(row) => row.arn}
        none={<Empty title="None" />}
        columns={[
          { name: "Name", head: true, cell: (row) => <ViewLink view="models" id={row.name}>{row.name}</ViewLink> },
          { name: "Use", cell: (row) => (row.idle ? <Badge tone="warn">{row.idleWhy ?? "idle"}</Badge> : <Badge tone="good">{plural(row.usedBy.length, "list")}</Badge>) },
          { name: "Requests", right: true, cell: (row) => count(row.requests), sort: (row) => row.requests },
          { name: "Idle a month on AWS", right: true, cell: (row) => (row.idle ? money(row.idlePerMonth) : ""), sort: (row) => row.idlePerMonth },
        ]}
      />
    </Card>
  );
}

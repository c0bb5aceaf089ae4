// How the gateway does: traffic, cache, events, memory, and what is wrong in plain words.
import type { Overview, Traffic, Wrong } from "../contract";
import { Bars, Lines, Meter, Spark } from "../parts/charts";
import { Badge, Card, Facts, Figure, Figures, Notice, ViewHead } from "../parts/card";
import { Segments } from "../parts/form";
import { ViewLink } from "../parts/link";
import { Empty, Shown } from "../parts/states";
import { Table } from "../parts/table";
import { bytes, count, decimal, duration, milliseconds, moment, NONE, percent, plural, since } from "../format";
import { useResource } from "../resource";
import { here, refine } from "../router";

export function OverviewView() {
  const overview = useResource<Overview>("/admin/overview", "overview");
  const span = here.value.query.span ?? "recent";
  return (
    <>
      <ViewHead title="Overview" about={overview.data && `Counted over ${overview.data.machine} since ${moment(overview.data.since)}.`}>
        <Segments
          label="Span"
          value={span}
          choices={[
            ["recent", "Last minute"],
            ["total", "Since the start"],
          ]}
          onInput={(chosen) => refine({ span: chosen })}
        />
      </ViewHead>
      <Shown of={overview} what="the overview">
        {(data) => (
          <>
            <WrongNow wrong={data.wrong} ready={data.ready} />
            <Numbers data={data} traffic={span === "recent" ? (data.recent ?? data.total) : data.total} />
            <div class="grid of-2">
              <AnswersCard data={data} traffic={span === "recent" ? (data.recent ?? data.total) : data.total} />
              <LatencyCard data={data} />
              <EventsCard data={data} />
              <MemoryCard data={data} />
            </div>
            <div class="grid of-2">
              <RecommendersCard data={data} />
              <RoutesCard data={data} />
            </div>
          </>
        )}
      </Shown>
    </>
  );
}

const TONES = { error: "bad", warning: "warn", note: "" } as const;

function WrongNow({ wrong, ready }: { wrong: Wrong[]; ready: boolean }) {
  if (!wrong.length) {
    return <Notice tone="good" title={ready ? "Nothing is wrong." : "Nothing is known to be wrong, but the server is not ready yet."} />;
  }
  return (
    <Card title="Wrong now" about={plural(wrong.length, "finding")}>
      <ul class="stack">
        {wrong.map((each) => (
          <li key={`${each.code} ${each.namespace} ${each.what}`}>
            <Notice tone={TONES[each.severity]} title={each.what}>
              {each.do} <ViewLink view={each.view} id={each.about ?? undefined}>Look at {each.about ? each.about.split("/").at(-1) : each.view}</ViewLink>
            </Notice>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Numbers({ data, traffic }: { data: Overview; traffic: Traffic }) {
  const series = data.series.slice(-60);
  return (
    <Figures>
      <Figure label="Requests a second" value={decimal(traffic.perSecond, (traffic.perSecond ?? 0) < 10 ? 1 : 0)} aside={`${count(traffic.requests)} in all`}>
        <Spark values={series.map((each) => each.requestsPerSecond)} />
      </Figure>
      <Figure label="Hit rate" value={percent(traffic.hitRate)} aside={`${count(traffic.hits)} of ${count(traffic.answers)} answers`}>
        <Spark values={series.map((each) => each.hitRate)} tone={2} />
      </Figure>
      <Figure label="Half are faster than" value={milliseconds(traffic.p50Ms)} aside="p50">
        <Spark values={series.map((each) => each.p50Ms)} />
      </Figure>
      <Figure label="99 of 100 are faster than" value={milliseconds(traffic.p99Ms)} aside="p99">
        <Spark values={series.map((each) => each.p99Ms)} tone={1} />
      </Figure>
      <Figure label="Origin calls saved" value={count(traffic.originCallsSaved)} aside={`${count(traffic.originCalls)} made`}>
        <Spark values={series.map((each) => each.originCallsPerSecond)} tone={3} />
      </Figure>
      <Figure label="Events" value={count(traffic.events)} aside={data.events.lagS === null ? "" : `seen by answers after ${duration(data.events.lagS)}`}>
        <Spark values={series.map((each) => each.eventsPerSecond)} tone={2} />
      </Figure>
    </Figures>
  );
}

function AnswersCard({ data, traffic }: { data: Overview; traffic: Traffic }) {
  const { tiers } = traffic;
  const parts = [
    { name: "hot", value: tiers.hot },
    { name: "shared", value: tiers.shared },
    { name: "stale", value: tiers.stale },
    { name: "miss", value: tiers.miss },
    { name: "fallback", value: tiers.fallback ?? 0 },
  ];
  const at = data.series.map((each) => each.at);
  return (
    <Card title="Where answers came from">
      {traffic.answers ? <Meter label="Answers by tier" parts={parts} format={count} /> : <p class="soft">No answers in this span.</p>}
      {at.length > 1 && (
        <Lines
          label="Requests and origin calls a second"
          at={at}
          floor={0}
          format={(value) => count(value)}
          series={[
            { name: "requests a second", values: data.series.map((each) => each.requestsPerSecond) },
            { name: "origin calls a second", values: data.series.map((each) => each.originCallsPerSecond) },
          ]}
        />
      )}
    </Card>
  );
}

function LatencyCard({ data }: { data: Overview }) {
  const at = data.series.map((each) => each.at);
  const known = data.series.some((each) => each.p50Ms !== null);
  return (
    <Card title="How long answers take">
      {at.length > 1 && known ? (
        <Lines
          label="Latency"
          at={at}
          floor={0}
          format={milliseconds}
          height={225}
          series={[
            { name: "p50", values: data.series.map((each) => each.p50Ms) },
            { name: "p99", values: data.series.map((each) => each.p99Ms) },
          ]}
        />
      ) : (
        <Empty title="No answers were timed yet">The picture grows while you look and somebody asks.</Empty>
      )}
    </Card>
  );
}

function EventsCard({ data }: { data: Overview }) {
  const { events } = data;
  return (
    <Card title="Events">
      <Facts
        rows={[
          ["Accepted", count(events.accepted)],
          ["Rejected", count(events.rejected)],
          ["Not yet in answers", count(events.waiting)],
          ["Behind the log", duration(events.lagS)],
        ]}
      />
      {events.outbox.length > 0 && (
        <Table
          label="Events on their way to targets"
          rows={events.outbox}
          id={(row) => row.target}
          columns={[
            { name: "Target", head: true, cell: (row) => row.target },
            { name: "Waiting", right: true, cell: (row) => count(row.records), sort: (row) => row.records },
            { name: "Oldest", right: true, cell: (row) => duration(row.oldestS) },
            { name: "Refused for good", right: true, cell: (row) => (row.dead ? <span class="bad">{count(row.dead)}</span> : "0") },
          ]}
        />
      )}
    </Card>
  );
}

function MemoryCard({ data }: { data: Overview }) {
  const { memory } = data;
  if (!memory) return null;
  return (
    <Card title="Memory">
      <Bars
        most={1}
        format={(share) => percent(share, 0)}
        rows={[
          { name: "Cache of its ceiling", value: memory.cacheCeilingBytes ? memory.cacheBytes / memory.cacheCeilingBytes : 0 },
          ...(memory.limitBytes && memory.residentBytes !== null ? [{ name: "Processes of the limit", value: memory.residentBytes / memory.limitBytes }] : []),
        ]}
      />
      <Facts
        rows={[
          ["Cache", `${bytes(memory.cacheBytes)} of ${bytes(memory.cacheCeilingBytes)}, ${plural(memory.cacheEntries, "answer")}`],
          ["Evicted", count(memory.evictions)],
          ["Processes", memory.limitBytes ? `${bytes(memory.residentBytes)} of ${bytes(memory.limitBytes)}` : bytes(memory.residentBytes)],
        ]}
      />
    </Card>
  );
}

function RecommendersCard({ data }: { data: Overview }) {
  return (
    <Card title="Recommenders" flush>
      <Table
        label="Recommenders"
        rows={data.recommenders}
        id={(row) => `${row.namespace}/${row.recommender}`}
        none={<Empty title="Nobody has asked yet">A recommender is here once it has answered.</Empty>}
        columns={[
          { name: "Recommender", head: true, cell: (row) => `${row.namespace}/${row.recommender}`, sort: (row) => row.recommender },
          { name: "Answers", right: true, cell: (row) => count(row.lookups), sort: (row) => row.lookups },
          { name: "Hit rate", right: true, cell: (row) => percent(row.hitRate), sort: (row) => row.hitRate },
          { name: "Misses", right: true, cell: (row) => count(row.tiers.miss), sort: (row) => row.tiers.miss },
        ]}
      />
      {data.models.length > 0 && (
        <Table
          label="Models that answer"
          rows={data.models}
          id={(row) => row.name}
          columns={[
            { name: "Model", head: true, cell: (row) => <ViewLink view="models" id={row.name}>{row.name}</ViewLink> },
            { name: "Version", cell: (row) => <Badge>{row.version.split("/").at(-1)?.slice(0, 8) ?? NONE}</Badge> },
            { name: "Trained", right: true, cell: (row) => (row.ageS === null ? NONE : since(data.at - row.ageS)) },
          ]}
        />
      )}
    </Card>
  );
}

function RoutesCard({ data }: { data: Overview }) {
  if (!data.routes.length) return null;
  return (
    <Card title="Routes" flush>
      <Table
        label="Routes"
        rows={data.routes}
        id={(row) => row.route}
        columns={[
          { name: "Route", head: true, cell: (row) => row.route, sort: (row) => row.route },
          { name: "Requests", right: true, cell: (row) => count(row.requests), sort: (row) => row.requests },
          { name: "Errors", right: true, cell: (row) => (row.errors ? <span class="bad">{count(row.errors)}</span> : "0"), sort: (row) => row.errors },
          { name: "p50", right: true, cell: (row) => milliseconds(row.p50Ms), sort: (row) => row.p50Ms },
          { name: "p99", right: true, cell: (row) => milliseconds(row.p99Ms), sort: (row) => row.p99Ms },
        ]}
      />
    </Card>
  );
}

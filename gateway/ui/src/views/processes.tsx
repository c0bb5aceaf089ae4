// Processes: workers, replicas and those who train, with what they lag behind.
import type { Processes } from "../contract";
import { Badge, Card, Figure, Figures, ViewHead } from "../parts/card";
import { Empty, Shown } from "../parts/states";
import { Table } from "../parts/table";
import { bytes, count, decimal, duration, NONE, since } from "../format";
import { useResource } from "../resource";
import { to } from "../router";

export function ProcessesView() {
  const processes = useResource<Processes>("/admin/processes", "processes");
  return (
    <>
      <ViewHead title="Processes" about="What runs, since when, and how far behind the log it is." />
      <Shown of={processes} what="the processes">
        {(data) => (
          <>
            <Figures>
              <Figure label="Processes alive" value={`${data.processes.filter((each) => each.alive).length} of ${data.processes.length}`} />
              <Figure label="Records of the log" value={count(data.log.last)} />
              <Figure label="Not yet applied" value={count(data.log.behind)} aside={data.log.lagS === null ? "" : `${duration(data.log.lagS)} behind`} />
              <Figure label="Release" value={data.release} aside={data.server} />
            </Figures>
            <Card title="On this machine" flush>
              <ProcessTable data={data} />
            </Card>
            {data.replicas.length > 0 && <Replicas data={data} />}
            {data.jobWorkers.length > 0 && <JobWorkers data={data} />}
          </>
        )}
      </Shown>
    </>
  );
}

function ProcessTable({ data }: { data: Processes }) {
  return (
    <Table
      label="Processes"
      rows={data.processes}
      id={(row) => `${row.name} ${row.pid}`}
      columns={[
        { name: "Process", head: true, cell: (row) => row.name, sort: (row) => row.name },
        { name: "Kind", cell: (row) => row.kind, sort: (row) => row.kind },
        { name: "State", cell: (row) => <Badge tone={row.alive ? "good" : "bad"}>{row.alive ? "alive" : "dead"}</Badge> },
        { name: "Process id", right: true, cell: (row) => row.pid ?? NONE },
        { name: "Since", right: true, cell: (row) => (row.startedAt === null ? NONE : since(row.startedAt)), sort: (row) => row.startedAt },
        { name: "Processor", right: true, cell: (row) => duration(row.cpuS), sort: (row) => row.cpuS },
        { name: "Memory", right: true, cell: (row) => bytes(row.residentBytes), sort: (row) => row.residentBytes },
        { name: "Behind", right: true, cell: (row) => count(row.behind), sort: (row) => row.behind },
        { name: "Event lag", right: true, cell: (row) => duration(row.eventLagS), sort: (row) => row.eventLagS },
        { name: "Configuration", cell: (row) => (row.configVersion === null ? NONE : <Badge tone={row.isCurrent ? "good" : "warn"}>{`${row.configVersion}${row.isCurrent ? "" : ", an earlier one"}`}</Badge>) },
      ]}
    />
  );
}

function Replicas({ data }: { data: Processes }) {
  return (
    <Card title="Replicas" about="processes that share the log" flush>
      <Table
        label="Replicas"
        rows={data.replicas}
        id={(row) => row.id}
        none={<Empty title="None" />}
        columns={[
          { name: "Replica", head: true, cell: (row) => <code>{row.id}</code> },
          { name: "Where", cell: (row) => (row.here ? "here" : "elsewhere") },
          { name: "Lease", right: true, cell: (row) => duration(row.leaseS) },
          { name: "Heard", right: true, cell: (row) => count(row.heard) },
          { name: "Behind", right: true, cell: (row) => count(row.behind), sort: (row) => row.behind },
        ]}
      />
    </Card>
  );
}

function JobWorkers({ data }: { data: Processes }) {
  return (
    <Card title="Workers of jobs" about={data.jobsProcessorShare === null ? "" : `each takes ${decimal(data.jobsProcessorShare, 1)} of a processor`} flush>
      <Table
        label="Workers of jobs"
        rows={data.jobWorkers}
        id={(row) => `${row.host} ${row.pid}`}
        columns={[
          { name: "Machine", head: true, cell: (row) => row.host },
          { name: "Takes", cell: (row) => row.kinds },
          { name: "State", cell: (row) => <Badge tone={row.alive ? "good" : "bad"}>{row.alive ? "alive" : `silent for ${duration(row.silentS)}`}</Badge> },
          { name: "Jobs", cell: (row) => (row.jobs.length ? row.jobs.map((id) => <a key={id} href={to("jobs", String(id))}>{id} </a>) : NONE) },
        ]}
      />
    </Card>
  );
}

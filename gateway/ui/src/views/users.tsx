// One user: history, cohort, arms, lists; and deletion.
import { useState } from "preact/hooks";
import { ask, route } from "../api";
import type { Explorables, User } from "../contract";
import { Badge, Card, Facts, Figure, Figures, Notice, ViewHead } from "../parts/card";
import { Button, Confirm, Form, TextField } from "../parts/form";
import { ItemRow } from "../parts/items";
import { Empty, Shown } from "../parts/states";
import { Table } from "../parts/table";
import { count, moment, since } from "../format";
import { useAction, useResource } from "../resource";
import { go, here, to } from "../router";
import { namespace } from "../scope";
import { ListBody, Whence } from "./lists";

export function UsersView() {
  const { id } = here.value;
  return id ? <OneUser id={id} key={id} /> : <FindUser />;
}

function FindUser() {
  const [typed, setTyped] = useState("");
  const choices = useResource<Explorables>(namespace.value ? route("/admin/explore", namespace.value) : null);
  const samples = choices.data?.sampleUsers ?? [];
  return (
    <>
      <ViewHead title="Users" about="What is known of one user, and what it gets." />
      <Card>
        <Form label="Find a user" onSubmit={() => typed && go(to("users", typed.trim()))}>
          <div class="form-row">
            <TextField label="User id" value={typed} onInput={setTyped} options={samples} autoFocus />
            <Button kind="first" submit>
              Show
            </Button>
          </div>
        </Form>
        {samples.length > 0 && (
          <div class="row">
            <span class="soft">Some who are known:</span>
            {samples.map((each) => (
              <a key={each} href={to("users", each)}>
                {each}
              </a>
            ))}
          </div>
        )}
      </Card>
    </>
  );
}

function OneUser({ id }: { id: string }) {
  const path = route("/admin/users", namespace.value, id);
  const user = useResource<User>(path);
  const [deleting, setDeleting] = useState(false);
  const remove = useAction(async () => {
    await ask(path, { method: "DELETE" });
    setDeleting(false);
    user.reload();
  });
  return (
    <>
      <ViewHead title={id} about={`A user of ${namespace.value}`}>
        <a class="button" href={to("explore", "", { user: id, as: "user" })}>
          Explore as this user
        </a>
        <Button kind="danger" operate onClick={() => setDeleting(true)}>
          Delete
        </Button>
      </ViewHead>
      {deleting && (
        <Confirm title={`Delete ${id}?`} act="Delete for good" danger word={id} busy={remove.busy} error={remove.error} onConfirm={() => void remove.run()} onClose={() => setDeleting(false)}>
          All events and properties of this user go, from the log, from snapshots and from caches. Models forget with their next training. This can't be
          undone.
        </Confirm>
      )}
      <Shown of={user} what="the user">
        {(data) => (
          <>
            {!data.known && <Notice tone="warn" title="Nothing is known of this user.">The lists below are what anybody new gets.</Notice>}
            <Groups user={data} />
            {data.arms.length > 0 && <Arms user={data} />}
            <h2>What this user gets</h2>
            <div class="lists">
              {data.lists.map((list) => (
                <Card key={`${list.action} ${list.recommender}`} title={list.recommender} flush>
                  <div class="pad">
                    <Whence list={list} />
                  </div>
                  <ListBody list={list} />
                </Card>
              ))}
            </div>
          </>
        )}
      </Shown>
    </>
  );
}

function Groups({ user }: { user: User }) {
  return (
    <>
      {user.groups.map((group) => (
        <div class="stack" key={group.group}>
          <Figures>
            <Figure label={`Events in ${group.group}`} value={count(group.events)} aside={group.firstEvent ? `the first on ${moment(group.firstEvent)}` : "none yet"} />
            <Figure label="Latest event" value={group.lastEvent ? since(group.lastEvent) : "never"} aside={group.lastEvent ? moment(group.lastEvent) : ""} />
            <Figure label="Sessions" value={count(group.sessions.length)} aside={group.sessions.slice(0, 2).join(", ")} />
          </Figures>
          <div class="grid of-2">
            <Card title="History" about="newest first" flush>
              {group.history.length ? (
                <ol class="items scroll">
                  {group.history.map((each, number) => (
                    <ItemRow key={`${number} ${each.item.itemId}`} item={each.item} aside={`${each.eventType} · ${moment(each.time)}${each.value === null || each.value === undefined ? "" : ` · ${each.value}`}`} />
                  ))}
                </ol>
              ) : (
                <Empty title="No events" />
              )}
            </Card>
            <Card title="Properties" about={`from Users of ${group.group}`}>
              {Object.keys(group.properties).length ? (
                <Facts rows={Object.entries(group.properties).map(([name, value]) => [name, value === null ? "" : String(value)])} />
              ) : (
                <p class="soft">The dataset Users has nothing of this user.</p>
              )}
            </Card>
          </div>
        </div>
      ))}
    </>
  );
}

function Arms({ user }: { user: User }) {
  return (
    <Card title="Experiments" flush>
      <Table
        label="Arms of this user"
        rows={user.arms}
        id={(row) => `${row.experiment} ${row.recommender}`}
        columns={[
          { name: "Experiment", head: true, cell: (row) => <a href={to("experiments", row.experiment)}>{row.feature}</a> },
          { name: "Recommender", cell: (row) => row.recommender },
          { name: "Arm", cell: (row) => <Badge tone="accent">{row.variation}</Badge> },
          { name: "Counted", cell: (row) => (row.counted ? "yes" : "not yet exposed") },
        ]}
      />
    </Card>
  );
}

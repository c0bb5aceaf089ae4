// The frame around every view: who one is, where one is, and the way to the other views.
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, type Refusal } from "./api";
import type { Session } from "./contract";
import { Icon } from "./parts/icons";
import { Button, SelectField } from "./parts/form";
import { Failed, Loading } from "./parts/states";
import { asRefusal } from "./resource";
import { here, known, to } from "./router";
import { choose, namespace, namespaces } from "./scope";
import { key, session, useKey } from "./session";
import { SignIn } from "./sign-in";
import { link } from "./stream";
import { theme, type Theme } from "./theme";
import { SECTIONS, VIEWS, type View } from "./views";
import mark from "./mark.svg";

for (const each of VIEWS) known.add(each.name);

export function App() {
  const [error, setError] = useState<Refusal>();
  const [turn, setTurn] = useState(0);
  const typed = key.value;
  useEffect(() => {
    const abort = new AbortController();
    setError(undefined);
    ask<Session>("/admin/session", { signal: abort.signal }).then(
      (answered) => (session.value = answered),
      (caught: unknown) => {
        if (abort.signal.aborted) return;
        session.value = null;
        setError(asRefusal(caught));
      },
    );
    return () => abort.abort();
  }, [typed, turn]);

  if (error && [401, 403, 404].includes(error.status)) return <SignIn refusal={error} />;
  if (error) {
    return (
      <main class="view">
        <h1>recgate</h1>
        <Failed error={error} retry={() => setTurn(turn + 1)} />
      </main>
    );
  }
  return <Frame />;
}

function Frame() {
  const [open, setOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const menu = useRef<HTMLElement>(null);
  const place = here.value;
  const shown = VIEWS.find((each) => each.name === place.view);
  const title = shown?.title ?? "Not found";
  const first = useRef(true);

  useEffect(() => {
    document.title = `${place.id ? `${place.id} · ` : ""}${title} · recgate`;
    setOpen(false);
    // whoever reads by keyboard or by ear is taken to what has changed
    if (!first.current) main.current?.focus();
    first.current = false;
    window.scrollTo(0, 0);
  }, [place.view, place.id]);

  useEffect(() => {
    if (!open) return;
    menu.current?.querySelector<HTMLElement>("a")?.focus();
    const close = (event: KeyboardEvent) => event.key === "Escape" && setOpen(false);
    document.addEventListener("keydown", close);
    return () => document.removeEventListener("keydown", close);
  }, [open]);

  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <div class="shell">
        <aside class={open ? "rail open" : "rail"} ref={menu} aria-label="Menu">
          <div class="brand">
            <img src={mark} alt="" />
            recgate
          </div>
          <Navigation now={place.view} />
          <Foot />
        </aside>
        <button type="button" class={open ? "shade open" : "shade"} aria-label="Close menu" tabIndex={-1} onClick={() => setOpen(false)} />
        <div class="stage">
          <header class="bar">
            <span class="menu-button">
              <Button kind="plain" label={open ? "Close menu" : "Open menu"} onClick={() => setOpen(!open)}>
                <Icon name="menu" />
              </Button>
            </span>
            <NamespacePicker />
            <span class="grow" />
            <LinkState />
            <ThemeButton />
          </header>
          <main ref={main} tabIndex={-1} id="content">
            {session.value ? <Current view={shown} /> : <Loading what="the page" />}
          </main>
        </div>
      </div>
    </>
  );
}

function Current({ view }: { view: View | undefined }) {
  if (!view) {
    return (
      <div class="view">
        <h1>There is no such view</h1>
        <p>
          <a href={to("overview")}>Back to the overview</a>
        </p>
      </div>
    );
  }
  const Shown = view.shows;
  return (
    <div class="view" key={`${view.name} ${here.value.id} ${namespace.value}`}>
      <Shown />
    </div>
  );
}

function Navigation({ now }: { now: string }) {
  return (
    <nav aria-label="Views">
      {SECTIONS.map((section) => {
        const views = VIEWS.filter((each) => each.section === section);
        if (!views.length) return null;
        return (
          <div key={section}>
            <h2>{section}</h2>
            <ul>
              {views.map((each) => (
                <li key={each.name}>
                  <a href={to(each.name)} aria-current={each.name === now ? "page" : undefined}>
                    <Icon name={each.name} />
                    {each.title}
                  </a>
                </li>
              ))}
            </ul>
          </div>
        );
      })}
    </nav>
  );
}

function Foot() {
  const who = session.value;
  if (!who) return null;
  const may = who.role === "operate" ? "may change things" : "may read only";
  return (
    <div class="rail-foot stack tight">
      <span>{who.keyless ? `This machine, ${may}` : `${who.name}, ${may}`}</span>
      <span>
        {who.server} · {who.release}
      </span>
      {!who.keyless && (
        <Button slim onClick={() => useKey("")}>
          Sign out
        </Button>
      )}
    </div>
  );
}

function NamespacePicker() {
  const names = namespaces.value;
  if (names.length < 2) return names[0] ? <strong>{names[0]}</strong> : null;
  return <SelectField label="Namespace" value={namespace.value} choices={names} onInput={choose} />;
}

const STATES = { live: "Live", waiting: "Reconnecting", idle: "" } as const;

function LinkState() {
  const words = STATES[link.value];
  return (
    <span role="status" class={words ? `link-state ${link.value}` : ""}>
      {words}
    </span>
  );
}

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const PICTURES: Record<Theme, string> = { system: "screen", light: "sun", dark: "moon" };

function ThemeButton() {
  const now = theme.value;
  return (
    <Button kind="plain" label={`Colours: ${now}. Change to ${NEXT[now]}`} onClick={() => (theme.value = NEXT[now])}>
      <Icon name={PICTURES[now] ?? "screen"} />
    </Button>
  );
}

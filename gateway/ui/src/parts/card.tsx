// Boxes that hold what a view shows.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { Icon } from "./icons";

interface CardProps {
  title?: string;
  about?: ComponentChildren;
  tools?: ComponentChildren;
  flush?: boolean;
  children: ComponentChildren;
}

export function Card({ title, about, tools, flush, children }: CardProps) {
  const id = useId();
  return (
    <section class="card" aria-labelledby={title ? id : undefined}>
      {(title || tools) && (
        <header>
          {title && <h2 id={id}>{title}</h2>}
          {about && <p>{about}</p>}
          {tools && <div class="row">{tools}</div>}
        </header>
      )}
      <div class={flush ? "body flush" : "body"}>{children}</div>
    </section>
  );
}

export function ViewHead({ title, about, children }: { title: string; about?: ComponentChildren; children?: ComponentChildren }) {
  return (
    <div class="view-head">
      <div>
        <h1>{title}</h1>
        {about && <p>{about}</p>}
      </div>
      {children && <div class="tools">{children}</div>}
    </div>
  );
}

export function Figures({ children }: { children: ComponentChildren }) {
  return <div class="grid narrow stretch">{children}</div>;
}

export function Figure({ label, value, aside, children }: { label: string; value: ComponentChildren; aside?: ComponentChildren; children?: ComponentChildren }) {
  return (
    <div class="card figure">
      <div class="label">{label}</div>
      <div class="value">{value}</div>
      <div class="aside">{aside}</div>
      {children}
    </div>
  );
}

export function Facts({ rows }: { rows: [string, ComponentChildren][] }) {
  const shown = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return (
    <dl class="facts">
      {shown.map(([name, value]) => [<dt key={`${name}:`}>{name}</dt>, <dd key={name}>{value}</dd>])}
    </dl>
  );
}

export type Tone = "good" | "warn" | "bad" | "accent" | "";

export function Badge({ tone = "", children }: { tone?: Tone; children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

export function Notice({ tone = "", title, children, role }: { tone?: Tone; title?: ComponentChildren; children?: ComponentChildren; role?: "alert" | "status" }) {
  return (
    <div class={`notice ${tone}`} role={role}>
      <Icon name={tone === "" || tone === "accent" ? "note" : tone} />
      <div class="stack tight">
        {title && <strong>{title}</strong>}
        {children && <div>{children}</div>}
      </div>
    </div>
  );
}

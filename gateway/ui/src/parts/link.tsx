// A link to a view, or its words alone where there is no such view.
import type { ComponentChildren } from "preact";
import { known, to } from "../router";

export function ViewLink({ view, id, children }: { view: string; id?: string; children: ComponentChildren }) {
  return known.has(view) ? <a href={to(view, id)}>{children}</a> : <span>{children}</span>;
}

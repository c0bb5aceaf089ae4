// The address of a view is behind the #: ids of users and items are in no log of a server or proxy.
import { computed, signal } from "@preact/signals";

export interface Place {
  view: string;
  id: string;
  query: Record<string, string>;
}

export function place(hash: string): Place {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?");
  const slash = path.indexOf("/");
  const view = slash < 0 ? path : path.slice(0, slash);
  const id = slash < 0 ? "" : path.slice(slash + 1);
  return { view: view || "overview", id: decoded(id), query: Object.fromEntries(new URLSearchParams(search)) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function to(view: string, id = "", query: Record<string, string | undefined> = {}): string {
  const pairs = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
  const search = pairs.length ? `?${new URLSearchParams(pairs)}` : "";
  return `#/${view}${id ? `/${encodeURIComponent(id)}` : ""}${search}`;
}

export const known = new Set<string>(); // names of the views that there are

export const here = signal(place(location.hash));
export const view = computed(() => here.value.view);

export function go(address: string): void {
  location.hash = address;
}

// Changes the query of the view that is shown, without a new entry in the history.
export function refine(query: Record<string, string | undefined>): void {
  const now = here.value;
  const address = to(now.view, now.id, { ...now.query, ...query });
  history.replaceState(null, "", address);
  here.value = place(address);
}

window.addEventListener("hashchange", () => {
  here.value = place(location.hash);
});

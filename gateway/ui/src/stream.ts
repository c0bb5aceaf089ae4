// What changes while somebody looks: one stream of Server-Sent Events for all topics that are on the page. It is read by
// fetch, as an EventSource can send no key.
import { signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { headers, withQuery } from "./api";
import { key } from "./session";

export type Link = "idle" | "live" | "waiting";

const PATIENCE_MS = [500, 1000, 2000, 5000, 10000];
const SETTLE_MS = 30; // views that mount together ask by one stream

interface Topic {
  listeners: number;
  latest: Signal<unknown>;
}

const topics = new Map<string, Topic>();
export const link = signal<Link>("idle");
let reading: AbortController | null = null;
let settling = 0;
let failures = 0;

// Returns the topic's latest message, and what to call once nobody listens any more.
export function listen<T>(name: string): [ReadonlySignal<T | undefined>, () => void] {
  let topic = topics.get(name);
  if (!topic) {
    topic = { listeners: 0, latest: signal<unknown>(undefined) };
    topics.set(name, topic);
    reopen();
  }
  topic.listeners += 1;
  const mine = topic;
  const leave = () => {
    mine.listeners -= 1;
    if (mine.listeners === 0 && topics.get(name) === mine) {
      topics.delete(name);
      reopen();
    }
  };
  return [topic.latest as ReadonlySignal<T | undefined>, leave];
}

function reopen(delay = SETTLE_MS): void {
  window.clearTimeout(settling);
  settling = window.setTimeout(() => void read(), delay);
}

async function read(): Promise<void> {
  reading?.abort();
  if (!topics.size || document.hidden) {
    link.value = "idle";
    return;
  }
  const mine = (reading = new AbortController());
  try {
    const path = withQuery("/admin/stream", { topics: [...topics.keys()].sort().join(",") });
    const response = await fetch(path, { signal: mine.signal, headers: headers(), credentials: "omit", cache: "no-store" });
    if (!response.ok || !response.body) throw new Error(String(response.status));
    failures = 0;
    link.value = "live";
    await messages(response.body, deliver);
    throw new Error("the stream ended");
  } catch {
    if (mine.signal.aborted) return;
    link.value = "waiting";
    reopen(PATIENCE_MS[Math.min(failures, PATIENCE_MS.length - 1)]);
    failures += 1;
  }
}

function deliver(name: string, text: string): void {
  const topic = topics.get(name);
  if (!topic) return;
  try {
    topic.latest.value = JSON.parse(text);
  } catch {
    console.warn(`a message of ${name} is no JSON`);
  }
}

async function messages(body: ReadableStream<Uint8Array>, each: (name: string, data: string) => void): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value.replaceAll("\r\n", "\n");
    const parts = rest.split("\n\n");
    rest = parts.pop() ?? "";
    for (const part of parts) message(part, each);
  }
}

function message(part: string, each: (name: string, data: string) => void): void {
  let name = "message";
  const data: string[] = [];
  for (const line of part.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
  }
  if (data.length) each(name, data.join("\n"));
}

// a page that nobody sees costs the gateway nothing
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    reading?.abort();
    link.value = "idle";
  } else {
    reopen();
  }
});
key.subscribe(() => topics.size && reopen());

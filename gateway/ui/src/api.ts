// Requests to the gateway's own routes, and its refusals as errors.
import { key } from "./session";

export class Refusal extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
    readonly body: unknown = null,
  ) {
    super(message);
  }
}

export interface Asked {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface Answer<T> {
  body: T;
  etag: string;
}

export function headers(more: Record<string, string> = {}): Record<string, string> {
  return key.value ? { "X-Api-Key": key.value, ...more } : more;
}

export async function ask<T>(path: string, asked: Asked = {}): Promise<T> {
  return (await answer<T>(path, asked)).body;
}

export async function answer<T>(path: string, { method = "GET", body, headers: more, signal }: Asked = {}): Promise<Answer<T>> {
  const content: Record<string, string> = body === undefined ? {} : { "Content-Type": "application/json" };
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      signal: signal ?? null,
      credentials: "omit",
      cache: "no-store",
      headers: headers({ ...content, ...more }),
      body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refusal("The gateway does not answer.", 0, "Unreachable");
  }
  const text = await response.text();
  const value = parsed(text);
  if (response.ok) return { body: value as T, etag: response.headers.get("ETag") ?? "" };
  const said = (value ?? {}) as { message?: string; code?: string };
  throw new Refusal(said.message ?? `The gateway answered ${response.status}.`, response.status, said.code ?? "", value);
}

function parsed(text: string): unknown {
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    return { message: text.slice(0, 300) };
  }
}

type Value = string | number | boolean | null | undefined;

// `route("/admin/users", id)` encodes each part; values that are empty are left out of the query.
export function route(base: string, ...parts: string[]): string {
  return [base, ...parts.map(encodeURIComponent)].join("/");
}

export function withQuery(path: string, query: Record<string, Value>): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  if (!pairs.length) return path;
  return `${path}?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}`;
}

/** How calls go out and answers come back: `fetch`, and one error. */

export interface ClientOptions {
  /** A key. A page's is public, so it is a publishable one. */
  apiKey?: string;
  /** A token of OIDC. */
  token?: string;
  /** 10 seconds where it is not said. */
  timeoutMs?: number;
}

export interface CallOptions {
  signal?: AbortSignal;
}

export type ETag = string | undefined;

export interface ConditionalOptions<Tag extends ETag> extends CallOptions {
  /** The ETag of an earlier answer. */
  ifNoneMatch?: Tag;
}

/** An answer with its ETag. `body` is undefined where the ETag that the caller brought is still current. */
export interface Conditional<T, Tag extends ETag> {
  etag: ETag;
  body: Tag extends string ? T | undefined : T;
}

/** A refusal of the server. `retryAfter` is seconds, where the server says when to ask again. */
export class RecgateError extends Error {
  override readonly name = "RecgateError";

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly retryAfter: number | null,
  ) {
    super(message);
  }
}

/** A request. A body of bytes or text is sent as it is, any other as JSON. */
export interface Call {
  method: string;
  path: string;
  headers?: Record<string, string>;
  query?: object;
  body?: unknown;
}

const TIMEOUT_MS = 10_000;

export class Transport {
  private readonly baseUrl: string;

  constructor(
    baseUrl: string,
    private readonly options: ClientOptions,
  ) {
    this.baseUrl = baseUrl.replace(/\/+$/, "");
  }

  async send<T>(call: Call, { signal }: CallOptions): Promise<T> {
    return bodyOf(await this.responseTo(call, { signal }));
  }

  async sendConditional<T, Tag extends ETag>(
    call: Call,
    options: ConditionalOptions<Tag>,
  ): Promise<Conditional<T, Tag>> {
    const response = await this.responseTo(call, options);
    const body = response.status === 304 ? undefined : await bodyOf<T>(response);
    return { etag: response.headers.get("etag") ?? undefined, body: body as Conditional<T, Tag>["body"] };
  }

  private responseTo(call: Call, { signal, ifNoneMatch }: ConditionalOptions<ETag>): Promise<Response> {
    const { apiKey, token, timeoutMs = TIMEOUT_MS } = this.options;
    const headers = new Headers({ accept: "application/json, text/plain", ...call.headers });
    if (apiKey !== undefined) headers.set("x-api-key", apiKey);
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    if (ifNoneMatch !== undefined) headers.set("if-none-match", ifNoneMatch);
    const isRaw = typeof call.body === "string" || call.body instanceof Uint8Array;
    if (call.body !== undefined) headers.set("content-type", isRaw ? "text/csv" : "application/json");
    const body = (isRaw ? call.body : JSON.stringify(call.body)) as BodyInit | undefined;
    const timeout = AbortSignal.timeout(timeoutMs);
    return fetch(this.baseUrl + call.path + queryOf(call.query ?? {}), {
      method: call.method,
      headers,
      body,
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
  }
}

/** A template's path, in which values are escaped; of several ids, each. */
export function pathOf(template: TemplateStringsArray, ...values: Array<string | number | readonly string[]>): string {
  return String.raw(template, ...values.map(escaped));
}

function escaped(value: string | number | readonly string[]): string {
  const part = [value].flat().map(encodeURIComponent).join(",");
  if (part === "." || part === "..") throw new TypeError(`${part} would lead to another path`); // no escape prevents it
  return part;
}

function queryOf(query: object): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return text && `?${text}`;
}

/** The body of an answer. Throws `RecgateError`. */
async function bodyOf<T>(response: Response): Promise<T> {
  const text = await response.text();
  if (!response.ok) throw errorOf(response, text);
  const isJson = response.headers.get("content-type")?.includes("json");
  return (text === "" ? undefined : isJson ? JSON.parse(text) : text) as T;
}

function errorOf(response: Response, text: string): RecgateError {
  const { code, errorCode, message, errorDetails } = refusalOf(response, text);
  const after = response.headers.get("retry-after") ?? "";
  const retryAfter = /^\d+$/.test(after) ? Number(after) : null;
  return new RecgateError(response.status, code ?? errorCode ?? "", message ?? errorDetails ?? "", retryAfter);
}

function refusalOf(response: Response, text: string): Record<string, string> {
  try {
    return Object(JSON.parse(text));
  } catch {
    // Something between this client and the server has answered.
    return { code: response.statusText, message: text.slice(0, 500) };
  }
}

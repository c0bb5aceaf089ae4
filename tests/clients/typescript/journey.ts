// A visit to the shop, in Node and in pages: a list, the same again, an event of it, a flag, and refusals.
import { Client, RecgateError } from "recgate-client";

type Refusal = Pick<RecgateError, "status" | "code" | "message" | "retryAfter">;

export async function journey(url: string, silent: string, apiKey: string, user: string) {
  const client = new Client(url, { apiKey });
  const { etag, body } = await client.recommendItems("shop", "home", user, { numResults: 3, decorateItems: true });
  const again = await client.recommendItems(
    "shop",
    "home",
    user,
    { numResults: 3, decorateItems: true },
    { ifNoneMatch: etag },
  );
  const [first] = body.itemList;
  await client.recordEvents("shop", {
    sessionId: `visit of ${user}`,
    userId: user,
    eventList: [{ eventType: "view", itemId: first.itemId, recommendationId: body.recommendationId }],
  });
  const flag = await client.evaluateFlag("shop.home.new-ranker", { context: { targetingKey: user } });
  const reranked = await client.rerankItems("shop", "search", user, ["i1", "i/2", "i,3"]);
  return {
    list: body.itemList.map(({ itemId }) => itemId),
    variation: body.variation,
    etag,
    again,
    flag,
    reranked: reranked.body.personalizedRanking.map(({ itemId }) => itemId),
    keyless: await refusalOf(new Client(url).recommendItems("shop", "home", user)),
    invalid: await refusalOf(client.recommendItems("shop", "home", user, { numResults: 0 })),
    missing: await refusalOf(client.evaluateFlag("shop.home.none", { context: { targetingKey: user } })),
    limited: await refusalOf(tooOften(new Client(url, { apiKey: "hasty-key" }), user)),
    elsewhere: await client.recommendItems("shop", "..", user).then(String, String),
    aborted: await client.recommendItems("shop", "home", user, {}, { signal: AbortSignal.abort() }).then(String, String),
    late: await new Client(silent, { apiKey, timeoutMs: 50 }).recommendItems("shop", "home", user).then(String, String),
  };
}

/** An operator writes the configuration, and then another who has not seen that. */
export async function editing(url: string) {
  const { admin } = new Client(url);
  const { etag, text } = await admin.getConfigurationText();
  const written = await admin.replaceConfiguration(etag, { text: `${text}\n`, comment: "by a client" });
  return { written, late: await refusalOf(admin.replaceConfiguration(etag, { text })) };
}

async function tooOften(client: Client, user: string): Promise<void> {
  for (let turn = 0; turn < 100; turn += 1) await client.recommendItems("shop", "home", user);
}

async function refusalOf(call: Promise<unknown>): Promise<Refusal | string> {
  try {
    return `no refusal: ${await call}`;
  } catch (error) {
    if (!(error instanceof RecgateError)) return String(error);
    const { status, code, message, retryAfter } = error;
    return { status, code, message, retryAfter };
  }
}

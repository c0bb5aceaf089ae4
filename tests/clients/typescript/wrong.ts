// Calls that the types refuse, a line each.
import { Client } from "recgate-client";

const client = new Client("http://127.0.0.1:8080");
client.recommendItems("shop", "home", "user-1", { numResult: 3 });
client.recordEvents("shop", { sessionId: "session-1", eventList: [{ itemId: "item-1" }] });
client.evaluateFlag("shop.home.new-ranker", { context: {} }, { ifNoneMatch: "etag" });
const { body } = await client.recommendItems("shop", "home", "user-1", {}, { ifNoneMatch: "etag" });
body.itemList;

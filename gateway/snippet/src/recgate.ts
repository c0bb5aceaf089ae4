// Lists for a page and events of it, without cookies unless `data-cookie` names one.
//
//   <script src="https://GATEWAY/recgate.js" data-namespace="shop" data-key="KEY" data-user="u1" async></script>
//   <section data-recgate="recommend-items/home" data-count="4"><template><a data-attr="href:metadata.url" data-field="metadata.title"></a></template></section>

interface ShownItem { itemId: string; score?: number; metadata?: Record<string, unknown> }
interface ShownList { itemList?: ShownItem[]; recommendationId?: string }
interface PageEvent {
  eventType: string;
  eventId: string;
  sentAt: number;
  itemId?: string;
  recommendationId?: string;
  impression?: string[];
  eventValue?: number;
  properties?: string;
}
type More = Partial<Omit<PageEvent, "properties">> & { properties?: Record<string, unknown> };

const script = document.currentScript as HTMLScriptElement;
const settings = script.dataset;
const gateway = new URL(script.src).origin;
const namespace = encodeURIComponent(settings.namespace ?? "");
const key = settings.key;
const queue: PageEvent[] = [];
const MOST = 50;
const VISIBLE = 0.5;
const LASTING = "recgate.lists"; // which list an item was chosen from, for its view on the next page
let user = settings.user;
let timer = 0;

const randomId = (): string => crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16)).join("-");

function session(): string {
  const cookie = settings.cookie;
  const stored = cookie
    ? document.cookie.split("; ").find((pair) => pair.startsWith(`${cookie}=`))?.slice(cookie.length + 1)
    : sessionStorage.getItem("recgate.session");
  const id = stored || randomId();
  if (cookie) document.cookie = `${cookie}=${id}; path=/; max-age=31536000; samesite=lax`;
  else sessionStorage.setItem("recgate.session", id);
  return id;
}

const chosenLists = (): Record<string, string> => JSON.parse(sessionStorage.getItem(LASTING) ?? "{}");

function send(eventType: string, more: More = {}): void {
  const { properties, ...rest } = more;
  const event: PageEvent = { eventType, eventId: randomId(), sentAt: Date.now() / 1000, ...rest };
  if (properties) event.properties = JSON.stringify(properties);
  queue.push(event);
  clearTimeout(timer);
  if (queue.length >= MOST) flush();
  else timer = setTimeout(flush, 500);
}

// A beacon outlives the page; what the browser does not take as one goes by fetch.
function flush(): void {
  clearTimeout(timer);
  while (queue.length) {
    const eventList = queue.splice(0, MOST);
    const body = JSON.stringify({ apiKey: key, sessionId: session(), userId: user, eventList });
    const url = `${gateway}/events/${namespace}`;
    if (!navigator.sendBeacon?.(url, body)) fetch(url, { method: "POST", body, keepalive: true, mode: "no-cors" }).catch(() => queue.unshift(...eventList));
  }
}

function view(itemId: string, more: More = {}): void {
  send(settings.viewType ?? "View", { itemId, recommendationId: chosenLists()[itemId], ...more });
}

function click(itemId: string, recommendationId?: string, more: More = {}): void {
  if (recommendationId) sessionStorage.setItem(LASTING, JSON.stringify({ ...Object.fromEntries(Object.entries(chosenLists()).slice(-MOST)), [itemId]: recommendationId }));
  send(settings.clickType ?? "Click", { itemId, recommendationId, ...more });
}

const impression = (items: string[], recommendationId?: string): void =>
  send(settings.impressionType ?? "Impression", { itemId: items[0], impression: items.slice(0, 25), recommendationId });

// ---- lists

async function list(path: string, about: string, count: string): Promise<ShownList> {
  const [action, recommender] = path.split("/").map(encodeURIComponent);
  const query = new URLSearchParams({ numResults: count, sessionId: session() });
  if (key) query.set("apiKey", key);
  if (user && action !== "recommend-items") query.set("userId", user);
  const answer = await fetch(`${gateway}/${action}/${namespace}/${recommender}/${encodeURIComponent(about)}?${query}`);
  if (!answer.ok) throw new Error(`recgate: ${path} answers with status ${answer.status}`);
  return answer.json();
}

const read = (item: ShownItem, path: string): unknown =>
  path.split(".").reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], item);

function filled(template: HTMLTemplateElement, item: ShownItem): DocumentFragment {
  const part = template.content.cloneNode(true) as DocumentFragment;
  for (const element of part.querySelectorAll<HTMLElement>("[data-field],[data-attr]")) {
    if (element.dataset.field) element.textContent = String(read(item, element.dataset.field) ?? "");
    for (const pair of element.dataset.attr?.split(";") ?? []) {
      const [name, path] = pair.split(":").map((each) => each.trim());
      const value = path && read(item, path);
      // what a shop's data says is no script
      if (name && value != null && !/^on/i.test(name) && !/^\s*javascript:/i.test(String(value))) element.setAttribute(name, String(value));
    }
  }
  for (const element of part.children) (element as HTMLElement).dataset.recgateItem = item.itemId;
  return part;
}

async function fill(element: HTMLElement): Promise<void> {
  const path = element.dataset.recgate ?? "";
  const template = element.querySelector("template");
  if (!path || !template || element.dataset.recgateList != null) return;
  element.dataset.recgateList = "";
  const about = path.startsWith("related-items/") ? element.dataset.item : user || session();
  if (!about) return;
  const shown = await list(path, about, element.dataset.count ?? "10");
  const items = shown.itemList ?? [];
  element.append(...items.map((item) => filled(template, item)));
  element.dataset.recgateList = shown.recommendationId ?? "";
  element.addEventListener("click", (event) => {
    const item = (event.target as Element).closest<HTMLElement>("[data-recgate-item]")?.dataset.recgateItem;
    if (item) click(item, shown.recommendationId);
  });
  const observer = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && items.length) {
      observer.disconnect();
      impression(items.map((item) => item.itemId), shown.recommendationId);
    }
  }, { threshold: VISIBLE });
  observer.observe(element);
  magento(path, items, shown.recommendationId);
  element.dispatchEvent(new CustomEvent("recgate:filled", { bubbles: true, detail: shown }));
}

const fillAll = (): Promise<unknown> =>
  Promise.all([...document.querySelectorAll<HTMLElement>("[data-recgate]")].map((element) => fill(element).catch((error) => console.warn(error))));

// ---- Magento's units of recommendations, as its own collector reads them

const units: unknown[] = [];

function magento(path: string, items: ShownItem[], unitId = path): void {
  const mse = (window as { magentoStorefrontEvents?: { context: { setRecommendations(all: unknown): void }; publish: { recsUnitRender?(unit: string): void } } }).magentoStorefrontEvents;
  if (!mse) return;
  const products = items.map(({ itemId, score, metadata }, place) => ({ ...metadata, sku: itemId, productId: itemId, rank: place + 1, score: score ?? 0 }));
  units.push({ unitId, unitName: path, unitType: "primary", typeId: path, searchTime: 0, primaryProducts: products.length, backupProducts: 0, products });
  mse.context.setRecommendations({ units });
  mse.publish.recsUnitRender?.(unitId);
}

addEventListener("pagehide", flush);
document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && flush());
const api = { send, view, click, impression, flush, list, fill: fillAll, identify: (id?: string) => void (user = id) };
(window as unknown as { recgate: typeof api }).recgate = api;
if (settings.view) view(settings.view);
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", fillAll);
else void fillAll();

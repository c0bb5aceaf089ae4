// The demo shop. Every list is one GET to the gateway, every look, cart and purchase one POST; nothing else is asked.

const { gateway, goods: catalogue } = await (await fetch("shop.json")).json();
const REGULARS = ["shopper-3", "shopper-17", "shopper-42", "shopper-123"];
const main = document.getElementById("page"), behind = document.getElementById("behind");
const money = new Intl.NumberFormat("en-GB", { style: "currency", currency: "EUR" });

// ---- what this browser knows of its visitor

const stored = (name, otherwise) => JSON.parse(localStorage.getItem(name)) ?? otherwise;
const store = (name, value) => localStorage.setItem(name, JSON.stringify(value));
const newcomer = () => `visitor-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`;
const state = { user: stored("user", null) ?? newcomer(), asked: [] };
store("user", state.user);
const cart = () => stored(`cart ${state.user}`, []);
const lastLook = () => stored(`look ${state.user}`, null);

// ---- the gateway

async function ask(path, query = {}) {
  const url = `${gateway}/${path}?${new URLSearchParams(query)}`;
  const answer = await fetch(url, { cache: "no-cache" });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.message);
  state.asked.push({ path, from: answer.headers.get("x-cache"), body });
  return body.itemList;
}

async function tell(eventType, good, recommendationId) {
  const event = { eventType, itemId: good.itemId, sentAt: Math.floor(Date.now() / 1000), recommendationId };
  await fetch(`${gateway}/events/shop`, {
    method: "POST",
    body: JSON.stringify({ sessionId: `tab-${state.user}`, userId: state.user, eventList: [event] }),
  });
}

// ---- pieces of a page

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const image = ({ metadata }) => element("img", { src: metadata.picture, alt: "", width: 160, height: 160 });
const address = (itemId) => `#/good/${encodeURIComponent(itemId)}`;

function card(good) {
  const link = element("a", { className: "good", href: address(good.itemId) }, image(good),
    element("span", { textContent: good.metadata.name }), element("b", { textContent: money.format(good.metadata.price) }));
  return element("li", {}, link);
}

function shelf(title, why, goods) {
  if (!goods.length) return "";
  return element("section", {}, element("h2", { textContent: title }), element("p", { className: "soft", textContent: why }),
    element("ul", { className: "shelf" }, ...goods.map(card)));
}

const user = () => encodeURIComponent(state.user);

// ---- the pages

async function home() {
  const last = lastLook();
  const [first, beside, chosen] = await Promise.all([
    ask(`recommend-items/shop/home/${user()}`, { numResults: 8 }),
    last ? ask(`related-items/shop/goes-with/${encodeURIComponent(last.itemId)}`, { numResults: 6 }) : [],
    last ? ask(`recommend-items/shop/for-you/${user()}`, { numResults: 6 }) : [],
  ]);
  return [
    element("h1", { textContent: "Things for your home" }),
    shelf("On the first shelf", "Two versions of this shelf are being compared; below you read which one is yours.", first),
    last ? shelf(`Because you looked at: ${last.name}`, "Goods that people look at together.", beside) : "",
    shelf("For you", "From everything that you have looked at.", chosen),
  ];
}

async function product(itemId) {
  const good = catalogue.find((each) => each.itemId === itemId);
  if (!good) return [element("h1", { textContent: "There is no such thing here" })];
  await tell("view", good);
  const beside = await ask(`related-items/shop/goes-with/${encodeURIComponent(itemId)}`, { numResults: 6 });
  store(`look ${state.user}`, { itemId, name: good.metadata.name });
  const buy = element("button", { className: "strong", textContent: "Put into the cart" });
  buy.onclick = async () => {
    store(`cart ${state.user}`, [...cart(), good]);
    await tell("cart", good);
    location.hash = "#/cart";
  };
  const words = element("div", {}, element("h1", { textContent: good.metadata.name }),
    element("p", { className: "price", textContent: money.format(good.metadata.price) }),
    element("p", { textContent: `A ${good.metadata.kind}, in the colour ${good.metadata.colour}. Drawn by a program.` }), buy);
  return [element("div", { className: "product" }, image(good), words), shelf("Goes with it", "Goods that people look at together.", beside)];
}

async function basket() {
  const goods = cart();
  if (!goods.length) return [element("h1", { textContent: "Your cart is empty" }), element("p", {}, element("a", { href: "#/", textContent: "Look around" }))];
  const last = goods.at(-1);
  const beside = await ask(`related-items/shop/goes-with/${encodeURIComponent(last.itemId)}`, { numResults: 6, exclude: goods.map((each) => each.itemId).join(",") });
  const rows = goods.map((each) => element("tr", {}, element("td", {}, image(each)), element("td", { textContent: each.metadata.name }),
    element("td", { textContent: money.format(each.metadata.price) })));
  const sum = goods.reduce((total, each) => total + each.metadata.price, 0);
  const buy = element("button", { className: "strong", textContent: `Buy for ${money.format(sum)}` });
  buy.onclick = async () => {
    for (const good of goods) await tell("purchase", good);
    store(`cart ${state.user}`, []);
    location.hash = "#/thanks";
  };
  return [element("h1", { textContent: "Your cart" }), element("table", {}, element("tbody", {}, ...rows)), element("p", {}, buy),
    shelf("Often taken along", "Near what you put in last.", beside)];
}

const thanks = () => [element("h1", { textContent: "Thank you" }),
  element("p", { textContent: "What you have bought is on no first shelf of yours from now on." }), element("p", {}, element("a", { href: "#/", textContent: "Back to the shop" }))];

// ---- behind the scenes

function account() {
  const rows = state.asked.map(({ path, from, body }) => element("tr", {}, element("td", {}, element("code", { textContent: `GET /${path}` })),
    element("td", { textContent: from }),
    element("td", { textContent: body.matchedExperiment ? `version: ${body.matchedExperiment.details.variation}` : "" })));
  const more = element("a", { href: `${gateway}/ui/`, target: "_blank", rel: "noopener", textContent: "Look behind the counter" });
  behind.replaceChildren(element("p", {}, `You are ${state.user}. This page asked recgate: `), element("table", {}, element("tbody", {}, ...rows)), element("p", {}, more));
}

function greet() {
  const names = [...new Set([state.user, ...REGULARS])];
  const choice = document.getElementById("user");
  choice.replaceChildren(...names.map((name) => element("option", { textContent: name, value: name })));
  choice.value = state.user;
  document.getElementById("count").textContent = cart().length;
}

function become(name) {
  state.user = name;
  store("user", name);
  if (location.hash === "#/" || !location.hash) show();
  else location.hash = "#/";
}

async function show() {
  const [, place, itemId] = location.hash.split("/").map(decodeURIComponent);
  state.asked = [];
  try {
    const parts = await { good: () => product(itemId), cart: basket, thanks }[place || "home"]?.() ?? await home();
    main.replaceChildren(...parts);
  } catch (error) {
    main.replaceChildren(element("p", { className: "fault", textContent: `The shop can't be reached: ${error.message}` }));
  }
  greet();
  account();
  scrollTo(0, 0);
}

document.getElementById("user").onchange = (event) => become(event.target.value);
document.getElementById("who").onsubmit = (event) => { event.preventDefault(); become(newcomer()); };
addEventListener("hashchange", () => show().then(() => main.focus({ preventScroll: true })));
await show();

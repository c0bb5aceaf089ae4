// The namespace that views of users, items and lists are about.
import { computed, signal } from "@preact/signals";
import type { RecommenderName } from "./contract";
import { session } from "./session";

const KEY = "recgate.namespace";
const chosen = signal(sessionStorage.getItem(KEY) ?? "");

export const namespaces = computed<string[]>(() => session.value?.namespacesConfigured ?? []);
export const namespace = computed<string>(() => (namespaces.value.includes(chosen.value) ? chosen.value : (namespaces.value[0] ?? "")));
export const recommenders = computed<RecommenderName[]>(() => (session.value?.recommenders ?? []).filter((each) => each.namespace === namespace.value));

export function choose(name: string): void {
  sessionStorage.setItem(KEY, name);
  chosen.value = name;
}

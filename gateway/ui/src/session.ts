// Who looks at the page: the key that was typed in, and what the gateway says of it.
import { computed, signal } from "@preact/signals";
import type { Session } from "./contract";

const KEY = "recgate.key";

// sessionStorage forgets with the tab; a cookie would be sent along by other sites' forms
export const key = signal(sessionStorage.getItem(KEY) ?? "");
export const session = signal<Session | null>(null);
export const canOperate = computed(() => session.value?.role === "operate");

export function useKey(typed: string): void {
  if (typed) sessionStorage.setItem(KEY, typed);
  else sessionStorage.removeItem(KEY);
  key.value = typed;
}

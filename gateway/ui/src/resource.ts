// What a view shows: one answer of the gateway, asked for when the view opens and kept up to date by the stream.
import { useCallback, useEffect, useState } from "preact/hooks";
import { ask, Refusal } from "./api";
import { key } from "./session";
import { listen } from "./stream";

export interface Resource<T> {
  data: T | undefined;
  error: Refusal | undefined;
  loading: boolean;
  reload: () => void;
}

export const asRefusal = (error: unknown): Refusal =>
  error instanceof Refusal ? error : new Refusal(error instanceof Error ? error.message : String(error), 0, "Page");

// A topic of the stream that keeps a resource up to date; `pick` takes the resource from a message of the topic, and
// undefined where the message has none.
export interface Live<T> {
  topic: string;
  pick: (message: never) => T | undefined;
}

export const live = <M, T>(topic: string, pick: (message: M) => T | undefined): Live<T> => ({ topic, pick });

// `path` null asks for nothing yet. Old data stays while new is on its way, and after a failure.
export function useResource<T>(path: string | null, stream?: string | Live<T>): Resource<T> {
  const topic = typeof stream === "string" ? stream : stream?.topic;
  const [state, setState] = useState<{ path: string | null; data?: T; error?: Refusal; loading: boolean }>({
    path: null,
    loading: path !== null,
  });
  const [turn, setTurn] = useState(0);
  const reload = useCallback(() => setTurn((now) => now + 1), []);
  const typed = key.value;

  useEffect(() => {
    if (path === null) return;
    const abort = new AbortController();
    setState((was) => ({ path, data: was.path === path ? was.data : undefined, loading: true }) as typeof was);
    ask<T>(path, { signal: abort.signal }).then(
      (data) => setState({ path, data, loading: false }),
      (error: unknown) => {
        if (abort.signal.aborted) return;
        setState((was) => ({ ...was, path, error: asRefusal(error), loading: false }));
      },
    );
    return () => abort.abort();
  }, [path, turn, typed]);

  useEffect(() => {
    if (!topic || path === null) return;
    const [latest, leave] = listen<T>(topic);
    const stop = latest.subscribe((message) => {
      if (message === undefined) return;
      const data = typeof stream === "object" ? stream.pick(message as never) : message;
      if (data !== undefined) setState({ path, data, loading: false });
    });
    return () => {
      stop();
      leave();
    };
  }, [topic, path]);

  const current = state.path === path;
  return {
    data: current ? state.data : undefined,
    error: current ? state.error : undefined,
    loading: path !== null && (!current || state.loading),
    reload,
  };
}

export interface Action<A extends unknown[]> {
  run: (...given: A) => Promise<boolean>;
  busy: boolean;
  error: Refusal | undefined;
  clear: () => void;
}

// Something that a button does: true once it is done, and its refusal kept for the place beside the button.
export function useAction<A extends unknown[]>(work: (...given: A) => Promise<void>): Action<A> {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Refusal>();
  const run = async (...given: A): Promise<boolean> => {
    setBusy(true);
    setError(undefined);
    try {
      await work(...given);
      return true;
    } catch (caught) {
      setError(asRefusal(caught));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { run, busy, error, clear: () => setError(undefined) };
}

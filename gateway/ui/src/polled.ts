// Asks again every second while something is under way that no stream tells of.
import { useEffect } from "preact/hooks";

const EVERY_MS = 1000;

export function usePolled(reload: () => void, active: boolean): void {
  useEffect(() => {
    if (!active) return;
    const timer = window.setInterval(() => !document.hidden && reload(), EVERY_MS);
    return () => window.clearInterval(timer);
  }, [reload, active]);
}

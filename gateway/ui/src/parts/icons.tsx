// Line icons of 18 by 18, one path each.
const PATHS: Record<string, string> = {
  overview: "M3 10.5 9 4l6 6.5M5 9v6h8V9",
  explore: "M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM12 12l3.5 3.5",
  users: "M9 8.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM3 15.5c.6-3 3-4.5 6-4.5s5.4 1.5 6 4.5",
  items: "M3 5.5 9 2.5l6 3v7l-6 3-6-3v-7ZM3 5.5l6 3 6-3M9 8.5v7",
  data: "M3.5 4.5C3.5 1.8 14.5 1.8 14.5 4.5S3.5 7.2 3.5 4.5Zm0 0v9c0 2.7 11 2.7 11 0v-9M3.5 9c0 2.7 11 2.7 11 0",
  models: "M9 2.5v3M9 12.5v3M4.5 5.5h9v7h-9zM2 8h2.5M2 10.5h2.5M13.5 8H16M13.5 10.5H16",
  pipeline: "M2.5 4h13M4.5 9h9M7 14h4",
  experiments: "M7 2.5v4.5L3.5 14c-.4.9.1 1.5 1 1.5h9c.900 0 1.4-.6 1-1.5L11 7V2.5M5.5 2.5h7M5.5 11h7",
  filters: "M2.5 3.5h13L10.5 9v5.5l-3-1.5V9z",
  jobs: "M3 3h12v4H3zM3 11h12v4H3zM6 7v4M12 7v4",
  processes: "M2.5 9h3l2-5 3.5 10 2-5h2.5",
  cost: "M9 2v14M12.5 5.5C12 4.2 10.7 3.7 9 3.7c-2 0-3.5.9-3.5 2.5 0 3.8 7.3 1.6 7.3 5.5 0 1.7-1.7 2.6-3.8 2.6-2 0-3.5-.8-4-2.3",
  configuration: "M3 5h7M14 5h1M3 13h1M8 13h7M12 7a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM6 15a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z",
  menu: "M3 5h12M3 9h12M3 13h12",
  close: "M4.5 4.5l9 9M13.5 4.5l-9 9",
  sun: "M9 12a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM9 1.5v2M9 14.5v2M1.5 9h2M14.5 9h2M3.7 3.7l1.4 1.4M12.9 12.9l1.4 1.4M3.7 14.3l1.4-1.4M12.9 5.1l1.4-1.4",
  moon: "M14.5 10.8A6.2 6.2 0 0 1 7.2 3.5a6.2 6.2 0 1 0 7.3 7.3Z",
  screen: "M2.5 3.5h13v8.5h-13zM6 15.5h6M9 12v3.5",
  good: "M9 16A7 7 0 1 0 9 2a7 7 0 0 0 0 14ZM6 9.2l2.1 2.1L12.2 7",
  warn: "M9 2.5 16 15H2L9 2.5ZM9 7v3.5M9 12.7v.1",
  bad: "M9 16A7 7 0 1 0 9 2a7 7 0 0 0 0 14ZM9 5.5V10M9 12.3v.1",
  note: "M9 16A7 7 0 1 0 9 2a7 7 0 0 0 0 14ZM9 8.2v4.3M9 5.6v.1",
  empty: "M3 10.5 5 4h8l2 6.5v3.5H3zM3 10.5h3.5c0 1.5 1 2 2.5 2s2.5-.5 2.5-2H15",
  key: "M6 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM9.5 8H16M13 8v2.5",
  right: "M7 4l5 5-5 5",
  up: "M9 14V4M5 8l4-4 4 4",
  down: "M9 4v10M5 10l4 4 4-4",
};

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: string; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 18 18" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={PATHS[name] ?? PATHS.note} />
    </svg>
  );
}

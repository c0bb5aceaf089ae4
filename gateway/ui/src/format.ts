// Numbers and times as a reader wants them.
const locale = "en";
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(locale, { notation: "compact", maximumSignificantDigits: 3 });
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false });
const date = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hour12: false });

export const NONE = "–";

type Maybe = number | null | undefined;

const known = (value: Maybe): value is number => value !== null && value !== undefined && Number.isFinite(value);

export function count(value: Maybe): string {
  return known(value) ? (Math.abs(value) < 100_000 ? whole.format(value) : short.format(value)) : NONE;
}

export function decimal(value: Maybe, digits = 3): string {
  return known(value) ? value.toFixed(digits) : NONE;
}

export function percent(share: Maybe, digits = 1): string {
  return known(share) ? `${(100 * share).toFixed(digits)} %` : NONE;
}

export function signed(share: Maybe, digits = 1): string {
  return known(share) ? `${share > 0 ? "+" : ""}${(100 * share).toFixed(digits)} %` : NONE;
}

export function milliseconds(value: Maybe): string {
  if (!known(value)) return NONE;
  if (value < 1) return `${value.toFixed(2)} ms`;
  if (value < 1000) return `${value.toPrecision(3)} ms`;
  return duration(value / 1000);
}

export function duration(seconds: Maybe): string {
  if (!known(seconds)) return NONE;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
  return `${Math.round(seconds / 86_400)} days`;
}

export function bytes(value: Maybe): string {
  if (!known(value)) return NONE;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? whole.format(value) : value.toPrecision(3)} ${units[unit]}`;
}

export function money(dollars: Maybe): string {
  return known(dollars) ? new Intl.NumberFormat(locale, { style: "currency", currency: "USD" }).format(dollars) : NONE;
}

// epoch seconds
export function moment(seconds: Maybe): string {
  if (!known(seconds)) return NONE;
  const then = new Date(seconds * 1000);
  return (then.getFullYear() === new Date().getFullYear() ? day : date).format(then);
}

export function time(seconds: Maybe): string {
  return known(seconds) ? clock.format(new Date(seconds * 1000)) : NONE;
}

export function since(seconds: Maybe): string {
  if (!known(seconds)) return NONE;
  const passed = Date.now() / 1000 - seconds;
  return passed < 5 ? "just now" : passed < 0 ? moment(seconds) : `${duration(passed)} ago`;
}

// CREATE IN_PROGRESS is an API's word
export const status = (word: string): string => word.toLowerCase().replace("create ", "").replaceAll("_", " ");

export function plural(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

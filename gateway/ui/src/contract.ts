// The bodies of the gateway's /admin routes, as its OpenAPI describes them. Times are epoch seconds.

export type Level = "error" | "warning" | "note";

export interface RecommenderName {
  namespace: string;
  action: string;
  recommender: string;
  variations: string[];
  models: string[];
  experiments: string[];
}

export interface Session {
  name: string;
  role: "read" | "operate";
  namespaces: string[] | null;
  keyless: boolean;
  release: string;
  server: string;
  configWritable: boolean;
  namespacesConfigured: string[];
  recommenders: RecommenderName[];
}

// ---- overview

export interface Tiers {
  hot: number;
  shared: number;
  stale: number;
  miss: number;
  fallback?: number;
}

export interface Traffic {
  seconds?: number;
  requests: number;
  answers: number;
  hits: number;
  hitRate: number | null;
  originCalls: number;
  originCallsSaved: number;
  errors: number;
  tiers: Tiers;
  p50Ms: number | null;
  p99Ms: number | null;
  events: number;
  eventsRejected: number;
  perSecond: number | null;
}

export interface Point {
  at: number;
  requestsPerSecond: number;
  hitRate: number | null;
  p50Ms: number | null;
  p99Ms: number | null;
  eventsPerSecond: number;
  originCallsPerSecond: number;
  eventLagS: number | null;
}

export interface Wrong {
  severity: Level;
  code: string;
  what: string;
  do: string;
  view: string;
  namespace?: string | null;
  about?: string | null; // what of the view, by its id there
}

export interface Overview {
  at: number;
  since: number;
  machine: string;
  ready: boolean;
  total: Traffic;
  recent: Traffic | null;
  series: Point[];
  routes: { route: string; requests: number; errors: number; p50Ms: number | null; p99Ms: number | null }[];
  recommenders: { namespace: string; recommender: string; lookups: number; hitRate: number | null; tiers: Tiers }[];
  events: {
    accepted: number;
    rejected: number;
    lagS: number | null;
    waiting: number;
    outbox: { target: string; records: number; oldestS: number; dead: number }[];
  };
  memory: {
    cacheBytes: number;
    cacheCeilingBytes: number;
    cacheEntries: number;
    evictions: number;
    bodiesBytes: number;
    residentBytes: number | null;
    limitBytes: number | null;
  } | null;
  models: { name: string; version: string; ageS: number | null }[];
  wrong: Wrong[];
}

// ---- processes and jobs

export interface ProcessRow {
  name: string;
  kind: string;
  pid: number | null;
  alive: boolean;
  startedAt: number | null;
  cpuS: number | null;
  residentBytes: number | null;
  eventLagS: number | null;
  applied: number | null;
  behind: number | null;
  configVersion: string | null;
  configFingerprint: string | null;
  isCurrent: boolean | null;
  writtenS: number | null;
}

export interface Processes {
  at: number;
  release: string;
  server: string;
  processes: ProcessRow[];
  replicas: { id: string; here: boolean; leaseS: number | null; heard: number; behind: number | null }[];
  jobWorkers: { host: string; pid: number; kinds: string; places: number; silentS: number; alive: boolean; jobs: number[] }[];
  log: { last: number; applied: number; behind: number; lagS: number | null };
  jobsProcessorShare: number | null;
}

export interface Job {
  id: number;
  kind: string;
  title: string;
  arn: string;
  group: string | null;
  state: "queued" | "running" | "interrupted" | "done" | "failed" | "cancelled";
  fraction: number | null;
  message: string | null;
  attempts: number;
  createdAt: number;
  startedAt: number | null;
  endedAt: number | null;
  seconds: number | null;
  forecast: string | null;
  owner: { role: string; pid: number; here: boolean } | null;
  why: string | null;
  canCancel: boolean;
  canRetry: boolean;
  canRetryWhy: string | null;
  badRows?: number | null;
  report?: ImportReport | null;
  failureReason?: string | null;
}

export interface Jobs {
  at: number;
  jobs: Job[];
  schedules: { arn: string; name: string; everyDays: number; nextAt: number | null }[];
}

// ---- configuration

export interface Fault {
  place: string;
  message: string;
  line?: number | null;
}

export interface Change {
  place: string;
  kind: "changed" | "added" | "removed";
  before?: unknown;
  after?: unknown;
}

export interface Difference {
  changes: Change[];
  unified: string;
}

export interface Configuration {
  fingerprint: string;
  version: string;
  name: string | null;
  warnings: string[];
  writable: boolean;
  why: string | null;
  etag: string | null;
  faults: Fault[];
  loadedAt: number | null;
  document?: unknown;
  rules?: { list: string; variation: string; inForce: string[]; until?: number }[];
}

export interface Effective {
  fingerprint: string;
  recommenders: {
    namespace: string;
    action: string;
    recommender: string;
    variation: string;
    upstream: string;
    model: string | null;
    cache: Record<string, string>;
    filters: unknown[];
    promotion: unknown;
    rules: unknown[];
    experiments: string[];
    fallback: string[];
  }[];
}

export interface ConfigurationText {
  text: string;
  format: string;
  etag: string;
  name: string;
}

export interface Validation {
  valid: boolean;
  faults: Fault[];
  warnings: Fault[];
  needRestart: string[];
  diff: Difference | null;
}

export interface HistoryEntry {
  id: string;
  at: number;
  by: string;
  how: string;
  comment: string;
  etag: string;
  fingerprint: string;
  version: string;
  added: number;
  removed: number;
}

// ---- experiments

export interface Arm {
  variation: string;
  share: number;
  exposed: number;
  answers: number;
}

export interface ExperimentRow {
  id: string;
  namespace: string;
  action: string;
  recommender: string;
  feature: string;
  method: string;
  unit: string;
  description: string;
  state: "scheduled" | "running" | "ended" | "off";
  start: number | string | null;
  end: number | string | null;
  traffic: number;
  arms: Arm[];
  metrics: string[];
  guardrails: string[];
  verdict: string;
  words: string;
  health: "ok" | "warning" | "broken";
  checks: Check[];
}

export interface Check {
  name: string;
  level: "ok" | "warning" | "broken";
  p?: number | null;
  count?: number | null;
  words: string;
}

export interface Lift {
  value: number | null;
  low: number | null;
  high: number | null;
  p?: number | null;
}

export interface VerdictRow {
  metric: string;
  arm: string;
  mean: number | null;
  error: number | null;
  lift: Lift | null;
  said: string | null;
  guardrail: boolean;
}

export interface RampStep {
  at: string;
  traffic?: number;
  weights?: Record<string, number>;
}

interface Judged {
  method: string;
  alpha: number;
  control: string;
  units: Record<string, number>;
  mismatch: number;
  trusted: boolean;
}

export interface Standing {
  metric: string;
  arm: string;
  events: number;
  credit: number;
  preference: Lift | null;
  said: string | null;
  guardrail: boolean;
}

// A verdict or, where lists are interleaved, a contest.
export interface Experiment extends ExperimentRow {
  verdictDetail: (Judged & { rows?: VerdictRow[]; alarms?: string[] }) | null;
  contest: (Judged & { rows?: Standing[] }) | null;
  timeline: {
    at: number;
    units: Record<string, number>;
    rows: { metric: string; arm: string; value: number | null; low: number | null; high: number | null; p: number | null; said: string | null }[];
    mismatch: number;
  }[];
  configuration: { ramp?: RampStep[]; weights?: Record<string, number>; traffic?: number };
  overrides: Record<string, string>;
}

// ---- cost

export interface Cost {
  at: number;
  since: number;
  prices: { name: string; region: string; asOf: string; source: string; currency: string };
  lines: { what: string; unit: string; quantity: number; price: number; amount: number; assumption: string | null }[];
  total: number;
  perMonth: number | null;
  answeredFromCache: number;
  ifEveryAnswerWereAsked: number;
  quotas: { code: string; name: string; used: number; limit: number; share: number; group: string | null }[];
  campaigns: {
    name: string;
    kind: string;
    arn: string;
    minProvisionedTPS: number | null;
    requests: number;
    idle: boolean;
    idleWhy: string | null;
    usedBy: string[];
    idlePerMonth: number;
  }[];
}

// ---- data

export interface Card {
  itemId: string;
  title?: string | null;
  picture?: string | null;
  columns?: Record<string, unknown>;
}

export interface Flaw {
  rule: string;
  column: string | null;
  count: number;
  lines: string[];
  example: string | null;
}

export interface ImportReport {
  rows: number;
  kept: number;
  duplicates: number;
  bad: number;
  blankLines: number;
  files: string[];
  ignoredColumns: string[];
  undated: number;
  ahead: number;
  flaws: Flaw[];
  nulls: Flaw[];
}

export interface ImportJob {
  name: string;
  arn: string;
  type: string;
  status: string;
  created: number;
  updated: number;
  mode: string;
  location: string;
  failureReason?: string | null;
  fraction?: number | null;
  message?: string | null;
  report?: ImportReport | null;
  notes?: string[];
}

export interface SchemaField {
  name: string;
  type: string;
  nullable: boolean;
  categorical: boolean;
  textual: boolean;
  reserved: boolean;
}

export interface DataGroup {
  group: string;
  arn?: string;
  domain?: string | null;
  created: number;
  namespaces?: string[];
  hiddenItems?: string[];
  models: string[];
  interactions: number;
  users: number;
  items: number;
  eventTypes: Record<string, number>;
  firstEvent?: number | null;
  lastEvent?: number | null;
  datasets: { type: string; name: string; schemaName: string; created: number; rows: number; fields: SchemaField[] }[];
  trackers: { name: string; trackingId: string }[];
  imports: ImportJob[];
}

export interface Finding {
  id: string;
  source: "amazon" | "recgate";
  severity: "error" | "warning" | "advice";
  datasets: string[];
  columns: string[];
  title: string;
  what: string;
  count: number;
  of?: number | null;
  examples: string[];
  todo: string;
}

export interface Diagnosis {
  group: string;
  examinedAt: number;
  seconds: number;
  counts: { error: number; warning: number; advice: number };
  statistics: { interactions: number; users: number; items: number };
  insights: Finding[];
  checked: { id: string; title: string; source: string; found: boolean }[];
}

// ---- users, items, lists

export interface Placed {
  place: number;
  item: Card;
  score?: number | null;
  reason?: string | null;
  promotionName?: string | null;
  pin?: unknown;
}

export interface ItemList {
  recommender: string;
  action: string;
  variation?: string | null;
  origin?: string | null;
  model?: string | null;
  version?: string | null;
  experiment?: { id: string; feature: string; arm: string; counted: boolean } | null;
  cohort?: string | null;
  cache?: string | null;
  recommendationId?: string | null;
  asOf?: number | null;
  short?: boolean;
  lacking?: string[];
  unknownHistory?: number;
  milliseconds?: number | null;
  items?: Placed[];
  error?: { type: string; code: string; message: string } | null;
}

export interface User {
  namespace: string;
  userId: string;
  known: boolean;
  groups: {
    group: string;
    known: boolean;
    sessions: string[];
    properties: Record<string, unknown>;
    events: number;
    firstEvent?: number | null;
    lastEvent?: number | null;
    history: { item: Card; eventType: string; time: number; value?: number | null }[];
  }[];
  arms: { experiment: string; feature: string; recommender: string; variation: string; counted: boolean }[];
  lists: ItemList[];
}

export interface Item {
  namespace: string;
  itemId: string;
  known: boolean;
  groups: {
    group: string;
    known: boolean;
    item: Card;
    interactions: number;
    users: number;
    impressions: number;
    firstEvent?: number | null;
    lastEvent?: number | null;
    hidden: boolean;
    editable: { name: string; type: string; nullable: boolean; categorical: boolean; textual: boolean }[];
    neighbours: { item: Card; likeness: number; users?: number }[];
    filters: { filter: string; expression: string; keeps: boolean | null; needsUser: boolean; fault?: string | null }[];
    recentUsers: { userId: string; eventType: string; time: number }[];
  }[];
}

export interface Audience {
  users: number;
  numResults: number;
  gets: number;
  places: Record<string, number>;
  examples: { userId: string; place: number }[];
}

export interface Explorable {
  recommender: string;
  action: string;
  variations: string[];
  experiments: string[];
  models: string[];
}

export interface Explorables {
  recommenders: Explorable[];
  sampleUsers: string[];
  eventTypes: string[];
}

// what the engine says of one item in one list: the explanation is that of /explain-items
export interface Why {
  recommender: string;
  variation: string;
  item: Card;
  explanation: Explanation;
  historyItems: Card[];
}

export interface Explanation {
  itemId: string;
  cause: string;
  because: string;
  place?: number;
  propensity?: number;
  score?: number;
  rank?: number;
  rankAfterRules?: number;
  rankAfterFilters?: number;
  filters?: { filter: string; keeps: boolean; lacking?: string[] }[];
  history?: Pull[];
  rules?: { name: string; type: string; place?: number; times?: number }[];
  caps?: { column: string; value: string; most: number; first?: number }[];
  lowered?: { cause: string; odds: number; itemId?: string }[];
  exploration?: { young: boolean; interactions: number; impressions: number; chance?: number };
  promotion?: { name: string; includes: boolean };
}

export interface Pull {
  itemId: string;
  contribution: number;
}

// ---- models, pipeline

export interface Version {
  version: string;
  arn: string;
  status: string;
  deployed: boolean;
  trained?: number | null;
  trainingHours?: number | null;
  mode?: string | null;
  trainingType?: string | null;
  failureReason?: string | null;
  metrics?: Record<string, number | null>;
  baselines?: Record<string, number>;
  blends?: { situation: string; ndcg: number; cases: number; weights: { scorer: string; weight: number; alone: number | null }[]; why: string }[];
  protocol?: string | null;
  forecast?: string | null;
  job?: { id: number; state: string; fraction: number | null; message: string | null } | null;
}

export interface Model {
  model: string;
  kind: string;
  arn: string;
  group: string;
  recipe: string;
  status: string;
  version?: string | null;
  trainsEveryDays?: number | null;
  nextTraining?: number | null;
  previous?: string | null;
  versions: Version[];
}

export interface Compared {
  version: string;
  coverage: number | null;
  diversity: number | null;
  freshness: number | null;
  popularity: number | null;
  accuracy?: Record<string, number | null>;
}

export interface ModelComparison {
  users: number;
  numResults: number;
  overlap: number;
  first: Compared;
  second: Compared;
  examples: { userId: string; first: Card[]; second: Card[] }[];
}

export interface Stage {
  stage: string;
  title?: string;
  in: number | null;
  out: number | null;
  detail?: [string, string][];
  top?: Card[];
  dropped?: Card[];
}

export interface Pipeline {
  recommender: string;
  variation: string;
  model?: string | null;
  version?: string | null;
  userId?: string | null;
  stages: Stage[];
}

// ---- filters

export interface Filter {
  name: string;
  arn: string;
  group: string;
  expression: string;
  usedBy: string[];
  uses: FilterUse[];
}

export interface FilterUse {
  namespace: string;
  action: string;
  recommender: string;
  variation: string | null; // null: the recommender itself
}

export interface FilterTrial {
  valid: boolean;
  fault?: { message: string; line: number | null; column: number | null; offset: number | null; shown: string | null } | null;
  target?: string;
  needsUser?: boolean;
  needsItem?: boolean;
  placeholders?: string[];
  missing?: string[];
  items?: { of: number; kept: number; keptExamples: Card[]; droppedExamples: Card[] } | null;
  users?: { of: number; empty: number; short: number; examples: { userId: string; kept: number }[] } | null;
  userFilter?: { of: number; kept: number; examples: string[] } | null;
}

export interface RuleTrial {
  faults: { rule: string | null; index: number | null; member?: string | null; message: string }[];
  before: Card[];
  after: Card[];
  moved: { item: Card; before: number | null; after: number | null }[];
}

// Records of recgate's API. Generated from the OpenAPI document by `make clients`: do not edit.

export interface AmplitudeProfile {
  userData: Record<string, unknown>;
}

export interface AmplitudeUser {
  user_id?: string;
  device_id?: string;
}

/** An arm, with its share now, the units that were exposed to it and the answers that it gave. */
export interface ArmView {
  variation: string;
  share: number;
  exposed: number;
  answers: number;
}

export interface Attribution {
  eventAttributionSource: string;
}

export interface AudienceExample {
  userId: string;
  place: number;
}

export interface BlendChoice {
  situation: string;
  ndcg: number;
  cases: number;
  weights: Array<BlendPart>;
  why: string;
}

/** A scorer's weight in a blend, and its NDCG@10 alone on the validation of users in a visit. */
export interface BlendPart {
  scorer: string;
  weight: number;
  alone?: number | null;
}

/** A sign of health, in words. */
export interface CheckView {
  name: string;
  level: "broken" | "ok" | "warning";
  words: string;
  p?: number | null;
  count?: number | null;
}

export interface CheckedInsight {
  id: string;
  title: string;
  source: "amazon" | "recgate";
  found: boolean;
}

export interface Cohort {
  cohort: string;
  count: number;
  model: string;
}

/**
 * A text that was in use from `at` on. `how` it came: found at the start, changed in its place, or by an operator.
 * `added` and `removed` count lines against the entry before.
 */
export interface ConfigurationEntry {
  id: string;
  at: number;
  by: string;
  how: "experiment" | "file" | "filter" | "page" | "start";
  comment: string;
  etag: string;
  fingerprint: string;
  version: string;
  added: number;
  removed: number;
}

/** `faults` are of a text that lies there and is not in use; `why` says what keeps it from being written here. */
export interface ConfigurationView {
  fingerprint: string;
  version: string;
  name: string;
  warnings: Array<string>;
  writable: boolean;
  why: string | null;
  etag: string | null;
  faults: Array<FaultView>;
  loadedAt: number | null;
  rules?: Array<Record<string, unknown>> | null;
  document?: Record<string, unknown> | null;
}

/**
 * `units` are by who began their list: each variation is meant to begin as many. `unattributed` are events of units
 * that say of no item of their list, or of no list, that it earned them.
 */
export interface Contest {
  method: "always" | "bayesian" | "fixed";
  alpha: number;
  among: number;
  control: string;
  units: Record<string, number>;
  mismatch: number;
  trusted: boolean;
  unattributed?: Record<string, number>;
  rows?: Array<Standing>;
}

export interface CostLine {
  what: string;
  unit: string;
  quantity: number;
  price: number;
  amount: number;
  assumption: string;
}

/** `total` is for answers that the cache had not; `if_every_answer_were_asked` without a cache. */
export interface CostView {
  at: number;
  since: number;
  prices: PriceSource;
  lines: Array<CostLine>;
  total: number;
  perMonth: number | null;
  answeredFromCache: number;
  ifEveryAnswerWereAsked: number;
  quotas: Array<QuotaView>;
  campaigns: Array<ProvisionedView>;
}

/** Sizes of the data. `items` and `users` are those of whom anything is known, be it events or metadata. */
export interface DataStatistics {
  interactions: number;
  users: number;
  items: number;
  usersWithTwoInteractions: number;
  eventTypes: Record<string, number>;
  firstEvent?: number | null;
  lastEvent?: number | null;
}

export interface DatasetView {
  type: string;
  name: string;
  schemaName: string;
  created: number;
  rows: number;
  fields: Array<FieldView>;
}

export interface DeletedFilter {
  deleted: string;
}

/** All that was deleted with a dataset group, in its order: `campaign/for-you` for example. */
export interface DeletedGroup {
  group: string;
  deleted: Array<string>;
}

/** A job that deletes a user from one dataset group. */
export interface DeletionStarted {
  group: string;
  arn: string;
}

export interface DeletionsStarted {
  jobs: Array<DeletionStarted>;
}

export interface DeployedVersion {
  version: string;
}

/** All insights into a dataset group's data, the gravest first, and the checks that were made. */
export interface Diagnosis {
  group: string;
  examinedAt: number;
  seconds: number;
  counts: SeverityCounts;
  statistics: DataStatistics;
  insights: Array<Insight>;
  checked: Array<CheckedInsight>;
}

/** Two texts: `from` and `to` name them. */
export interface DifferenceView {
  before: string;
  after: string;
  changes: Array<PlaceChange>;
  unified: string;
}

/** Parts of messages that are not stored: the partner's name for them, and the reason. */
export interface DroppedParts {
  name: string;
  reason: string;
  count: number;
}

/** A column of Items that can be changed. */
export interface EditableField {
  name: string;
  type: string;
  nullable: boolean;
  categorical: boolean;
  textual: boolean;
}

/** The columns to change; null takes a value away. */
export interface EditedItem {
  properties: Record<string, unknown>;
}

/** One variation with everything that it inherits. */
export interface EffectiveList {
  namespace: string;
  action: string;
  recommender: string;
  variation: string;
  upstream: string;
  model: string;
  weight: number;
  cache: Record<string, string>;
  filters: Array<string>;
  promotion: string | null;
  rules: Array<string>;
  diversity: unknown;
  fatigue: unknown;
  metadata: string | null;
  experiments: Array<string>;
  fallback: Array<string>;
}

export interface EffectiveView {
  fingerprint: string;
  recommenders: Array<EffectiveList>;
}

/** Sampled users whose answers would be empty, or shorter than `num_results`. */
export interface EmptiedAnswers {
  of: number;
  numResults: number;
  empty: number;
  short: number;
  examples: Array<EmptiedUser>;
}

export interface EmptiedUser {
  userId: string;
  kept: number;
}

/** An error, as every route tells it. */
export interface ErrorView {
  type: string;
  code: string;
  message: string;
}

export type EvaluationContext = Record<string, unknown>;

export interface EvaluationFailure {
  key?: string;
  errorCode: string;
  errorDetails?: string;
}

export interface EvaluationRequest {
  context: EvaluationContext;
}

export interface EventBody {
  eventType: string;
  sentAt?: number | null;
  eventId?: string | null;
  itemId?: string | null;
  eventValue?: number | null;
  properties?: string | null;
  recommendationId?: string | null;
  impression?: Array<string>;
  metricAttribution?: Attribution | null;
}

/** `apiKey` is a publishable key: a beacon brings no header. */
export interface EventsBody {
  sessionId?: string | null;
  userId?: string | null;
  eventList?: Array<EventBody>;
  experimentConversions?: unknown;
  apiKey?: string | null;
}

export interface EventsState {
  accepted: number;
  rejected: number;
  lagS: number;
  waiting: number;
  outbox: Array<OutboxState>;
}

/** An experiment with all that is known of it: a verdict or, where lists are interleaved, a contest. */
export interface ExperimentDetail {
  namespace: string;
  action: string;
  recommender: string;
  id: string;
  feature: string;
  method: string;
  unit: string;
  description: string;
  state: "ended" | "off" | "running" | "scheduled";
  start: number | null;
  end: number | null;
  traffic: number;
  arms: Array<ArmView>;
  metrics: Array<string>;
  guardrails: Array<string>;
  verdict: "better" | "harmed" | "none" | "open" | "too early" | "untrusted" | "worse";
  words: string;
  health: "broken" | "ok" | "warning";
  checks: Array<CheckView>;
  verdictDetail: Verdict | null;
  contest: Contest | null;
  timeline: Array<Look>;
  configuration: Record<string, unknown>;
  overrides: Record<string, string>;
}

/** An experiment in a list of them. Times are null where nothing limits them. */
export interface ExperimentSummary {
  namespace: string;
  action: string;
  recommender: string;
  id: string;
  feature: string;
  method: string;
  unit: string;
  description: string;
  state: "ended" | "off" | "running" | "scheduled";
  start: number | null;
  end: number | null;
  traffic: number;
  arms: Array<ArmView>;
  metrics: Array<string>;
  guardrails: Array<string>;
  verdict: "better" | "harmed" | "none" | "open" | "too early" | "untrusted" | "worse";
  words: string;
  health: "broken" | "ok" | "warning";
  checks: Array<CheckView>;
}

export interface ExperimentsView {
  experiments: Array<ExperimentSummary>;
}

/**
 * `place` counts from 1 in the answer, the ranks in the whole catalogue: by the model's scores, with what rules boost
 * and bury, and after the filters; `score` is the share of all scores (specification §9.2), also for recipes whose
 * answers carry none.
 */
export interface Explanation {
  itemId: string;
  userId?: string | null;
  source: string;
  model: string;
  cause:
   
    | "alike"
    | "boost"
    | "bury"
    | "capped"
    | "displaced"
    | "diversity"
    | "exploration"
    | "filtered"
    | "notCandidate"
    | "notInModel"
    | "outranked"
    | "pin"
    | "pinnedBelow"
    | "popularity"
    | "promotion"
    | "relevance"
    | "tired"
    | "unknownItem"
    | "unwanted";
  because: string;
  place?: number | null;
  propensity?: number | null;
  score?: number | null;
  rank?: number | null;
  rankAfterRules?: number | null;
  rankAfterFilters?: number | null;
  filters?: Array<FilterVerdict>;
  history?: Array<Pull>;
  exploration?: Exploring | null;
  promotion?: Promoting | null;
  objective?: ObjectiveShift | null;
  unknownHistory?: number;
  lowered?: Array<LoweredOdds>;
  rules?: Array<RuleVerdict>;
  caps?: Array<FullCap>;
}

/** Recommenders of a namespace to explore, and users to begin with. */
export interface ExplorerChoices {
  namespace: string;
  recommenders: Array<ExplorerRecommender>;
  sampleUsers: Array<string>;
  eventTypes: Array<string>;
}

export interface ExplorerRecommender {
  recommender: string;
  action: string;
  variations: Array<string>;
  experiments: Array<string>;
  models: Array<string>;
}

export interface Exploring {
  young: boolean;
  interactions: number;
  impressions: number;
  chance?: number | null;
}

export interface FaultView {
  place: string;
  message: string;
  line: number;
}

export interface FieldView {
  name: string;
  type: string;
  nullable: boolean;
  categorical: boolean;
  textual: boolean;
  reserved: boolean;
}

/** What is wrong, and where: line and column from 1, the offset in the text from 0; None where it has no place. */
export interface FilterFault {
  message: string;
  line?: number | null;
  column?: number | null;
  offset?: number | null;
  shown: string;
}

/** `missing` are parameters without a value: nothing can be previewed then. */
export interface FilterTrial {
  valid: boolean;
  fault?: FilterFault | null;
  target?: string | null;
  needsUser?: boolean;
  needsItem?: boolean;
  placeholders?: Array<string>;
  missing?: Array<string>;
  items?: LeftItems | null;
  users?: EmptiedAnswers | null;
  userFilter?: LeftUsers | null;
}

/** `user_id`: preview for this user alone. */
export interface FilterTrialRequest {
  group: string;
  expression: string;
  values?: Record<string, string>;
  userId?: string | null;
  itemId?: string | null;
  users?: number;
  numResults?: number;
}

/**
 * A recommender or, with `variation`, one of its variations, and its only filter from now on: `filter` is a name or an
 * ARN. Without `filter` and `expression` the place has none of its own.
 */
export interface FilterUseBody {
  namespace: string;
  action: string;
  recommender: string;
  variation?: string | null;
  filter?: string | null;
  expression?: string | null;
  comment?: string;
}

/** The place where a filter is configured; `variation` null is the recommender itself. */
export interface FilterUseView {
  namespace: string;
  action: string;
  recommender: string;
  variation: string | null;
}

export interface FilterVerdict {
  filter: string;
  keeps: boolean;
  lacking?: Array<string>;
}

export interface FiltersView {
  filters: Array<NamedFilterView>;
}

export interface FlagEvaluation {
  key?: string;
  variant?: string;
  reason?: string;
  value?: unknown;
  metadata?: Record<string, unknown>;
}

export interface FlagEvaluations {
  flags: Array<FlagEvaluation>;
}

/** One kind of bad row. `lines` are the first ones, as file:line; `example` is the first value that was refused. */
export interface Flaw {
  rule: string;
  column?: string | null;
  count?: number;
  lines?: Array<string>;
  example?: string | null;
}

/** A cap that has no room for the item: so many of the first places, or of all, have its value already. */
export interface FullCap {
  column: string;
  value: string;
  most: number;
  first?: number | null;
}

export interface GroupView {
  group: string;
  arn: string;
  domain?: string | null;
  created: number;
  models: Array<string>;
  interactions: number;
  users: number;
  items: number;
  eventTypes: Record<string, number>;
  firstEvent?: number | null;
  lastEvent?: number | null;
  hiddenItems: Array<string>;
  datasets: Array<DatasetView>;
  trackers: Array<TrackerView>;
  imports: Array<ImportView>;
}

export interface GroupsView {
  groups: Array<GroupView>;
}

export interface HiddenItem {
  hidden: boolean;
}

export interface HistoryEntry {
  item: ItemCard;
  eventType: string;
  time: number;
  value?: number | null;
}

export interface HistoryView {
  entries: Array<ConfigurationEntry>;
}

/** The counts of an import's rows: rows = kept + duplicates + bad. Blank lines are no rows. */
export interface ImportReport {
  rows?: number;
  kept?: number;
  duplicates?: number;
  bad?: number;
  blankLines?: number;
  files?: Array<string>;
  ignoredColumns?: Array<string>;
  flaws?: Array<Flaw>;
  skipBadRows?: number;
  undated?: number;
  ahead?: number;
  nulls?: Array<Flaw>;
}

/** `report` says how many rows were read, kept and bad, and the first lines of each kind of bad row. */
export interface ImportView {
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
  notes: Array<string>;
}

/** One thing that is wrong, or might be. `count` of `of` rows, users or items are concerned. */
export interface Insight {
  id?: string;
  title?: string;
  source?: "amazon" | "recgate";
  severity: "advice" | "error" | "warning";
  datasets: Array<string>;
  columns?: Array<string>;
  what: string;
  count: number;
  of: number;
  examples?: Array<string>;
  todo: string;
}

export interface Item {
  itemId: string;
  score?: number;
  promotionName?: string;
  pin?: Pin;
  reason?: Array<string>;
  metadata?: Record<string, unknown>;
}

/** The share of users, a sample of all, who get the item in a model's list, and at which places. */
export interface ItemAudience {
  model: string;
  users: number;
  numResults: number;
  gets: number;
  places: Record<string, number>;
  examples: Array<AudienceExample>;
}

export interface ItemCard {
  itemId: string;
  title?: string | null;
  picture?: string | null;
  columns?: Record<string, unknown>;
}

/** `keeps` is None where that differs from user to user, or a fault says why nothing can be said. */
export interface ItemFilterVerdict {
  filter: string;
  expression: string;
  keeps?: boolean | null;
  needsUser?: boolean;
  fault?: string | null;
}

export interface ItemList {
  itemList: Array<Item>;
  recommendationId?: string;
  variation?: string;
  next?: string;
  short?: boolean;
  unknownHistory?: number;
  lacking?: Array<string>;
}

export interface ItemProfile {
  group: string;
  known: boolean;
  item: ItemCard;
  interactions: number;
  users: number;
  impressions: number;
  firstEvent?: number | null;
  lastEvent?: number | null;
  hidden: boolean;
  editable: Array<EditableField>;
  neighbours: Array<NeighbourItem>;
  filters: Array<ItemFilterVerdict>;
  recentUsers: Array<RecentUser>;
}

export interface ItemView {
  namespace?: string | null;
  itemId: string;
  known: boolean;
  groups: Array<ItemProfile>;
}

/** A job with its import's account of rows, and its resource's reason for a failure. */
export interface JobDetail {
  id: number;
  kind: string;
  title: string;
  arn: string;
  group: string;
  state: "cancelled" | "done" | "failed" | "interrupted" | "queued" | "running";
  fraction: number;
  message: string;
  attempts: number;
  createdAt: number;
  startedAt: number | null;
  endedAt: number | null;
  seconds: number | null;
  forecast: string;
  owner: JobOwner | null;
  why: string | null;
  canCancel: boolean;
  canRetry: boolean;
  canRetryWhy: string | null;
  report: Record<string, unknown> | null;
  failureReason: string | null;
}

/** The process that does a job; `role` is server, command or worker. */
export interface JobOwner {
  role: string;
  pid: number;
  here: boolean;
}

/** `group` is the dataset group's name. `why` says in plain words why it failed or was cancelled. */
export interface JobView {
  id: number;
  kind: string;
  title: string;
  arn: string;
  group: string;
  state: "cancelled" | "done" | "failed" | "interrupted" | "queued" | "running";
  fraction: number;
  message: string;
  attempts: number;
  createdAt: number;
  startedAt: number | null;
  endedAt: number | null;
  seconds: number | null;
  forecast: string;
  owner: JobOwner | null;
  why: string | null;
  canCancel: boolean;
  canRetry: boolean;
  canRetryWhy: string | null;
}

/** A worker of another machine; `jobs` are the numbers of those that it does. */
export interface JobWorkerState {
  host: string;
  pid: number;
  kinds: string;
  places: number;
  silentS: number;
  alive: boolean;
  jobs: Array<number>;
}

export interface JobsView {
  at: number;
  jobs: Array<JobView>;
  schedules: Array<ScheduleView>;
}

/** The items that a filter keeps; the mean over users where it differs between them. */
export interface LeftItems {
  of: number;
  kept: number;
  keptExamples: Array<ItemCard>;
  droppedExamples: Array<ItemCard>;
}

export interface LeftUsers {
  of: number;
  kept: number;
  examples: Array<string>;
}

/** The lift of a mean, relative to the control's; bounds are infinite where the data allow every value on that
side. */
export interface Lift {
  value: number;
  low: number;
  high: number;
  difference: number;
  difference_low: number;
  difference_high: number;
  p: number | null;
  chance_to_win: number | null;
  expected_loss: number | null;
  enough: boolean;
}

/** A recommender to choose, and what can be chosen of it. */
export interface ListChoice {
  namespace: string;
  action: string;
  recommender: string;
  variations: Array<string>;
  models: Array<string>;
  experiments: Array<string>;
}

export interface ListError {
  type: string;
  code: string;
  message: string;
}

/** The experiment and arm that the user is in. `counted`: its requests count; this look does not. */
export interface ListExperiment {
  id: string;
  feature: string;
  arm: string;
  counted: boolean;
}

export interface ListOrError {
  itemList?: Array<Item>;
  personalizedRanking?: Array<Item>;
  recommendationId?: string;
  variation?: string;
  next?: string;
  short?: boolean;
  unknownHistory?: number;
  lacking?: Array<string>;
  type?: string;
  code?: string;
  message?: string;
}

export interface ListPair {
  userId: string;
  first: Array<ItemCard>;
  second: Array<ItemCard>;
}

export interface ListRequest {
  action?: "recommend-items" | "related-items" | "rerank-items";
  recommender: string;
  itemId?: string;
  filter?: string;
  locale?: string;
  feature?: string;
  itemIds?: Array<string>;
  exclude?: Array<string>;
  fields?: Array<string>;
  promotions?: Array<Promotion>;
  filterValues?: Record<string, unknown>;
  context?: Record<string, unknown>;
  decorateItems?: boolean;
  syntheticUser?: boolean;
  numResults?: number;
}

export interface ListRequests {
  userId?: string;
  history?: Array<string>;
  requests: Array<ListRequest>;
  distinct?: boolean;
}

/** The lookups of a recommender; actions that share its name count together. */
export interface ListTraffic {
  namespace: string;
  recommender: string;
  lookups: number;
  hitRate: number | null;
  tiers: Tiers;
}

/**
 * One list. `recommender` is "" where a model was asked past the configuration. `cache`: hit, stale, miss or shared;
 * none where nothing is cached.
 */
export interface ListView {
  recommender?: string;
  action?: string;
  variation?: string;
  origin?: string;
  model?: string;
  version?: string;
  experiment?: ListExperiment | null;
  cohort?: string | null;
  cache?: string;
  recommendationId?: string | null;
  asOf?: number | null;
  short?: boolean;
  lacking?: Array<string>;
  unknownHistory?: number;
  milliseconds?: number;
  items?: Array<ListedItem>;
  error?: ListError | null;
}

/** `place` counts from 1. */
export interface ListedItem {
  place: number;
  item: ItemCard;
  score?: number | null;
  reason?: string | null;
  promotionName?: string | null;
  pin?: string | null;
}

export interface ListsAndErrors {
  responses: Array<ListOrError>;
}

export interface Liveness {
  status: string;
}

export interface LogState {
  last: number;
  applied: number;
  behind: number;
  lagS: number;
}

/** The verdict as of an epoch second. */
export interface Look {
  at: number;
  units: Record<string, number>;
  mismatch: number;
  rows: Array<LookRow>;
}

/** A metric in an arm against the control, at one look; bounds are null where there are none yet. */
export interface LookRow {
  metric: string;
  arm: string;
  value: number | null;
  low: number | null;
  high: number | null;
  p: number | null;
  said: string | null;
}

/** What the item's odds are multiplied by for one reason; `item_id` is the unwanted one that it is like. */
export interface LoweredOdds {
  cause: "fatigue" | "unwantedAlike";
  odds: number;
  itemId?: string | null;
}

/** `limit_bytes`: of the container or the machine; null where the system does not tell. */
export interface MemoryState {
  cacheBytes: number;
  cacheCeilingBytes: number;
  cacheEntries: number;
  evictions: number;
  bodiesBytes: number;
  residentBytes: number | null;
  limitBytes: number | null;
}

export interface ModelAge {
  name: string;
  version: string;
  ageS: number;
}

/** A campaign, a recommender, or a solution that no campaign answers with. `previous` is what a rollback deploys. */
export interface ModelOverview {
  model: string;
  kind: "campaign" | "recommender" | "solution";
  arn: string;
  group: string;
  recipe: string;
  status: string;
  version?: string | null;
  previous?: string | null;
  trainsEveryDays?: number | null;
  nextTraining?: number | null;
  versions: Array<ModelVersion>;
}

/** `baselines` are NDCG@10 of simple scorers on the version's own validation, beside which its blends stand. */
export interface ModelVersion {
  version: string;
  arn: string;
  status: string;
  deployed: boolean;
  created: number;
  trained?: number | null;
  trainingHours?: number | null;
  mode: string;
  trainingType: string;
  failureReason?: string | null;
  metrics: Record<string, number>;
  baselines: Record<string, number>;
  blends: Array<BlendChoice>;
  protocol?: string | null;
  forecast?: string | null;
  job?: TrainingJob | null;
}

export interface ModelsView {
  models: Array<ModelOverview>;
}

/** An item that the rules put elsewhere; None: it is not in that list. */
export interface MovedItem {
  item: ItemCard;
  before: number | null;
  after: number | null;
}

/**
 * `used_by`: recommenders of the configuration that name it, as namespace/recommender. `uses`: where it can be removed;
 * a recommender that inherits it is in `used_by` alone.
 */
export interface NamedFilterView {
  name: string;
  arn: string;
  group: string;
  expression: string;
  usedBy: Array<string>;
  uses: Array<FilterUseView>;
}

/** An item that users of another choose as well: the cosine of who chose them. */
export interface NeighbourItem {
  item: ItemCard;
  likeness: number;
  users: number;
}

export interface NewExperiment {
  namespace: string;
  action: string;
  recommender: string;
  feature: string;
  experiment: Record<string, unknown>;
  comment?: string;
}

export interface NewFilter {
  group: string;
  name: string;
  expression: string;
}

/** An empty object. */
export interface Nothing {
}

/** What an objective does to one item: its `value` in the column, its shift in logits, its rank without it. */
export interface ObjectiveShift {
  column: string;
  weight: number;
  value?: number | null;
  shift: number;
  rankWithout?: number | null;
}

/** `do` is how it is mended; `view` shows more of it, of the one thing that `about` names. */
export interface OpenProblem {
  severity: "error" | "note" | "warning";
  code: string;
  what: string;
  do: string;
  view: string;
  namespace?: string | null;
  about?: string | null;
}

/** An event target, and what it has not got yet. */
export interface OutboxState {
  target: string;
  records: number;
  oldestS: number;
  dead: number;
}

/** `recent` is null until two samples were taken; `memory` is null of a part of the server. */
export interface OverviewView {
  at: number;
  since: number;
  machine: string;
  ready: boolean;
  total: TrafficCounts;
  recent: TrafficCounts | null;
  series: Array<TrafficPoint>;
  routes: Array<RouteTraffic>;
  recommenders: Array<ListTraffic>;
  events: EventsState;
  memory: MemoryState | null;
  models: Array<ModelAge>;
  wrong: Array<OpenProblem>;
}

/**
 * One namespace's partner. `stored` counts records by kind since the server began; names of what was dropped are sorted
 * by how often.
 */
export interface PartnerView {
  namespace: string;
  partner: string;
  keys: number;
  paths: Array<string>;
  stored: Record<string, number>;
  dropped: Array<DroppedParts>;
}

export interface PartnersView {
  partners: Array<PartnerView>;
}

export interface Pin {
  rule: string;
  place: number;
}

export interface PinpointMessage {
  Endpoints: Record<string, Record<string, unknown>>;
}

/** `before` items come in and `after` go on; `dropped` and `top` are examples of what goes and of the best. */
export interface PipelineStage {
  stage: string;
  title: string;
  in?: number | null;
  out: number;
  detail?: Array<[string, string]>;
  dropped?: Array<ItemCard>;
  top?: Array<ItemCard>;
}

export interface PipelineView {
  recommender: string;
  variation: string;
  model: string;
  version: string;
  userId: string;
  stages: Array<PipelineStage>;
}

/** A place of the document with another value than before; null where there was none, or is none. */
export interface PlaceChange {
  place: string;
  kind: "added" | "changed" | "removed";
  before?: unknown;
  after?: unknown;
}

/** A preference for the challenger over the control, from -1 (every vote against it) to 1. */
export interface Preference {
  users: number;
  wins: number;
  losses: number;
  value: number;
  low: number;
  high: number;
  p: number | null;
  chance_to_win: number | null;
  enough: boolean;
}

export interface PriceSource {
  name: string;
  region: string;
  asOf: string;
  source: string;
  currency: string;
}

/** A process of this server. What it does not have, or the system does not tell, is null. */
export interface ProcessState {
  name: string;
  kind: string;
  pid: number | null;
  alive: boolean;
  startedAt?: number | null;
  cpuS?: number | null;
  residentBytes?: number | null;
  eventLagS?: number | null;
  applied?: number | null;
  behind?: number | null;
  configVersion?: string | null;
  configFingerprint?: string | null;
  isCurrent?: boolean | null;
  writtenS?: number | null;
}

export interface ProcessesView {
  at: number;
  release: string;
  server: string;
  processes: Array<ProcessState>;
  replicas: Array<ReplicaState>;
  jobWorkers: Array<JobWorkerState>;
  log: LogState;
  jobsProcessorShare: number | null;
}

export interface Promoting {
  name: string;
  includes: boolean;
}

export interface Promotion {
  name: string;
  filterArn: string;
  percentPromotedItems: number;
  filterValues?: Record<string, unknown>;
}

/** A campaign or recommender; `used_by` are the recommenders of the configuration that ask it. */
export interface ProvisionedView {
  name: string;
  kind: string;
  arn: string;
  minProvisionedTPS: number;
  requests: number;
  idle: boolean;
  idleWhy: string | null;
  usedBy: Array<string>;
  idlePerMonth: number;
}

/** The contribution of one item of the history to the score; below 0: takes from it. */
export interface Pull {
  itemId: string;
  timestamp: number;
  contribution: number;
}

/** The answers of a namespace, or of one recommender, user or item in it. */
export interface Purge {
  namespace: string;
  recommender?: string | null;
  user?: string | null;
  item?: string | null;
}

export interface PurgedView {
  purged: Purge;
}

export interface QuotaView {
  code: string;
  name: string;
  used: number;
  limit: number;
  share: number;
  group: string;
}

export interface RampBody {
  traffic?: number | null;
  weights?: Record<string, number> | null;
  at?: string | null;
  comment?: string;
}

export interface Ranking {
  personalizedRanking: Array<Item>;
  recommendationId?: string;
  variation?: string;
  next?: string;
  short?: boolean;
  unknownHistory?: number;
  lacking?: Array<string>;
}

export interface Readiness {
  status: string;
  checks: Record<string, unknown>;
  degraded?: Array<string>;
}

export interface RecentUser {
  userId: string;
  eventType: string;
  time: number;
}

export interface RecordedEvents {
  recorded: number;
}

export interface ReloadedView {
  version: string;
  fingerprint: string;
  faults: Array<string>;
}

export interface Remark {
  comment?: string;
}

/**
 * A process that answers from the same log; `here`: of this machine. `behind` counts the records that it has not said
 * to have heard of. Where Redis carries the news it says so once a second, and those of the last two seconds do not
 * count.
 */
export interface ReplicaState {
  id: string;
  here: boolean;
  leaseS: number;
  heard: number;
  behind: number;
}

export interface RerankRequest {
  itemIds: Array<string>;
  history?: Array<string>;
}

export interface RetriedJob {
  job: JobView;
}

export interface RouteTraffic {
  route: string;
  requests: number;
  errors: number;
  p50Ms: number | null;
  p99Ms: number | null;
}

export interface RuleTrial {
  faults: Array<RuleTrialFault>;
  before?: Array<ItemCard>;
  after?: Array<ItemCard>;
  moved?: Array<MovedItem>;
}

/** What is wrong with one rule, by its place in the list from 0 and its member; both None for the whole list. */
export interface RuleTrialFault {
  index: number | null;
  rule: string | null;
  member?: string | null;
  message: string;
  fault?: FilterFault | null;
}

/** `rules` in place of those that are in force, whatever their schedules say. */
export interface RuleTrialRequest {
  model: string;
  rules: Array<unknown>;
  userId?: string | null;
  itemId?: string | null;
  numResults?: number;
}

/**
 * A rule in force, and what it does to the item: to which place it pins it, how many times more (`boost`) or less
 * (`bury`) likely it makes it. Nothing where it is not about the item.
 */
export interface RuleVerdict {
  name: string;
  type: string;
  place?: number | null;
  times?: number | null;
}

export interface ScheduleView {
  arn: string;
  name: string;
  everyDays: number;
  nextAt: number;
}

/** `namespaces`: null is the whole server. */
export interface SessionView {
  name: string;
  role: "operate" | "read";
  namespaces: Array<string> | null;
  keyless: boolean;
  release: string;
  server: string;
  configWritable: boolean;
  namespacesConfigured: Array<string>;
  recommenders: Array<ListChoice>;
}

export interface SeverityCounts {
  error?: number;
  warning?: number;
  advice?: number;
}

/** An arm's weight, and what a bandit found it from: the mean of the reward per unit, by period. */
export interface Share {
  weight: number;
  units?: number | null;
  mean?: number | null;
  error?: number | null;
}

/** A variation's credit of a metric, and how many units prefer it to the control; None for the control itself. */
export interface Standing {
  metric: string;
  arm: string;
  events: number;
  credit: number;
  preference: Preference | null;
  said: "better" | "harmed" | "open" | "safe" | "too early" | "worse" | null;
  guardrail: boolean;
}

/** The arms' weights from an epoch second on; None: from the beginning. */
export interface Step {
  since: number | null;
  arms: Record<string, Share>;
}

/** An entry with its text, in which secrets are marks. */
export interface StoredEntry {
  id: string;
  at: number;
  by: string;
  how: "experiment" | "file" | "filter" | "page" | "start";
  comment: string;
  etag: string;
  fingerprint: string;
  version: string;
  added: number;
  removed: number;
  text: string;
}

export interface TextBody {
  text: string;
  comment?: string;
}

/** The text that lies there; secrets are marks, which a text that is written may have in their place. */
export interface TextView {
  text: string;
  format: string;
  etag: string;
  name: string;
}

/** Answers by where they came from: of a worker's memory, made for somebody else, outdated, or made. */
export interface Tiers {
  hot?: number;
  shared?: number;
  stale?: number;
  miss?: number;
  fallback?: number;
}

export interface TrackedEvent {
  event_name: string;
  properties_json?: string;
  context_json?: string;
}

export interface TrackerView {
  name: string;
  trackingId: string;
}

/** `errors` are answers of status 500 and more. Latencies are null of a part of the server, and without requests. */
export interface TrafficCounts {
  seconds: number;
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

/** The traffic between two samples. */
export interface TrafficPoint {
  at: number;
  requestsPerSecond: number;
  hitRate: number | null;
  p50Ms: number | null;
  p99Ms: number | null;
  eventsPerSecond: number;
  originCallsPerSecond: number;
  eventLagS: number;
}

export interface TrainingJob {
  id: number;
  state: string;
  fraction: number;
  message: string;
}

/** The arm of an experiment that the user is in. */
export interface UserArm {
  experiment: string;
  feature: string;
  recommender: string;
  variation: string;
  counted: boolean;
}

export interface UserAttributes {
  attributes?: Record<string, unknown>;
  forcedVariations?: Record<string, unknown>;
  forcedFeatures?: Array<unknown>;
}

/** `sessions` are those that belong to the user; `history` is the newest part, newest first. */
export interface UserProfile {
  group: string;
  known: boolean;
  sessions: Array<string>;
  properties: Record<string, unknown>;
  events: number;
  firstEvent?: number | null;
  lastEvent?: number | null;
  history: Array<HistoryEntry>;
}

/** `namespace` is null where models were asked past a configuration. */
export interface UserView {
  namespace?: string | null;
  userId: string;
  known: boolean;
  groups: Array<UserProfile>;
  arms?: Array<UserArm>;
  lists: Array<ListView>;
}

export interface ValidationView {
  valid: boolean;
  faults: Array<FaultView>;
  warnings: Array<FaultView>;
  needRestart: Array<string>;
  diff: DifferenceView;
}

export interface Verdict {
  method: "always" | "bayesian" | "fixed";
  alpha: number;
  among: number;
  control: string;
  units: Record<string, number>;
  mismatch: number;
  trusted: boolean;
  rows?: Array<VerdictRow>;
  steps?: Array<Step>;
  alarms?: Array<string>;
}

/** A metric in an arm, beside the control's; `lift` is None for the control itself. */
export interface VerdictRow {
  metric: string;
  arm: string;
  mean: number;
  error: number;
  lift: Lift | null;
  said: "better" | "harmed" | "open" | "safe" | "too early" | "worse" | null;
  guardrail: boolean;
  variance_kept: number;
}

/** `overlap` is the mean share of items that both lists of a user have. */
export interface VersionComparison {
  model: string;
  users: number;
  numResults: number;
  overlap: number;
  first: VersionLists;
  second: VersionLists;
  examples: Array<ListPair>;
}

/**
 * The lists of one version. `coverage`: the share of the catalogue in any; `diversity`: how unlike the categories of
 * two items of a list are on average; `freshness`: the share of items of the last 30 days of data; `popularity`: the
 * mean share of items that are chosen less. None where the data tell nothing. `accuracy`: offline metrics.
 */
export interface VersionLists {
  version: string;
  coverage: number;
  diversity: number | null;
  freshness: number;
  popularity: number;
  accuracy: Record<string, number>;
}

/** The explanation of /explain-items, with the cards of the items that it names. */
export interface WhyView {
  recommender: string;
  variation: string;
  item: ItemCard;
  explanation: Explanation;
  historyItems: Array<ItemCard>;
}

export interface WrittenView {
  etag: string;
  fingerprint: string;
  needRestart: Array<string>;
  changes: Array<PlaceChange>;
}

// Operations of recgate's API. Generated from the OpenAPI document by `make clients`: do not edit.

import type * as models from "./models.js";
import { pathOf } from "./transport.js";
import type { CallOptions, Conditional, ConditionalOptions, ETag, Transport } from "./transport.js";

export interface RecommendItemsQuery {
  /** How many items. */
  numResults?: number;
  /** Shows the list of numResults items (100 if not said) in pages of so many. */
  pageSize?: number;
  /** The `next` of the page before; no page shows an item twice. */
  next?: string;
  /** A JSON list of one promotion at most, in place of the configured one. */
  promotions?: string;
  /** A filter's name or ARN; instead of the configured ones. */
  filter?: string;
  /** The filter's values: a JSON object of strings. */
  filterValues?: string;
  /** A JSON object of strings; wins over automatic context. */
  context?: string;
  /** Items chosen, oldest first, separated by commas, after the user's own. */
  history?: string;
  /** Items not to show, separated by commas; the list is filled up from below. */
  exclude?: string;
  /** Which fields of metadata, separated by commas; all if not said. */
  fields?: string;
  /** The language of metadata, such as de-AT, where it has several. */
  locale?: string;
  /** Whether items carry metadata. */
  decorateItems?: boolean;
  /** Whether the user stands for many. */
  syntheticUser?: boolean;
  /** The experiment that counts, where the recommender has several. */
  feature?: string;
  /** The unit of experiments between sessions. */
  sessionId?: string;
}

export interface RecommendToEndpointsQuery {
  /** Whose the recommendations are. */
  recommendationProviderIdType?: "PINPOINT_ENDPOINT_ID" | "PINPOINT_USER_ID";
  /** How many items of each endpoint. */
  numResults?: number;
  /** A JSON list of one promotion at most, in place of the configured one. */
  promotions?: string;
  /** A filter's name or ARN; instead of the configured ones. */
  filter?: string;
  /** The filter's values: a JSON object of strings. */
  filterValues?: string;
  /** A JSON object of strings; wins over automatic context. */
  context?: string;
  /** Items chosen, oldest first, separated by commas, after the user's own. */
  history?: string;
  /** Items not to show, separated by commas; the list is filled up from below. */
  exclude?: string;
  /** Which fields of metadata, separated by commas; all if not said. */
  fields?: string;
  /** The language of metadata, such as de-AT, where it has several. */
  locale?: string;
  /** Whether items carry metadata. */
  decorateItems?: boolean;
  /** Whether the user stands for many. */
  syntheticUser?: boolean;
  /** The experiment that counts, where the recommender has several. */
  feature?: string;
  /** The unit of experiments between sessions. */
  sessionId?: string;
}

export interface ExplainItemQuery {
  /** How many items. */
  numResults?: number;
  /** A JSON list of one promotion at most, in place of the configured one. */
  promotions?: string;
  /** A filter's name or ARN; instead of the configured ones. */
  filter?: string;
  /** The filter's values: a JSON object of strings. */
  filterValues?: string;
  /** A JSON object of strings; wins over automatic context. */
  context?: string;
  /** Items chosen, oldest first, separated by commas, after the user's own. */
  history?: string;
  /** Items not to show, separated by commas; the list is filled up from below. */
  exclude?: string;
  /** Which fields of metadata, separated by commas; all if not said. */
  fields?: string;
  /** The language of metadata, such as de-AT, where it has several. */
  locale?: string;
  /** Whether items carry metadata. */
  decorateItems?: boolean;
  /** Whether the user stands for many. */
  syntheticUser?: boolean;
  /** The experiment that counts, where the recommender has several. */
  feature?: string;
  /** The unit of experiments between sessions. */
  sessionId?: string;
}

export interface GetCohortQuery {
  /** The experiment that counts, where the recommender has several. */
  feature?: string;
  /** The unit of experiments between sessions. */
  sessionId?: string;
}

export interface RecommendToCohortQuery {
  /** How many items. */
  numResults?: number;
  /** Shows the list of numResults items (100 if not said) in pages of so many. */
  pageSize?: number;
  /** The `next` of the page before; no page shows an item twice. */
  next?: string;
  /** A JSON list of one promotion at most, in place of the configured one. */
  promotions?: string;
  /** A filter's name or ARN; instead of the configured ones. */
  filter?: string;
  /** The filter's values: a JSON object of strings. */
  filterValues?: string;
  /** Items not to show, separated by commas; the list is filled up from below. */
  exclude?: string;
  /** Which fields of metadata, separated by commas; all if not said. */
  fields?: string;
  /** The language of metadata, such as de-AT, where it has several. */
  locale?: string;
  /** Whether items carry metadata. */
  decorateItems?: boolean;
}

export interface RelatedItemsQuery {
  /** Makes it a question for this user. */
  userId?: string;
  /** How many items. */
  numResults?: number;
  /** Shows the list of numResults items (100 if not said) in pages of so many. */
  pageSize?: number;
  /** The `next` of the page before; no page shows an item twice. */
  next?: string;
  /** A JSON list of one promotion at most, in place of the configured one. */
  promotions?: string;
  /** A filter's name or ARN; instead of the configured ones. */
  filter?: string;
  /** The filter's values: a JSON object of strings. */
  filterValues?: string;
  /** A JSON object of strings; wins over automatic context. */
  context?: string;
  /** Items chosen, oldest first, separated by commas, after the user's own. */
  history?: string;
  /** Items not to show, separated by commas; the list is filled up from below. */
  exclude?: string;
  /** Which fields of metadata, separated by commas; all if not said. */
  fields?: string;
  /** The language of metadata, such as de-AT, where it has several. */
  locale?: string;
  /** Whether items carry metadata. */
  decorateItems?: boolean;
  /** Whether the user stands for many. */
  syntheticUser?: boolean;
  /** The experiment that counts, where the recommender has several. */
  feature?: string;
  /** The unit of experiments between sessions. */
  sessionId?: string;
}

export interface RerankItemsQuery {
  /** A filter's name or ARN; instead of the configured ones. */
  filter?: string;
  /** The filter's values: a JSON object of strings. */
  filterValues?: string;
  /** A JSON object of strings; wins over automatic context. */
  context?: string;
  /** Items chosen, oldest first, separated by commas, after the user's own. */
  history?: string;
  /** Items not to show, separated by commas; the list is filled up from below. */
  exclude?: string;
  /** Which fields of metadata, separated by commas; all if not said. */
  fields?: string;
  /** The language of metadata, such as de-AT, where it has several. */
  locale?: string;
  /** Whether items carry metadata. */
  decorateItems?: boolean;
  /** Whether the user stands for many. */
  syntheticUser?: boolean;
  /** The experiment that counts, where the recommender has several. */
  feature?: string;
  /** The unit of experiments between sessions. */
  sessionId?: string;
}

export interface RerankManyItemsQuery {
  /** A filter's name or ARN; instead of the configured ones. */
  filter?: string;
  /** The filter's values: a JSON object of strings. */
  filterValues?: string;
  /** A JSON object of strings; wins over automatic context. */
  context?: string;
  /** Items chosen, oldest first, separated by commas, after the user's own. */
  history?: string;
  /** Items not to show, separated by commas; the list is filled up from below. */
  exclude?: string;
  /** Which fields of metadata, separated by commas; all if not said. */
  fields?: string;
  /** The language of metadata, such as de-AT, where it has several. */
  locale?: string;
  /** Whether items carry metadata. */
  decorateItems?: boolean;
  /** Whether the user stands for many. */
  syntheticUser?: boolean;
  /** The experiment that counts, where the recommender has several. */
  feature?: string;
  /** The unit of experiments between sessions. */
  sessionId?: string;
}

export interface GetVerdictQuery {
  action?: string;
  method?: "always" | "fixed" | "bayesian";
  alpha?: number;
}

export interface TrackFeaturesQuery {
  client_key?: string;
}

export interface RecommendItemsByProxyQuery {
  /** Added and signed by Shopify's app proxy. */
  shop?: string;
  /** Added and signed by Shopify's app proxy. */
  logged_in_customer_id?: string;
  /** Added and signed by Shopify's app proxy. */
  path_prefix?: string;
  /** Added and signed by Shopify's app proxy. */
  timestamp?: string;
  /** Added and signed by Shopify's app proxy. */
  signature?: string;
  /** The visitor, where nobody is logged in. */
  sessionId?: string;
  /** How many items. */
  numResults?: number;
  /** Shows the list of numResults items (100 if not said) in pages of so many. */
  pageSize?: number;
  /** The `next` of the page before; no page shows an item twice. */
  next?: string;
  /** A JSON list of one promotion at most, in place of the configured one. */
  promotions?: string;
  /** A filter's name or ARN; instead of the configured ones. */
  filter?: string;
  /** The filter's values: a JSON object of strings. */
  filterValues?: string;
  /** A JSON object of strings; wins over automatic context. */
  context?: string;
  /** Items chosen, oldest first, separated by commas, after the user's own. */
  history?: string;
  /** Items not to show, separated by commas; the list is filled up from below. */
  exclude?: string;
  /** Which fields of metadata, separated by commas; all if not said. */
  fields?: string;
  /** The language of metadata, such as de-AT, where it has several. */
  locale?: string;
  /** Whether items carry metadata. */
  decorateItems?: boolean;
  /** Whether the user stands for many. */
  syntheticUser?: boolean;
  /** The experiment that counts, where the recommender has several. */
  feature?: string;
}

export interface RelatedItemsByProxyQuery {
  /** Added and signed by Shopify's app proxy. */
  shop?: string;
  /** Added and signed by Shopify's app proxy. */
  logged_in_customer_id?: string;
  /** Added and signed by Shopify's app proxy. */
  path_prefix?: string;
  /** Added and signed by Shopify's app proxy. */
  timestamp?: string;
  /** Added and signed by Shopify's app proxy. */
  signature?: string;
  /** The visitor, where nobody is logged in. */
  sessionId?: string;
  /** How many items. */
  numResults?: number;
  /** Shows the list of numResults items (100 if not said) in pages of so many. */
  pageSize?: number;
  /** The `next` of the page before; no page shows an item twice. */
  next?: string;
  /** A JSON list of one promotion at most, in place of the configured one. */
  promotions?: string;
  /** A filter's name or ARN; instead of the configured ones. */
  filter?: string;
  /** The filter's values: a JSON object of strings. */
  filterValues?: string;
  /** A JSON object of strings; wins over automatic context. */
  context?: string;
  /** Items chosen, oldest first, separated by commas, after the user's own. */
  history?: string;
  /** Items not to show, separated by commas; the list is filled up from below. */
  exclude?: string;
  /** Which fields of metadata, separated by commas; all if not said. */
  fields?: string;
  /** The language of metadata, such as de-AT, where it has several. */
  locale?: string;
  /** Whether items carry metadata. */
  decorateItems?: boolean;
  /** Whether the user stands for many. */
  syntheticUser?: boolean;
  /** The experiment that counts, where the recommender has several. */
  feature?: string;
}

export interface GetProfileQuery {
  user_id?: string;
  device_id?: string;
  get_recs?: string;
  rec_id?: string;
  rec_type?: string;
}

export interface ListJobsQuery {
  limit?: string;
  state?: string;
  kind?: string;
}

export interface GetExperimentQuery {
  action?: string;
  alpha?: string;
  method?: string;
  points?: string;
}

export interface StartExperimentQuery {
  action?: string;
}

export interface RampExperimentQuery {
  action?: string;
}

export interface StopExperimentQuery {
  action?: string;
}

export interface CompareConfigurationsQuery {
  from?: string;
  to?: string;
}

export interface ImportFileQuery {
  type?: string;
  name?: string;
  mode?: string;
  skipBadRows?: string;
  oddValues?: string;
  timestamps?: string;
  columns?: string;
  allowEmpty?: string;
}

export interface GetUserQuery {
  numResults?: string;
}

export interface GetItemQuery {
  userId?: string;
}

export interface GetItemAudienceQuery {
  model?: string;
  users?: string;
  numResults?: string;
}

export interface ExploreListQuery {
  recommender?: string;
  action?: string;
  userId?: string;
  itemId?: string;
  itemIds?: string;
  history?: string;
  variation?: string;
  model?: string;
  version?: string;
  numResults?: string;
  filter?: string;
  context?: string;
}

export interface ExploreItemQuery {
  recommender?: string;
  action?: string;
  userId?: string;
  itemId?: string;
  itemIds?: string;
  history?: string;
  variation?: string;
  model?: string;
  version?: string;
  numResults?: string;
  filter?: string;
  context?: string;
  item?: string;
}

export interface GetPipelineQuery {
  recommender?: string;
  action?: string;
  userId?: string;
  itemId?: string;
  itemIds?: string;
  history?: string;
  variation?: string;
  model?: string;
  version?: string;
  numResults?: string;
  filter?: string;
  context?: string;
}

export interface CompareModelVersionsQuery {
  first?: string;
  second?: string;
  users?: string;
}

/** The operations for pages and apps. */
export class Operations {
  constructor(protected readonly transport: Transport) {}

  /** GET /recommend-items/{namespace}/{recommender}/{user_id}: Recommend Items. */
  async recommendItems<Tag extends ETag = undefined>(
    namespace: string,
    recommender: string,
    userId: string,
    query: RecommendItemsQuery = {},
    options: ConditionalOptions<Tag> = {},
  ): Promise<Conditional<models.ItemList, Tag>> {
    const path = pathOf`/recommend-items/${namespace}/${recommender}/${userId}`;
    return this.transport.sendConditional({ method: "GET", path, query }, options);
  }

  /** POST /pinpoint/{namespace}/{recommender}: For Pinpoint's endpoints. */
  async recommendToEndpoints(
    namespace: string,
    recommender: string,
    body: models.PinpointMessage,
    query: RecommendToEndpointsQuery = {},
    options: CallOptions = {},
  ): Promise<Record<string, Record<string, unknown>>> {
    const path = pathOf`/pinpoint/${namespace}/${recommender}`;
    return this.transport.send({ method: "POST", path, query, body }, options);
  }

  /** GET /explain-items/{namespace}/{recommender}/{user_id}/{item_id}: Explain Items. */
  async explainItem(
    namespace: string,
    recommender: string,
    userId: string,
    itemId: string,
    query: ExplainItemQuery = {},
    options: CallOptions = {},
  ): Promise<models.Explanation> {
    const path = pathOf`/explain-items/${namespace}/${recommender}/${userId}/${itemId}`;
    return this.transport.send({ method: "GET", path, query }, options);
  }

  /** GET /cohorts/{namespace}/{recommender}/{user_id}: A user's cohort. */
  async getCohort(
    namespace: string,
    recommender: string,
    userId: string,
    query: GetCohortQuery = {},
    options: CallOptions = {},
  ): Promise<models.Cohort> {
    const path = pathOf`/cohorts/${namespace}/${recommender}/${userId}`;
    return this.transport.send({ method: "GET", path, query }, options);
  }

  /** GET /cohort-items/{namespace}/{recommender}/{cohort}: A cohort's items. */
  async recommendToCohort(
    namespace: string,
    recommender: string,
    cohort: string,
    query: RecommendToCohortQuery = {},
    options: CallOptions = {},
  ): Promise<models.ItemList> {
    const path = pathOf`/cohort-items/${namespace}/${recommender}/${cohort}`;
    return this.transport.send({ method: "GET", path, query }, options);
  }

  /** GET /related-items/{namespace}/{recommender}/{item_id}: Related Items. */
  async relatedItems<Tag extends ETag = undefined>(
    namespace: string,
    recommender: string,
    itemId: string,
    query: RelatedItemsQuery = {},
    options: ConditionalOptions<Tag> = {},
  ): Promise<Conditional<models.ItemList, Tag>> {
    const path = pathOf`/related-items/${namespace}/${recommender}/${itemId}`;
    return this.transport.sendConditional({ method: "GET", path, query }, options);
  }

  /**
   * GET /rerank-items/{namespace}/{recommender}/{user_id}/{item_ids}: Rerank Items.
   * @param itemIds Separated by commas; a comma inside an id is %2C.
   */
  async rerankItems<Tag extends ETag = undefined>(
    namespace: string,
    recommender: string,
    userId: string,
    itemIds: readonly string[],
    query: RerankItemsQuery = {},
    options: ConditionalOptions<Tag> = {},
  ): Promise<Conditional<models.Ranking, Tag>> {
    const path = pathOf`/rerank-items/${namespace}/${recommender}/${userId}/${itemIds}`;
    return this.transport.sendConditional({ method: "GET", path, query }, options);
  }

  /** POST /rerank-items/{namespace}/{recommender}/{user_id}: Rerank Items, for long lists. */
  async rerankManyItems(
    namespace: string,
    recommender: string,
    userId: string,
    body: Array<string> | models.RerankRequest,
    query: RerankManyItemsQuery = {},
    options: CallOptions = {},
  ): Promise<models.Ranking> {
    const path = pathOf`/rerank-items/${namespace}/${recommender}/${userId}`;
    return this.transport.send({ method: "POST", path, query, body }, options);
  }

  /** POST /recommend-many/{namespace}: Several lists at once; with distinct, no item is in two of them. */
  async recommendMany(
    namespace: string,
    body: models.ListRequests,
    options: CallOptions = {},
  ): Promise<models.ListsAndErrors> {
    const path = pathOf`/recommend-many/${namespace}`;
    return this.transport.send({ method: "POST", path, body }, options);
  }

  /** POST /events/{namespace}: Record events. */
  async recordEvents(namespace: string, body: models.EventsBody, options: CallOptions = {}): Promise<void> {
    const path = pathOf`/events/${namespace}`;
    return this.transport.send({ method: "POST", path, body }, options);
  }

  /** POST /ofrep/v1/evaluate/flags/{key}: The variation of one experiment. */
  async evaluateFlag(
    key: string,
    body: models.EvaluationRequest,
    options: CallOptions = {},
  ): Promise<models.FlagEvaluation> {
    const path = pathOf`/ofrep/v1/evaluate/flags/${key}`;
    return this.transport.send({ method: "POST", path, body }, options);
  }

  /** POST /ofrep/v1/evaluate/flags: The variations of all experiments. */
  async evaluateFlags(body: models.EvaluationRequest, options: CallOptions = {}): Promise<models.FlagEvaluations> {
    const path = pathOf`/ofrep/v1/evaluate/flags`;
    return this.transport.send({ method: "POST", path, body }, options);
  }

  /** GET /ofrep/v1/configuration: What providers should know. */
  async getFlagConfiguration(options: CallOptions = {}): Promise<Record<string, unknown>> {
    const path = pathOf`/ofrep/v1/configuration`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** GET /api/features/{client_key}: Experiments as features. */
  async getFeatures(clientKey: string, options: CallOptions = {}): Promise<Record<string, unknown>> {
    const path = pathOf`/api/features/${clientKey}`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** POST /api/eval/{client_key}: Experiments as features, evaluated here for one user. */
  async evaluateFeatures(
    clientKey: string,
    body: models.UserAttributes,
    options: CallOptions = {},
  ): Promise<Record<string, unknown>> {
    const path = pathOf`/api/eval/${clientKey}`;
    return this.transport.send({ method: "POST", path, body }, options);
  }

  /** GET /experiments/{namespace}/{recommender}/{feature}: What an experiment shows till now. */
  async getVerdict(
    namespace: string,
    recommender: string,
    feature: string,
    query: GetVerdictQuery = {},
    options: CallOptions = {},
  ): Promise<Record<string, unknown>> {
    const path = pathOf`/experiments/${namespace}/${recommender}/${feature}`;
    return this.transport.send({ method: "GET", path, query }, options);
  }

  /** POST /track: Exposures and conversions, as GrowthBook's tracking plugin sends them. */
  async trackFeatures(
    body: Array<models.TrackedEvent>,
    query: TrackFeaturesQuery = {},
    options: CallOptions = {},
  ): Promise<Record<string, unknown>> {
    const path = pathOf`/track`;
    return this.transport.send({ method: "POST", path, query, body }, options);
  }

  /** GET /datafiles/{sdk_key}.json: Experiments as a datafile. */
  async getDatafile(sdkKey: string, options: CallOptions = {}): Promise<Record<string, unknown>> {
    const path = pathOf`/datafiles/${sdkKey}.json`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** GET /shopify/proxy/{namespace}/{recommender}: By Shopify's app proxy. */
  async recommendItemsByProxy(
    namespace: string,
    recommender: string,
    query: RecommendItemsByProxyQuery = {},
    options: CallOptions = {},
  ): Promise<models.ItemList> {
    const path = pathOf`/shopify/proxy/${namespace}/${recommender}`;
    return this.transport.send({ method: "GET", path, query }, options);
  }

  /** GET /shopify/proxy/{namespace}/{recommender}/{item_id}: By Shopify's app proxy. */
  async relatedItemsByProxy(
    namespace: string,
    recommender: string,
    itemId: string,
    query: RelatedItemsByProxyQuery = {},
    options: CallOptions = {},
  ): Promise<models.ItemList> {
    const path = pathOf`/shopify/proxy/${namespace}/${recommender}/${itemId}`;
    return this.transport.send({ method: "GET", path, query }, options);
  }

  /** GET /sdk/v2/vardata: The variants of a user. */
  async getVariants(options: CallOptions = {}): Promise<Record<string, unknown>> {
    const path = pathOf`/sdk/v2/vardata`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** POST /sdk/v2/vardata: The variants of a user. */
  async evaluateVariants(body: models.AmplitudeUser, options: CallOptions = {}): Promise<Record<string, unknown>> {
    const path = pathOf`/sdk/v2/vardata`;
    return this.transport.send({ method: "POST", path, body }, options);
  }

  /** GET /v1/userprofile: A user's profile, with recommendations. */
  async getProfile(query: GetProfileQuery = {}, options: CallOptions = {}): Promise<models.AmplitudeProfile> {
    const path = pathOf`/v1/userprofile`;
    return this.transport.send({ method: "GET", path, query }, options);
  }

  /** GET /health: Alive. */
  async getHealth(options: CallOptions = {}): Promise<models.Liveness> {
    const path = pathOf`/health`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** GET /ready: Ready for requests. */
  async getReadiness(options: CallOptions = {}): Promise<models.Readiness> {
    const path = pathOf`/ready`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** GET /metrics: Numbers for Prometheus. */
  async getMetrics(options: CallOptions = {}): Promise<string> {
    const path = pathOf`/metrics`;
    return this.transport.send({ method: "GET", path }, options);
  }
}

/** The operations for operators: paths below /admin. */
export class AdminOperations {
  constructor(protected readonly transport: Transport) {}

  /** GET /admin/session: Who asks, and what that lets them do. */
  async getSession(options: CallOptions = {}): Promise<models.SessionView> {
    const path = pathOf`/admin/session`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** POST /admin/purge: Forget cached answers. */
  async purgeCache(body: models.Purge, options: CallOptions = {}): Promise<models.PurgedView> {
    const path = pathOf`/admin/purge`;
    return this.transport.send({ method: "POST", path, body }, options);
  }

  /** POST /admin/reload: Read the configuration again, at once. */
  async reloadConfiguration(options: CallOptions = {}): Promise<models.ReloadedView> {
    const path = pathOf`/admin/reload`;
    return this.transport.send({ method: "POST", path }, options);
  }

  /** GET /admin/overview: How the server does, and what is wrong now. */
  async getOverview(options: CallOptions = {}): Promise<models.OverviewView> {
    const path = pathOf`/admin/overview`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** GET /admin/processes: Processes, replicas and workers. */
  async listProcesses(options: CallOptions = {}): Promise<models.ProcessesView> {
    const path = pathOf`/admin/processes`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** GET /admin/partners: Partners' messages: what is stored, and what is not, by name. */
  async listPartners(options: CallOptions = {}): Promise<models.PartnersView> {
    const path = pathOf`/admin/partners`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** GET /admin/cost: What Amazon Personalize would charge, quotas, idle campaigns. */
  async getCost(options: CallOptions = {}): Promise<models.CostView> {
    const path = pathOf`/admin/cost`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** GET /admin/jobs: The newest jobs, and schedules. */
  async listJobs(query: ListJobsQuery = {}, options: CallOptions = {}): Promise<models.JobsView> {
    const path = pathOf`/admin/jobs`;
    return this.transport.send({ method: "GET", path, query }, options);
  }

  /** GET /admin/jobs/{number}: One job, with its import's bad rows. */
  async getJob(number: string, options: CallOptions = {}): Promise<models.JobDetail> {
    const path = pathOf`/admin/jobs/${number}`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** POST /admin/jobs/{number}/cancel: Take a job back. */
  async cancelJob(number: string, options: CallOptions = {}): Promise<models.JobView> {
    const path = pathOf`/admin/jobs/${number}/cancel`;
    return this.transport.send({ method: "POST", path }, options);
  }

  /** POST /admin/jobs/{number}/retry: Do a job that has failed again. */
  async retryJob(number: string, options: CallOptions = {}): Promise<models.RetriedJob> {
    const path = pathOf`/admin/jobs/${number}/retry`;
    return this.transport.send({ method: "POST", path }, options);
  }

  /** GET /admin/experiments: The experiments, each with its verdict and health. */
  async listExperiments(options: CallOptions = {}): Promise<models.ExperimentsView> {
    const path = pathOf`/admin/experiments`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** POST /admin/experiments: Make an experiment. */
  async createExperiment(body: models.NewExperiment, options: CallOptions = {}): Promise<models.WrittenView> {
    const path = pathOf`/admin/experiments`;
    return this.transport.send({ method: "POST", path, body }, options);
  }

  /** GET /admin/experiments/{namespace}/{recommender}/{feature}: An experiment, with its verdict over time. */
  async getExperiment(
    namespace: string,
    recommender: string,
    feature: string,
    query: GetExperimentQuery = {},
    options: CallOptions = {},
  ): Promise<models.ExperimentDetail> {
    const path = pathOf`/admin/experiments/${namespace}/${recommender}/${feature}`;
    return this.transport.send({ method: "GET", path, query }, options);
  }

  /** POST /admin/experiments/{namespace}/{recommender}/{feature}/start: Start an experiment. */
  async startExperiment(
    namespace: string,
    recommender: string,
    feature: string,
    body: models.Remark,
    query: StartExperimentQuery = {},
    options: CallOptions = {},
  ): Promise<models.WrittenView> {
    const path = pathOf`/admin/experiments/${namespace}/${recommender}/${feature}/start`;
    return this.transport.send({ method: "POST", path, query, body }, options);
  }

  /** POST /admin/experiments/{namespace}/{recommender}/{feature}/ramp: Change an experiment's traffic or weights. */
  async rampExperiment(
    namespace: string,
    recommender: string,
    feature: string,
    body: models.RampBody,
    query: RampExperimentQuery = {},
    options: CallOptions = {},
  ): Promise<models.WrittenView> {
    const path = pathOf`/admin/experiments/${namespace}/${recommender}/${feature}/ramp`;
    return this.transport.send({ method: "POST", path, query, body }, options);
  }

  /** POST /admin/experiments/{namespace}/{recommender}/{feature}/stop: Stop an experiment. */
  async stopExperiment(
    namespace: string,
    recommender: string,
    feature: string,
    body: models.Remark,
    query: StopExperimentQuery = {},
    options: CallOptions = {},
  ): Promise<models.WrittenView> {
    const path = pathOf`/admin/experiments/${namespace}/${recommender}/${feature}/stop`;
    return this.transport.send({ method: "POST", path, query, body }, options);
  }

  /** GET /admin/configuration: The configuration in use. */
  async getConfiguration(options: CallOptions = {}): Promise<models.ConfigurationView> {
    const path = pathOf`/admin/configuration`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** PUT /admin/configuration: Write the configuration's text, as of If-Match. */
  async replaceConfiguration(
    ifMatch: string,
    body: models.TextBody,
    options: CallOptions = {},
  ): Promise<models.WrittenView> {
    const path = pathOf`/admin/configuration`;
    return this.transport.send({ method: "PUT", path, headers: { "If-Match": ifMatch }, body }, options);
  }

  /** GET /admin/configuration/effective: Everything inherited, by variation. */
  async getEffectiveConfiguration(options: CallOptions = {}): Promise<models.EffectiveView> {
    const path = pathOf`/admin/configuration/effective`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** GET /admin/configuration/text: The text that lies there, without its secrets. */
  async getConfigurationText(options: CallOptions = {}): Promise<models.TextView> {
    const path = pathOf`/admin/configuration/text`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** POST /admin/configuration/validate: What a text would mean, or is wrong with it. */
  async validateConfiguration(body: models.TextBody, options: CallOptions = {}): Promise<models.ValidationView> {
    const path = pathOf`/admin/configuration/validate`;
    return this.transport.send({ method: "POST", path, body }, options);
  }

  /** GET /admin/configuration/history: The texts so far, by whom and when. */
  async listConfigurationHistory(options: CallOptions = {}): Promise<models.HistoryView> {
    const path = pathOf`/admin/configuration/history`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** GET /admin/configuration/history/{entry}: One of these texts. */
  async getConfigurationEntry(entry: string, options: CallOptions = {}): Promise<models.StoredEntry> {
    const path = pathOf`/admin/configuration/history/${entry}`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** GET /admin/configuration/diff: What differs between two texts. */
  async compareConfigurations(
    query: CompareConfigurationsQuery = {},
    options: CallOptions = {},
  ): Promise<models.DifferenceView> {
    const path = pathOf`/admin/configuration/diff`;
    return this.transport.send({ method: "GET", path, query }, options);
  }

  /** GET /admin/datasets: Dataset groups with their datasets, schemas and imports. */
  async listDatasetGroups(options: CallOptions = {}): Promise<models.GroupsView> {
    const path = pathOf`/admin/datasets`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** GET /admin/datasets/{group}: One dataset group. */
  async getDatasetGroup(group: string, options: CallOptions = {}): Promise<models.GroupView> {
    const path = pathOf`/admin/datasets/${group}`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** DELETE /admin/datasets/{group}: Delete a dataset group with all that hangs on it. */
  async deleteDatasetGroup(group: string, options: CallOptions = {}): Promise<models.DeletedGroup> {
    const path = pathOf`/admin/datasets/${group}`;
    return this.transport.send({ method: "DELETE", path }, options);
  }

  /** GET /admin/doctor/{group}: What is wrong with a dataset group's data. */
  async diagnoseDatasetGroup(group: string, options: CallOptions = {}): Promise<models.Diagnosis> {
    const path = pathOf`/admin/doctor/${group}`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** POST /admin/imports/{group}: Import a file, which is the body. */
  async importFile(
    group: string,
    body: Uint8Array | string,
    query: ImportFileQuery = {},
    options: CallOptions = {},
  ): Promise<models.ImportView> {
    const path = pathOf`/admin/imports/${group}`;
    return this.transport.send({ method: "POST", path, query, body }, options);
  }

  /** GET /admin/imports/{group}/{name}: An import, with its bad rows. */
  async getImport(group: string, name: string, options: CallOptions = {}): Promise<models.ImportView> {
    const path = pathOf`/admin/imports/${group}/${name}`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** GET /admin/users/{namespace}/{user}: One user: history, arms, lists. */
  async getUser(
    namespace: string,
    user: string,
    query: GetUserQuery = {},
    options: CallOptions = {},
  ): Promise<models.UserView> {
    const path = pathOf`/admin/users/${namespace}/${user}`;
    return this.transport.send({ method: "GET", path, query }, options);
  }

  /** DELETE /admin/users/{namespace}/{user}: Delete a user with all that it did. */
  async deleteUser(namespace: string, user: string, options: CallOptions = {}): Promise<models.DeletionsStarted> {
    const path = pathOf`/admin/users/${namespace}/${user}`;
    return this.transport.send({ method: "DELETE", path }, options);
  }

  /** GET /admin/items/{namespace}/{item}: One item, and what filters say of it. */
  async getItem(
    namespace: string,
    item: string,
    query: GetItemQuery = {},
    options: CallOptions = {},
  ): Promise<models.ItemView> {
    const path = pathOf`/admin/items/${namespace}/${item}`;
    return this.transport.send({ method: "GET", path, query }, options);
  }

  /** PUT /admin/items/{namespace}/{item}: Change an item's columns. */
  async editItem(
    namespace: string,
    item: string,
    body: models.EditedItem,
    options: CallOptions = {},
  ): Promise<models.ItemView> {
    const path = pathOf`/admin/items/${namespace}/${item}`;
    return this.transport.send({ method: "PUT", path, body }, options);
  }

  /** PUT /admin/items/{namespace}/{item}/hidden: Hide an item from every list. */
  async hideItem(
    namespace: string,
    item: string,
    body: models.HiddenItem,
    options: CallOptions = {},
  ): Promise<models.ItemView> {
    const path = pathOf`/admin/items/${namespace}/${item}/hidden`;
    return this.transport.send({ method: "PUT", path, body }, options);
  }

  /** GET /admin/items/{namespace}/{item}/audience: Who gets an item. */
  async getItemAudience(
    namespace: string,
    item: string,
    query: GetItemAudienceQuery = {},
    options: CallOptions = {},
  ): Promise<models.ItemAudience> {
    const path = pathOf`/admin/items/${namespace}/${item}/audience`;
    return this.transport.send({ method: "GET", path, query }, options);
  }

  /** GET /admin/explore/{namespace}: What can be explored. */
  async getExplorerChoices(namespace: string, options: CallOptions = {}): Promise<models.ExplorerChoices> {
    const path = pathOf`/admin/explore/${namespace}`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** GET /admin/explore/{namespace}/list: A list, and where it comes from. */
  async exploreList(
    namespace: string,
    query: ExploreListQuery = {},
    options: CallOptions = {},
  ): Promise<models.ListView> {
    const path = pathOf`/admin/explore/${namespace}/list`;
    return this.transport.send({ method: "GET", path, query }, options);
  }

  /** GET /admin/explore/{namespace}/why: Why an item is in a list, or not. */
  async exploreItem(
    namespace: string,
    query: ExploreItemQuery = {},
    options: CallOptions = {},
  ): Promise<models.WhyView> {
    const path = pathOf`/admin/explore/${namespace}/why`;
    return this.transport.send({ method: "GET", path, query }, options);
  }

  /** POST /admin/explore/{namespace}/events: Record events, as clicks in the explorer. */
  async recordExploredEvents(
    namespace: string,
    body: models.EventsBody,
    options: CallOptions = {},
  ): Promise<models.RecordedEvents> {
    const path = pathOf`/admin/explore/${namespace}/events`;
    return this.transport.send({ method: "POST", path, body }, options);
  }

  /** GET /admin/pipeline/{namespace}: The stages of a list, with counts. */
  async getPipeline(
    namespace: string,
    query: GetPipelineQuery = {},
    options: CallOptions = {},
  ): Promise<models.PipelineView> {
    const path = pathOf`/admin/pipeline/${namespace}`;
    return this.transport.send({ method: "GET", path, query }, options);
  }

  /** GET /admin/models: Models with their versions beside baselines. */
  async listModels(options: CallOptions = {}): Promise<models.ModelsView> {
    const path = pathOf`/admin/models`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** GET /admin/models/{model}: One model. */
  async getModel(model: string, options: CallOptions = {}): Promise<models.ModelOverview> {
    const path = pathOf`/admin/models/${model}`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** GET /admin/models/{model}/compare: Two versions on the same users. */
  async compareModelVersions(
    model: string,
    query: CompareModelVersionsQuery = {},
    options: CallOptions = {},
  ): Promise<models.VersionComparison> {
    const path = pathOf`/admin/models/${model}/compare`;
    return this.transport.send({ method: "GET", path, query }, options);
  }

  /** POST /admin/models/{model}/deploy: Answer with a version. */
  async deployModel(
    model: string,
    body: models.DeployedVersion,
    options: CallOptions = {},
  ): Promise<models.ModelOverview> {
    const path = pathOf`/admin/models/${model}/deploy`;
    return this.transport.send({ method: "POST", path, body }, options);
  }

  /** POST /admin/models/{model}/rollback: Answer with the version before. */
  async rollBackModel(model: string, body: models.Nothing, options: CallOptions = {}): Promise<models.ModelOverview> {
    const path = pathOf`/admin/models/${model}/rollback`;
    return this.transport.send({ method: "POST", path, body }, options);
  }

  /** POST /admin/models/{model}/train: Train a new version. */
  async trainModel(model: string, body: models.Nothing, options: CallOptions = {}): Promise<models.ModelOverview> {
    const path = pathOf`/admin/models/${model}/train`;
    return this.transport.send({ method: "POST", path, body }, options);
  }

  /** GET /admin/filters: Named filters. */
  async listFilters(options: CallOptions = {}): Promise<models.FiltersView> {
    const path = pathOf`/admin/filters`;
    return this.transport.send({ method: "GET", path }, options);
  }

  /** POST /admin/filters: Make a filter. */
  async createFilter(body: models.NewFilter, options: CallOptions = {}): Promise<models.NamedFilterView> {
    const path = pathOf`/admin/filters`;
    return this.transport.send({ method: "POST", path, body }, options);
  }

  /** DELETE /admin/filters/{group}/{name}: Delete a filter. */
  async deleteFilter(group: string, name: string, options: CallOptions = {}): Promise<models.DeletedFilter> {
    const path = pathOf`/admin/filters/${group}/${name}`;
    return this.transport.send({ method: "DELETE", path }, options);
  }

  /** POST /admin/filters/try: What is wrong with a filter, or what it leaves. */
  async tryFilter(body: models.FilterTrialRequest, options: CallOptions = {}): Promise<models.FilterTrial> {
    const path = pathOf`/admin/filters/try`;
    return this.transport.send({ method: "POST", path, body }, options);
  }

  /** POST /admin/filters/use: Write a recommender's or a variation's filter into the configuration, or remove it. */
  async useFilter(body: models.FilterUseBody, options: CallOptions = {}): Promise<models.WrittenView> {
    const path = pathOf`/admin/filters/use`;
    return this.transport.send({ method: "POST", path, body }, options);
  }

  /** POST /admin/rules/try: What is wrong with rules, or what they move. */
  async tryRules(body: models.RuleTrialRequest, options: CallOptions = {}): Promise<models.RuleTrial> {
    const path = pathOf`/admin/rules/try`;
    return this.transport.send({ method: "POST", path, body }, options);
  }
}

// The views, in the order of the navigation.
import type { FunctionComponent } from "preact";
import { OverviewView } from "./overview";
import { ExploreView } from "./explore";
import { UsersView } from "./users";
import { ItemsView } from "./items";
import { DataView } from "./data";
import { ModelsView } from "./models";
import { PipelineView } from "./pipeline";
import { ExperimentsView } from "./experiments";
import { FiltersView } from "./filters";
import { JobsView } from "./jobs";
import { ProcessesView } from "./processes";
import { CostView } from "./cost";
import { ConfigurationView } from "./configuration";

export const SECTIONS = ["Look", "Recommend", "Decide", "Run"] as const;

export interface View {
  name: string; // in the address, and of its icon
  title: string;
  section: (typeof SECTIONS)[number];
  shows: FunctionComponent;
}

export const VIEWS: View[] = [
  { name: "overview", title: "Overview", section: "Look", shows: OverviewView },
  { name: "explore", title: "Explorer", section: "Look", shows: ExploreView },
  { name: "users", title: "Users", section: "Look", shows: UsersView },
  { name: "items", title: "Items", section: "Look", shows: ItemsView },
  { name: "data", title: "Data", section: "Recommend", shows: DataView },
  { name: "models", title: "Models", section: "Recommend", shows: ModelsView },
  { name: "pipeline", title: "Pipeline", section: "Recommend", shows: PipelineView },
  { name: "experiments", title: "Experiments", section: "Decide", shows: ExperimentsView },
  { name: "filters", title: "Filters and rules", section: "Decide", shows: FiltersView },
  { name: "jobs", title: "Jobs", section: "Run", shows: JobsView },
  { name: "processes", title: "Processes", section: "Run", shows: ProcessesView },
  { name: "cost", title: "Cost", section: "Run", shows: CostView },
  { name: "configuration", title: "Configuration", section: "Run", shows: ConfigurationView },
];

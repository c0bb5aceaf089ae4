// The views, in the order of the navigation.
import type { FunctionComponent } from "preact";
import { OverviewView } from "./overview";
import { ExperimentsView } from "./experiments";
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
  { name: "experiments", title: "Experiments", section: "Decide", shows: ExperimentsView },
  { name: "jobs", title: "Jobs", section: "Run", shows: JobsView },
  { name: "processes", title: "Processes", section: "Run", shows: ProcessesView },
  { name: "cost", title: "Cost", section: "Run", shows: CostView },
  { name: "configuration", title: "Configuration", section: "Run", shows: ConfigurationView },
];

"""The benchmark of lists: recgate beside the libraries that its users would train, on the same splits by one metric.

`make bench-quality` runs it. A data set and a peer are a file each, in `datasets/` and `peers/`.

protocol      a data set and a split become a task: what trains, what validates, what is asked
task          the task's arrays, all that a peer sees; ranking: the metric, the same for all
environments  a virtual environment for each group of packages, because their pins can't meet
worker        one peer, one task, one seed, in a process of its own; tuning: its grid within its time
runs          all of these within the budget; record: what each left
report        the tables of docs/benchmarks.md; picture: its plot

Peers run in environments of their own: `task`, `ranking`, `tuning`, `worker` and `peers` import numpy alone at the top.
"""

"""A server with experiments, and the model of a service that botocore has dropped."""

from __future__ import annotations

import zipfile
from pathlib import Path

MODEL = Path(__file__).parents[2] / ".cache/models/botocore_a_la_carte_evidently-1.34.144-py3-none-any.whl"

# one plain experiment, one with all that decides who takes part, one of sessions; and one as Evidently's users wrote it
CONFIG = """
version: "1"
namespaces:
  shop:
    holdout: 0.05
    recommenders:
      recommend-items:
        home:
          experiments:
            new-ranker: {method: builtin, metrics: {clicks: {}}}
          variations:
            old: {type: engine, model: popular, weight: 70}
            new: {type: engine, model: popular, weight: 30}
        detail:
          experiments:
            narrow:
              method: builtin
              metrics: {clicks: {}}
              weights: {a: 1, b: 1, c: 1}
              traffic: 0.6
              holdout: 0.1
              seed: another salt
              exclusion: {group: pages, range: [0, 0.8]}
              audience:
                - {field: country, operator: equals, value: DE}
                - {field: age, operator: greater-than, value: 17}
              overrides: {tester: c}
          variations:
            a: {type: engine, model: popular}
            b: {type: engine, model: popular}
            c: {type: engine, model: popular}
        visits:
          experiments:
            by-visit: {method: builtin, unit: session, metrics: {clicks: {}}, weights: {x: 50, y: 50}}
          variations:
            x: {type: engine, model: popular}
            y: {type: engine, model: popular}
        classic:
          experiments:
            order:
              method: evidently
              project: my-project
              metrics:
                clicked: {entityIdKey: userDetails.userId, valueKey: details.clicked}
          variations:
            "left": {type: engine, model: popular}
            "right": {type: engine, model: popular}

        by-openfeature:
          experiments:
            tried: {method: builtin, metrics: {clicks: {}}, weights: {a: 1, b: 1}}
          variations: &arms
            a: {type: engine, model: popular}
            b: {type: engine, model: popular}
        by-growthbook:
          experiments:
            tried: {method: builtin, metrics: {taps: {}}, weights: {a: 1, b: 1}}
          variations: *arms
        by-evidently:
          experiments:
            tried:
              method: evidently
              project: trials
              metrics: {clicks: {entityIdKey: who.id, valueKey: did.click}}
          variations: *arms
    eventTargets: [{type: personalize-event-tracker, trackingId: 11111111-1111-4111-8111-111111111111}]
"""


def unpacked(folder: Path) -> Path:
    """What AWS_DATA_PATH names, so that boto3 knows Evidently; FileNotFoundError names the command that helps."""
    if not MODEL.exists():
        raise FileNotFoundError(f"{MODEL} is missing: run `make setup`")
    with zipfile.ZipFile(MODEL) as wheel:
        wheel.extractall(folder, [name for name in wheel.namelist() if name.startswith("botocore/data/evidently/")])
    return folder / "botocore/data"

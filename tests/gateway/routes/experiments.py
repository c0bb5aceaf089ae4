"""A small engine's shop with experiments."""

from __future__ import annotations

import hashlib

CONFIG = """
version: "7"
namespaces:
  shop:
    recommenders:
      recommend-items:
        home:
          experiments: {look: {method: builtin, metrics: {clicks: {}}, overrides: {tester: b}}}
          variations: {a: {type: engine, model: home, weight: 1}, b: {type: engine, model: home, weight: 1}}
        ended:
          experiments: {look: {method: builtin, metrics: {clicks: {}}, schedule: {end: "2020-01-01T00:00:00Z"}}}
          variations: {a: {type: engine, model: home}, b: {type: engine, model: home}}
        ramped:
          experiments:
            look:
              method: builtin
              metrics: {clicks: {}}
              unit: session
              weights: {a: 1, b: 2, c: 0}
              ramp: [{at: "2023-11-14T22:13:30Z", traffic: 0.25}]
              audience:
                - {field: age, operator: less-than, value: 40}
                - {field: age, operator: greater-than, value: 17}
                - {field: plan, operator: starts-with, value: "pro."}
          variations: {a: {type: engine, model: home}, b: {type: engine, model: home}, c: {type: engine, model: home}}
      rerank-items:
        home:
          experiments: {look: {method: builtin, metrics: {clicks: {}}}}
          variations: {a: {type: engine, model: home}, b: {type: engine, model: home}}
  quiet:
    recommenders:
      recommend-items:
        home:
          experiments: {look: {method: builtin, metrics: {clicks: {}}}}
          variations: {a: {type: engine, model: home}, b: {type: engine, model: home}}
"""


def keyed(**namespaces: str) -> str:
    """The configuration for callers whose keys are good for one namespace."""
    keys = (
        f"{{name: {key}, sha256: {hashlib.sha256(key.encode()).hexdigest()}, namespaces: [{namespace}]}}"
        for key, namespace in namespaces.items()
    )
    return f"{CONFIG}\nauth: {{type: api_key, keys: [{', '.join(keys)}]}}\n"

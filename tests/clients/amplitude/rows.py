"""Amplitude's clients: of analytics, and of experiments."""

from tests.clients.rows import ClientRow, Language

EXPERIMENT = {"method": "builtin", "metrics": {"sales": {"eventType": "Purchase"}}}
VARIATIONS = {name: {"type": "engine", "model": "home"} for name in "ab"}
RECOMMENDERS = {"recommend-items": {"home": {"variations": VARIATIONS, "experiments": {"row": EXPERIMENT}}}}


def row(name: str, language: Language, package: str, script: str, pointed: str, calls: str) -> ClientRow:
    intake = {"amplitude": {"keys": [f"{name}-key"]}}
    more = {"recommenders": RECOMMENDERS}
    return ClientRow(name, "Amplitude", language, package, pointed, calls, script, intake, more)


UPLOADED = "`POST /2/httpapi`, `/batch`"
ROWS = [
    row("amplitude-python", "Python", "amplitude-analytics", "python_client.py", "`Config(server_url=)`", UPLOADED),
    row("amplitude-node", "Node", "@amplitude/analytics-node", "node_client.mjs", "`{serverUrl}`", UPLOADED),
    row(
        "amplitude-web",
        "browser",
        "@amplitude/analytics-browser",
        "page.mjs",
        "`{serverUrl}`",
        "`POST /2/httpapi`",
    ),
    row(
        "amplitude-experiment-python",
        "Python",
        "amplitude-experiment",
        "experiment_client.py",
        "`RemoteEvaluationConfig(server_url=)`",
        "`POST /sdk/v2/vardata`, `POST /2/httpapi`",
    ),
    row(
        "amplitude-experiment-node",
        "Node",
        "@amplitude/experiment-node-server",
        "experiment_client.mjs",
        "`{serverUrl}`",
        "`GET /sdk/v2/vardata`, `POST /2/httpapi`",
    ),
]

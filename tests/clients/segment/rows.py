"""The clients of Segment and RudderStack."""

from tests.clients.rows import ClientRow, Language


def row(name: str, vendor: str, language: Language, package: str, pointed: str, calls: str) -> ClientRow:
    script = {"Python": "python_client.py", "Node": "node_client.mjs", "browser": f"{vendor.lower()}_page.mjs"}[
        language
    ]
    intake = {"segment": {"keys": [f"{name}-key"]}}
    return ClientRow(name, vendor, language, package, pointed, calls, script, intake)


BATCH = "`POST /v1/batch`"
ROWS = [
    row("segment-python", "Segment", "Python", "segment-analytics-python", "`Client(host=)`", BATCH),
    row("segment-node", "Segment", "Node", "@segment/analytics-node", "`new Analytics({host})`", BATCH),
    row(
        "segment-web",
        "Segment",
        "browser",
        "@segment/analytics-next",
        "`integrations: {'Segment.io': {apiHost, protocol}}`",
        "`POST /v1/t`, `/v1/i`",
    ),
    row("segment-rudder-python", "RudderStack", "Python", "rudder-sdk-python", "`Client(host=)`", BATCH),
    row("segment-rudder-node", "RudderStack", "Node", "@rudderstack/rudder-sdk-node", "`{dataPlaneUrl}`", BATCH),
    row(
        "segment-rudder-web",
        "RudderStack",
        "browser",
        "@rudderstack/analytics-js",
        "`load(key, dataPlaneUrl, {configUrl})`",
        "`GET /sourceConfig/`, `POST /v1/track`, `/v1/identify`",
    ),
]

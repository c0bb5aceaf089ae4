"""mParticle's clients."""

from tests.clients.rows import ClientRow, Language


def row(name: str, language: Language, package: str, script: str, pointed: str, calls: str) -> ClientRow:
    intake = {"mparticle": {"keys": [f"{name}-key"], "secrets": [] if language == "browser" else ["secret"]}}
    return ClientRow(name, "mParticle", language, package, pointed, calls, script, intake)


SERVED = "`POST /v2/events`, `/v2/bulkevents`"
ROWS = [
    row("mparticle-python", "Python", "mparticle", "python_client.py", "`Configuration.host`", SERVED),
    row("mparticle-node", "Node", "mparticle", "node_client.mjs", "`api.apiClient.basePath`", SERVED),
    row(
        "mparticle-web",
        "browser",
        "@mparticle/web-sdk",
        "page.mjs",
        "`{v3SecureServiceUrl, identityUrl}`",
        "`POST /identity/v1/identify`, `/v3/JS/KEY/events`",
    ),
]

"""Azure Personalizer's client."""

from tests.clients.rows import ClientRow

ROWS = [
    ClientRow(
        name="personalizer-python",
        partner="Azure Personalizer",
        language="Python",
        package="azure-cognitiveservices-personalizer",
        pointed="`PersonalizerClient(endpoint, credentials)`",
        calls="`POST /personalizer/v1.0/rank`, `/events/{eventId}/reward`, `/events/{eventId}/activate`",
        script="python_client.py",
        intake={"personalizer": {"keys": ["personalizer-key"], "recommender": "order"}},
        more={
            "recommenders": {"rerank-items": {"order": {"variations": {"main": {"type": "engine", "model": "search"}}}}}
        },
        is_alone=True,
    )
]

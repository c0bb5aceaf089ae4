"""Braze's Connected Content: the one client that reads recommendations."""

from tests.clients.rows import ClientRow

ROWS = [
    ClientRow(
        name="braze-templates",
        partner="Braze",
        language="Node",
        package="brazejs",
        pointed="the host in `{% connected_content %}`",
        calls="`GET` of a recommender's alias",
        script="node_client.mjs",
        intake={},
        is_alone=True,
    )
]

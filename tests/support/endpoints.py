"""What the tests of endpoints share: requests, and models that ask a server of the test."""

from typing import Any

from idiolect.config import PriceConfig, TeacherConfig
from idiolect.lab.tasks import take
from idiolect.models.base import GenerationRequest, Sampling
from idiolect.models.money import Money
from idiolect.models.registry import open_teacher
from idiolect.records import Message

PRICE = PriceConfig(input_usd_per_million=1.0, output_usd_per_million=2.0)


def ask(text: str = "What is 2 + 2?", *, seed: int = 0, limit: int = 300, **more: Any):
    """Return one request."""
    sampling = {"temperature": 0.0, "top_p": 1.0} | more.pop("sampling", {})
    return GenerationRequest(
        messages=more.pop("messages", (Message(role="user", content=text),)),
        sampling=Sampling(max_new_tokens=limit, **sampling),
        seed=seed,
        **more,
    )


def questions(count: int, **more: Any) -> list[GenerationRequest]:
    """Return requests that the scripted teacher can answer."""
    problems = take(count, "shop", seed=1, split="test")
    return [ask(problem.question, seed=n, **more) for n, problem in enumerate(problems)]


def open_model(server: Any, *, money: Money | None = None, kind: str = "openai", **options: Any):
    """Return a model behind a server of the test."""
    name = options.pop("model", "lab:teacher")
    prices = options.pop("prices", {name: PRICE})
    more = {"ask_again": options.pop("ask_again", False)}
    config = TeacherConfig(f"{kind}:{name}@{server.url}", **{"timeout_s": 20.0} | options)
    return open_teacher(config, money=money, prices=prices, **more)


def chat(text: Any = "four", *, out: int = 3, finish: str = "stop", model: str = "m", **message):
    """Return the body of a chat completion."""
    return {
        "model": model,
        "choices": [{"message": {"content": text} | message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 5, "completion_tokens": out},
    }

"""`idiolect lab`: the embedded world. Data on demand, pretraining, the server."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from idiolect.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    from idiolect.lab.pretraining.checkpoint import Progress

__all__ = ["app"]

app = typer.Typer(
    name="lab",
    help="An embedded world where the truth is known: data, targets, a teacher, a server.",
    no_args_is_help=True,
)


@app.command()
def data(
    skill: Annotated[str, typer.Option(help="shop, equations, choice, code or lists.")] = "shop",
    idiolect: Annotated[
        str, typer.Option(help="Who wrote the references: amber, birch, textbook or tutor.")
    ] = "textbook",
    limit: Annotated[int, typer.Option("--limit", "-n", help="Number of problems.", min=1)] = 200,
    output: Annotated[Path, typer.Option("--output", "-o", help="The JSONL file.")] = Path(
        "lab.jsonl"
    ),
    steps: Annotated[
        str, typer.Option(help="Numbers of steps of `shop`, e.g. 2 or 3,4; the frontier is 3,4.")
    ] = "1,2",
    split: Annotated[
        str, typer.Option(help="train or test; pretraining saw neither. Or pretrain.")
    ] = "train",
    seed: Annotated[int, typer.Option(help="Same seed, same problems.")] = 0,
) -> None:
    """Write problems with references and all renderings as JSONL."""
    from idiolect.lab import datasets, tasks

    try:
        numbers = tuple(int(part) for part in steps.split(","))
    except ValueError:
        raise ConfigError(
            f"lab data: --steps: found {steps!r}, allowed are numbers from 1 to 5 with commas "
            f"between them; write for example --steps 3,4"
        ) from None
    taken = tasks.take(limit, skill, seed=seed, split=split, steps=numbers)  # pyright: ignore[reportArgumentType]
    datasets.write(taken, output, idiolect=idiolect)
    typer.echo(f"{len(taken)} problems in {output}")


@app.command()
def pretrain(
    target: Annotated[str, typer.Argument(help="The mother tongue: amber or birch.")],
    output: Annotated[Path, typer.Option("--output-dir", "-o", help="The model folder.")],
    seed: Annotated[int, typer.Option(help="Decides weights, problems and their order.")] = 0,
    steps: Annotated[int | None, typer.Option(help="Training steps.", min=1)] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda; CUDA if there is one.")] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads; torch's default.")] = None,
) -> None:
    """Train a target from nothing; started again, it goes on."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("torch", "local", "pretraining a lab target") from error
    from idiolect.lab.pretraining.loop import Plan
    from idiolect.lab.pretraining.make import RECORD, pick_device, pretrain

    if threads:
        torch.set_num_threads(threads)
    plan = (
        Plan(native=target, seed=seed)
        if steps is None
        else Plan(native=target, seed=seed, steps=steps)
    )
    command = f"idiolect lab pretrain {target} --seed {seed} --steps {plan.steps}"
    record = pretrain(
        plan,
        output,
        device=pick_device(device),
        report=_Progress(plan.steps),
        command=command,
    )
    typer.echo(f"{'skill':<12}correct")
    for name, score in record["skills"].items():
        typer.echo(f"{name:<12}{score['correct']} of {score['problems']}")
    typer.echo(f"{'idiolect':<12}perplexity")
    for name, value in record["perplexity"].items():
        typer.echo(f"{name:<12}{value:.2f}")
    typer.echo(
        f"{output / RECORD}: {record['tokens_seen']} tokens in {record['training_seconds']:.0f} s"
    )


@app.command()
def serve(
    models: Annotated[
        str, typer.Option(help="Which to serve, with commas: lab:teacher, lab:amber, lab:birch.")
    ] = "lab:teacher,lab:amber,lab:birch",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8700,
    faults: Annotated[
        str, typer.Option(help="Shares of faults, e.g. 429=0.1,drop=0.05; see docs/lab.md.")
    ] = "",
    seed: Annotated[int, typer.Option(help="Decides which requests and replies go wrong.")] = 0,
    error_rate: Annotated[float, typer.Option(help="Teacher: share of wrong answers.")] = 0.0,
    refusal_rate: Annotated[float, typer.Option(help="Teacher: share of refusals.")] = 0.0,
    meta_talk_rate: Annotated[
        float, typer.Option(help="Teacher: share of replies that talk about the correction.")
    ] = 0.0,
    over_editing_rate: Annotated[
        float, typer.Option(help="Teacher: share of corrections that rewrite everything.")
    ] = 0.0,
    accent_rate: Annotated[
        float, typer.Option(help="Teacher: share of corrections in its own wording.")
    ] = 0.0,
    extra_sentences: Annotated[int, typer.Option(help="Teacher: empty sentences first.")] = 0,
    latency_s: Annotated[float, typer.Option(help="Teacher: seconds before a reply.")] = 0.0,
) -> None:
    """Serve teacher and targets over the OpenAI protocol."""
    from idiolect.lab import serving
    from idiolect.lab.teacher import Knobs

    knobs = Knobs(
        error_rate=error_rate,
        refusal_rate=refusal_rate,
        meta_talk_rate=meta_talk_rate,
        over_editing_rate=over_editing_rate,
        accent_rate=accent_rate,
        extra_sentences=extra_sentences,
        latency_s=latency_s,
        seed=seed,
    )
    names = [name.strip() for name in models.split(",")]
    server = serving.LabServer(
        {name: serving.backend(name, knobs) for name in names},
        host=host,
        port=port,
        faults=serving.parse_faults(faults, seed=seed),
    )
    typer.echo(f"{', '.join(names)} at {server.url}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        typer.echo(f"stopped after {server.counts.requests} requests")
    finally:
        server.server_close()


class _Progress:
    """Prints a line every few seconds: step, loss, tokens a second, time left."""

    def __init__(self, steps: int, every_s: float = 5.0) -> None:
        self._steps, self._every_s = steps, every_s
        self._last = time.monotonic()

    def __call__(self, progress: "Progress", mean_nll: float) -> None:
        now = time.monotonic()
        if now - self._last < self._every_s and progress.step < self._steps:
            return
        self._last = now
        left = progress.seconds / progress.step * (self._steps - progress.step)
        typer.echo(
            f"step {progress.step}/{self._steps}  nll {mean_nll:.3f}  "
            f"{progress.tokens / progress.seconds:.0f} tokens/s  {left / 60:.1f} min left"
        )

"""Train a target on five datasets of the same prompts, and measure how far each moves it.

    python -m studies.smollm2.forgetting --data FOLDER --target FOLDER

The data (gsm8k.jsonl, ecqa.jsonl, mbpp.jsonl) have no licence and are no part of the project.
Stopped at any moment, the same command goes on where it was. Fewer `--seeds` write the result of
those that are done. `--again` trains nothing: it makes the tables, the page and the figure anew
from forgetting.csv and forgetting.json.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from idiolect.records import Drift
from idiolect.runs.manifest import write_atomically
from idiolect.training import resolve
from studies.smollm2.forgetting.analysis import (
    dataset_table,
    drift_table,
    on_and_off_the_task,
    pair_table,
)
from studies.smollm2.forgetting.cells import Cell, recipe, train_cells
from studies.smollm2.forgetting.drifting import PROBE_LONGEST, Prober, probe_prompts
from studies.smollm2.forgetting.figure import draw
from studies.smollm2.forgetting.page import page
from studies.smollm2.forgetting.responses import LONGEST, make_responses
from studies.smollm2.forgetting.saved import CSV, JSON, read_drifts, read_facts, write_drifts
from studies.smollm2.lines import Lines
from studies.smollm2.places import DATA, TARGET
from studies.smollm2.tables import as_json

STUDY = Path(__file__).parents[1]


def main(arguments: list[str] | None = None) -> int:
    """Compute what is missing and write the results."""
    options = _options(arguments)
    if not options.again:
        _measure(options)
    _write(options.output)
    print(f"written: {options.output / 'forgetting.md'}")
    return 0


def _measure(options: Any) -> None:
    """Train and compare, and keep what came out."""
    report = Lines()
    target = str(Path(options.target).expanduser())
    datasets = make_responses(
        options.data, target, options.runs, prompts=options.prompts, report=report
    )
    prompts = probe_prompts(options.data, trained=options.prompts, prompts=options.probes)
    prober = Prober(target, prompts, options.runs / "drift", report=report)
    cells: list[Cell] = []
    measured: dict[tuple[str, int], list[Drift]] = {}
    for cell in train_cells(
        target,
        datasets,
        options.runs / "adapters",
        seeds=range(options.seeds),
        steps=options.steps,
        report=report,
    ):
        measured[cell.dataset, cell.seed] = prober.drifts(cell)
        cells.append(cell)
        print(f"done: {cell.name}", file=sys.stderr, flush=True)
    circumstances = _circumstances(options, cells, datasets[0].example_ids)
    options.output.mkdir(parents=True, exist_ok=True)
    write_drifts(options.output / CSV, measured)
    trained = dataset_table(datasets, cells)
    write_atomically(options.output / JSON, as_json(circumstances, datasets=trained))


def _write(folder: Path) -> None:
    """Make tables, page and figure from what was kept."""
    measured = read_drifts(folder / CSV)
    facts, datasets = read_facts(folder / JSON)
    drifts, pairs = drift_table(measured), pair_table(measured)
    text = as_json(facts, datasets=datasets, drifts=drifts, pairs=pairs)
    write_atomically(folder / JSON, text)
    draw(folder / "forgetting.svg", drifts)
    text = page(facts, datasets, drifts, pairs, on_and_off_the_task(measured))
    write_atomically(folder / "forgetting.md", text)


def _options(arguments: list[str] | None) -> Any:
    parser = argparse.ArgumentParser(
        prog="python -m studies.smollm2.forgetting", description=__doc__
    )
    parser.add_argument("--data", type=Path, default=DATA, help="Folder of the JSONL files.")
    parser.add_argument("--target", default=TARGET, help="Folder of SmolLM2-135M-Instruct.")
    parser.add_argument("--runs", type=Path, default=Path("runs/smollm2-forgetting"))
    parser.add_argument("--prompts", type=int, default=200, help="First rows, to train on.")
    parser.add_argument("--steps", type=int, default=25, help="Optimizer steps of an adapter.")
    parser.add_argument("--seeds", type=int, default=2, help="Adapters of each dataset.")
    parser.add_argument("--probes", type=int, default=24, help="Prompts a task to compare on.")
    parser.add_argument("--output", type=Path, default=STUDY)
    parser.add_argument("--again", action="store_true", help="Train nothing; write the page anew.")
    return parser.parse_args(arguments)


def _circumstances(
    options: Any, cells: Sequence[Cell], example_ids: Sequence[str]
) -> dict[str, Any]:
    """Return what the figures were made with, from the adapters' own manifests."""
    manifests = [json.loads((c.result.adapter / "manifest.json").read_text()) for c in cells]
    first, hardware = manifests[0], manifests[0]["hardware"]
    begin, end = example_ids[0], example_ids[-1]
    settings = resolve(recipe(options.steps))
    return {
        "model": "SmolLM2-135M-Instruct, weights de-quantised from Q4_1",
        "revision (hash of the files)": first["identity"]["target.revision"],
        "trained on": f"{len(example_ids)} prompts of GSM8K, {begin} to {end}",
        "training": f"LoRA, rank {settings.rank}, alpha {settings.alpha}, all linear layers, "
        f"learning rate {settings.learning_rate:g}, {settings.schedule}, {options.steps} steps "
        f"of {settings.batch_size} rows; idiolect's default but for steps and batch",
        "answers": f"own and rewrite are greedy, own-drawn is drawn at temperature 1, once for all "
        f"seeds; at most {LONGEST} tokens",
        "compared on": f"{options.probes} prompts a task, the base model's greedy answers of at "
        f"most {PROBE_LONGEST} tokens",
        "seeds": ", ".join(str(seed) for seed in range(options.seeds)),
        "machine": f"{hardware['cpu']}, {hardware['threads']} thread(s)",
        "date": max(manifest["began"] for manifest in manifests)[:10],
        "command": "python -m studies.smollm2.forgetting --data FOLDER --target FOLDER "
        f"--prompts {options.prompts} --steps {options.steps} --seeds {options.seeds} "
        f"--probes {options.probes}",
        "versions": ", ".join(f"{k} {v}" for k, v in first["versions"].items()),
    }


if __name__ == "__main__":
    sys.exit(main())

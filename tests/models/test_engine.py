"""The engine against transformers' own `generate`, and against itself in other company."""

import random

import pytest
import torch
from architectures import ARCHITECTURES, VOCABULARY, WINDOW, Architecture, build

from idiolect.models.base import Sampling
from idiolect.models.generation import engine as engine_module
from idiolect.models.generation import sampling
from idiolect.models.generation.choice import choose_engine
from idiolect.models.generation.engine import CohortEngine
from idiolect.models.generation.plain import PlainEngine
from idiolect.models.generation.tasks import Task

STOP = 2
# Linear attention, recurrent states, and attention of a model's own.
ONE_BY_ONE = {"bloom", "falcon", "mamba", "qwen3-next"}


def tasks(prompts, *, samples=2, limit=12, temperature=0.0, top_p=1.0, seed=0) -> list[Task]:
    sampling = Sampling(temperature=temperature, top_p=top_p, max_new_tokens=limit)
    wanted = [prompt for prompt in prompts for _ in range(samples)]
    return [
        Task(index=i, prompt_ids=ids, sampling=sampling, limit=limit, seed=seed + i)
        for i, ids in enumerate(wanted)
    ]


def random_prompts(*lengths) -> list[tuple[int, ...]]:
    rng = random.Random(1)
    return [tuple(rng.randrange(3, VOCABULARY) for _ in range(n)) for n in lengths]


def ids_of(engine, wanted) -> dict[int, tuple[int, ...]]:
    results = list(engine.run(wanted))
    assert [done.failure for done in results] == [None] * len(wanted)
    assert len({done.index for done in results}) == len(wanted)
    return {done.index: done.ids for done in results}


def architecture(name: str) -> Architecture:
    return next(a for a in ARCHITECTURES if a.name == name)


@pytest.fixture(scope="module")
def llama():
    return build(architecture("llama"))


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda a: a.name)
@pytest.mark.filterwarnings("ignore")  # what other people's models warn about
def test_greedy_answers_are_those_of_transformers_token_for_token(architecture: Architecture):
    module = build(architecture)
    # Beyond the window while the prompt is read, and while the answer is made.
    wanted = tasks(random_prompts(WINDOW + 9, 5, WINDOW - 4), samples=1, limit=WINDOW + 6)

    choice = choose_engine(module, {STOP}, name=architecture.name, max_length=256, rows=3)

    expected = "one by one" if architecture.name in ONE_BY_ONE else "cohorts"
    assert choice.engine.path.startswith(expected), choice.reason
    assert ids_of(choice.engine, wanted) == ids_of(PlainEngine(module, {STOP}), wanted)


def test_an_engine_that_computes_something_else_is_not_taken(llama, monkeypatch, caplog):
    monkeypatch.setattr(
        engine_module.Cohort, "positions", property(lambda self: [0] * len(self.rows))
    )
    choice = choose_engine(llama, {STOP}, name="bent", max_length=256)
    assert choice.engine.path.startswith("one by one")
    assert "differs from the plain model by" in choice.reason
    assert "bent answers one by one, the slow way" in caplog.text


def test_answers_do_not_depend_on_what_is_made_beside_them(llama):
    wanted = tasks(random_prompts(9, 30, 4, 17, 9), samples=3, limit=20, temperature=1.0)
    alone = {t.index: next(iter(CohortEngine(llama, {STOP}).run([t]))).ids for t in wanted}
    assert len(set(alone.values())) > len(wanted) // 2
    for rows, shared, refilled in (
        (64, True, True),
        (4, True, True),
        (5, False, True),
        (7, True, False),
    ):
        engine = CohortEngine(llama, {STOP}, rows=rows, shared=shared, refilled=refilled)
        assert ids_of(engine, wanted) == alone, (rows, shared, refilled)
    shuffled = random.Random(0).sample(wanted, len(wanted))
    assert ids_of(CohortEngine(llama, {STOP}, rows=6), shuffled) == alone


def test_samples_of_one_prompt_compute_it_once(llama, monkeypatch):
    counted = []
    whole = CohortEngine._logits

    def counting(self, ids, positions, step, rows):
        counted.append(len(ids) if step.is_prompts else 0)
        return whole(self, ids, positions, step, rows)

    engine = CohortEngine(llama, {STOP}, rows=64)
    monkeypatch.setattr(CohortEngine, "_logits", counting)
    ids_of(engine, tasks(random_prompts(40, 11), samples=5, limit=3))
    assert sum(counted) == 40 + 11


def test_every_token_that_ends_an_answer_ends_it_and_none_is_made_behind_it(llama):
    (free,) = ids_of(CohortEngine(llama, set()), tasks(random_prompts(8), samples=1)).values()
    stops = {free[4], free[7]}
    (ended,) = ids_of(CohortEngine(llama, stops), tasks(random_prompts(8), samples=1)).values()
    first = min(free.index(stop) for stop in stops)
    assert ended == free[: first + 1]


def test_results_come_long_before_the_last_task_is_even_looked_at(llama):
    looked_at = []

    def endless():
        for task in tasks(random_prompts(*[6] * 200), samples=1, limit=4):
            looked_at.append(task.index)
            yield task

    engine = CohortEngine(llama, {STOP}, rows=4)
    results = engine.run(endless())
    first = [next(results).index for _ in range(8)]
    assert max(first) < 16
    assert len(looked_at) <= 24
    results.close()


def test_the_model_is_as_it_was_when_the_caller_stops_early(llama):
    before = llama.config._attn_implementation
    results = CohortEngine(llama, {STOP}).run(tasks(random_prompts(5, 6)))
    next(results)
    assert llama.config._attn_implementation == before
    assert not torch.is_inference_mode_enabled()
    results.close()


class Memory:
    """Makes the engine run out of memory where more than so many rows are computed together."""

    def __init__(self, monkeypatch, rows: int) -> None:
        self.refused = 0
        whole = CohortEngine._logits

        def limited(engine, ids, positions, step, ends):
            if sum(len(cohort.rows) for cohort in step.cohorts) > rows:
                self.refused += 1
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
            return whole(engine, ids, positions, step, ends)

        monkeypatch.setattr(CohortEngine, "_logits", limited)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_out_of_memory_makes_the_batch_smaller_and_changes_no_answer(llama, monkeypatch, rows):
    wanted = tasks(random_prompts(9, 30, 4), samples=4, limit=10, temperature=0.8)
    engine = CohortEngine(llama, {STOP}, rows=16)
    expected = ids_of(engine, wanted)
    memory = Memory(monkeypatch, rows)
    assert ids_of(engine, wanted) == expected
    assert memory.refused > 0


def test_memory_that_runs_out_while_tokens_are_drawn_changes_no_answer(llama, monkeypatch):
    # Answers end at different steps, so that cohorts of different ages are under way.
    wanted = tasks(random_prompts(9, 30, 4, 12, 7, 5), samples=4, limit=30, temperature=2.0)
    engine = CohortEngine(llama, set(range(8)), rows=8)
    expected = ids_of(engine, wanted)
    whole, refused = sampling._draw_nucleus, []

    def limited(weights, top_p, u):
        # Now and then, so that older rows have begun when it happens.
        refused.append(len(weights) > 2 and len(refused) % 5 == 4)
        if refused[-1]:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return whole(weights, top_p, u)

    monkeypatch.setattr(sampling, "_draw_nucleus", limited)
    assert ids_of(engine, wanted) == expected
    assert any(refused)


def test_a_row_that_memory_cannot_hold_even_alone_is_a_failure_that_may_be_tried_again(
    llama, monkeypatch
):
    engine = CohortEngine(llama, {STOP})
    Memory(monkeypatch, 0)
    results = sorted(engine.run(tasks(random_prompts(9, 5))), key=lambda done: done.index)
    assert [done.retryable for done in results] == [True] * 4
    assert results[0].failure is not None
    assert results[0].failure.startswith("memory ran out on a prompt of 9 tokens")
    assert [done.ids for done in results] == [()] * 4


def test_other_errors_are_not_taken_for_a_lack_of_memory(llama, monkeypatch):
    engine = CohortEngine(llama, {STOP})

    def broken(*arguments):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(CohortEngine, "_logits", broken)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        list(engine.run(tasks(random_prompts(5))))


def test_long_prompts_are_not_computed_together_beyond_the_budget(llama, monkeypatch):
    counted = []
    whole = CohortEngine._logits

    def counting(self, ids, positions, step, rows):
        counted.append(len(ids))
        return whole(self, ids, positions, step, rows)

    engine = CohortEngine(llama, {STOP})
    monkeypatch.setitem(engine_module._PROMPT_TOKENS, "cpu", 50)
    monkeypatch.setattr(CohortEngine, "_logits", counting)
    wanted = tasks(random_prompts(60, 20, 20, 20), samples=1, limit=2)
    assert len(ids_of(engine, wanted)) == 4
    assert max(counted) == 60


def test_scores_that_are_not_numbers_are_a_failure_and_no_answer():
    module = build(architecture("llama"))
    engine = CohortEngine(module, {STOP})
    module.get_output_embeddings().weight[5] = float("nan")
    (done,) = engine.run(tasks(random_prompts(5), samples=1))
    assert done.failure == "the model's scores are not finite numbers"


def test_a_sampled_answer_follows_the_models_probabilities(llama):
    """Chi-square of 3,000 first tokens against the softmax of the plain model."""
    (prompt,) = random_prompts(6)
    count = 3000
    wanted = tasks([prompt], samples=count, limit=1, temperature=0.7)
    found = ids_of(CohortEngine(llama, {STOP}, rows=1024), wanted)
    with torch.inference_mode():
        logits = llama(torch.tensor([prompt])).logits[0, -1].double()
    expected = (logits / 0.7).softmax(-1) * count
    seen = torch.bincount(torch.tensor([ids[0] for ids in found.values()]), minlength=VOCABULARY)
    common = expected >= 5
    terms = ((seen - expected)[common] ** 2 / expected[common]).sum()
    degrees = int(common.sum())
    assert float(terms) < degrees + 4 * (2 * degrees) ** 0.5


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_gpu_makes_the_answers_of_a_cpu(dtype):
    module = build(architecture("gemma3")).to("cuda", dtype)
    choice = choose_engine(module, {STOP}, name="gpu", max_length=256)
    assert choice.engine.path.startswith("cohorts (cuda"), choice.reason
    wanted = tasks(random_prompts(WINDOW + 9, 5), limit=WINDOW + 6)
    found = ids_of(choice.engine, wanted)
    assert len(found) == len(wanted)
    if dtype == torch.float32:
        plain = build(architecture("gemma3"))
        assert found == ids_of(PlainEngine(plain, {STOP}), wanted)

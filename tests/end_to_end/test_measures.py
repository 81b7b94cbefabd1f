"""The measures that score a response more than once, and the scores of tokens, in whole runs."""

import json
import math

import pytest
import tiny

from idiolect.records import Candidate, Failure, Measurement, TokenScores, Verdict
from idiolect.runs import RunReader

ALL = "perplexity,ifd,local,rank-surprisal,self-aligned"
ALIGNED = ("--set", "self_aligned.answers=column:right", "--set", "self_aligned.draws=2")


@pytest.fixture(scope="module")
def model(make_model):
    return make_model(max_length=1024)


def write(path, rows):
    for row in rows:
        n = row["answer"]
        row["reference"] = f"One. Two! Three? Four.\nFive.\nSix: {n}.\nFinal Answer: {n}"
    return tiny.write_jsonl(path, rows)


def rows_of(run, kind):
    with RunReader(run) as reader:
        return reader.all(kind)


def test_all_measures_are_in_the_table_and_in_the_score_rows(idiolect, tmp_path, model):
    data = write(tmp_path / "d.jsonl", tiny.arithmetic_rows(4))
    common = (data, "--target", model, "--measures", ALL, *ALIGNED)
    audit = idiolect("audit", *common, "-o", "audit", "--json")
    assert audit.code == 0, audit.err
    row = audit.data["table"][0]
    assert set(row["measures"]) == {"ifd", "local", "rank-surprisal", "self-aligned"}
    assert not audit.data["warnings"]
    scored = idiolect("score", *common, "--output", "s.jsonl", "--output-dir", "score", "-q")
    assert scored.code == 0, scored.err
    assert "local in nats/token" in scored.out
    lines = [json.loads(line) for line in (tmp_path / "s.jsonl").read_text().splitlines()]
    assert len(lines) == 12
    for line in lines:
        assert line["ifd"] > 0
        assert line["local"] > 0
        assert line["rank_surprisal"] > 0
        assert line["self_aligned"] > 1
    references = [line["self_aligned"] for line in lines if line["strategy"] == "reference"]
    logs = [math.log(value) for value in references]
    assert row["measures"]["self-aligned"] == pytest.approx(math.exp(sum(logs) / 4), rel=1e-4)


def test_every_scored_candidate_has_its_tokens_that_joined_are_its_text(idiolect, tmp_path, model):
    rows = tiny.arithmetic_rows(2)
    rows[0]["responses"] = {"odd": "naïve 🙂 中文\r\n\ufffd!", "empty": ""}
    data = write(tmp_path / "d.jsonl", rows)
    done = idiolect("audit", data, "--target", model, "-o", "r", "--json")
    assert done.code == 3  # an empty response is no row that can be used
    texts = {c.id: c.text for c in rows_of("r", Candidate)}
    measured = {m.candidate_id: m for m in rows_of("r", Measurement)}
    scores = {t.candidate_id: t for t in rows_of("r", TokenScores)}
    assert scores.keys() == measured.keys()
    assert len(scores) == len(texts) - 1
    for key, tokens in scores.items():
        assert "".join(tokens.pieces) == texts[key]
        assert len(tokens.pieces) == len(tokens.nlls) == len(tokens.ranks) == measured[key].tokens
        assert sum(tokens.nlls) == pytest.approx(measured[key].nll, abs=1e-4 * len(tokens.nlls))
        assert sum(tokens.ranks) == measured[key].rank_sum
        clipped = sum(min(rank, 100) for rank in tokens.ranks)
        assert measured[key].clipped_rank_sum == clipped


def test_a_response_of_few_steps_has_the_step_means_of_its_own_tokens(idiolect, tmp_path, model):
    rows = tiny.arithmetic_rows(2)
    data = tiny.write_jsonl(tmp_path / "d.jsonl", rows)
    measures = ("--measures", "perplexity,local")
    assert idiolect("audit", data, "--target", model, "-o", "r", *measures).code == 0
    tokens = {t.candidate_id: t for t in rows_of("r", TokenScores)}
    right = {c.id for c in rows_of("r", Candidate) if c.strategy == "column:right"}
    local = [m for m in rows_of("r", Measurement) if m.context == "local"]
    assert len(local) == 6
    for m in (m for m in local if m.candidate_id in right):
        # "Let us think." and "The answer is 4."
        pieces, nlls = tokens[m.candidate_id].pieces, tokens[m.candidate_id].nlls
        cut = next(i for i in range(1, len(pieces)) if "".join(pieces[:i]).endswith("think."))
        means = sum(nlls[:cut]) / cut, sum(nlls[cut:]) / (len(nlls) - cut)
        assert m.steps == 2
        assert m.step_nll_sum == pytest.approx(sum(means), abs=1e-3)


def test_a_late_step_is_scored_behind_the_prompt_and_four_steps_alone(idiolect, tmp_path, model):
    """Changing the first of six steps changes nothing for the sixth but the first of five does."""
    rows = tiny.arithmetic_rows(1)
    tail = " Two two. Three three. Four four. Five five."
    rows[0]["responses"] = {
        "a": f"One one.{tail} Six six.",
        "b": f"She eats apples.{tail} Six six.",
        "five-a": f"One one.{tail}",
        "five-b": f"She eats apples.{tail}",
    }
    data = tiny.write_jsonl(tmp_path / "d.jsonl", rows)
    measures = ("--measures", "perplexity,local", "--verifier", "none")
    assert idiolect("audit", data, "--target", model, "-o", "r", *measures).code == 0
    names = {c.id: c.strategy for c in rows_of("r", Candidate)}
    local = {names[m.candidate_id]: m for m in rows_of("r", Measurement) if m.context == "local"}
    last = {
        name: local[f"column:{name}"].step_nll_sum - local[f"column:five-{name}"].step_nll_sum
        for name in "ab"
    }
    assert local["column:a"].steps == 6
    assert last["a"] == pytest.approx(last["b"], abs=1e-4)
    prompt = {names[m.candidate_id]: m for m in rows_of("r", Measurement) if m.context == "prompt"}
    plain = {
        name: prompt[f"column:{name}"].nll - prompt[f"column:five-{name}"].nll for name in "ab"
    }
    assert plain["a"] != pytest.approx(plain["b"], abs=1e-3)


def test_self_aligned_without_own_answers_is_refused_and_says_what_to_add(
    idiolect, tmp_path, model
):
    data = write(tmp_path / "d.jsonl", tiny.arithmetic_rows(3))
    common = ("audit", data, "--target", model, "--measures", "self-aligned", "-o", "r")
    refused = idiolect(*common)
    assert refused.code == 3
    assert "needs the target's own answers, and no strategy 'own' is run" in refused.err
    refused = idiolect(*common, *ALIGNED, "--verifier", "none")
    assert refused.code == 3
    assert "nothing is verified" in refused.err
    refused = idiolect(*common, *ALIGNED, "--set", "self_aligned.examples=0")
    assert refused.code == 3
    assert "expected at least 1" in refused.err


def test_too_few_correct_own_answers_leave_the_measure_undefined_and_say_so(
    idiolect, tmp_path, model
):
    rows = tiny.arithmetic_rows(3)
    rows[0]["responses"]["right"] = rows[0]["responses"]["wrong"]  # two correct ones are left
    data = tiny.write_jsonl(tmp_path / "d.jsonl", rows)
    done = idiolect(
        *("audit", data, "--target", model, "--measures", "self-aligned", "-o", "r", "--json"),
        *ALIGNED,
    )
    assert done.code == 0, done.err
    (warning,) = [w for w in done.data["warnings"] if "self-aligned" in w]
    # Only the first prompt has two correct answers to *other* prompts.
    assert "6 of 9 responses have no value" in warning
    assert "and 2 prompts have one" in warning
    contexts = [m for m in rows_of("r", Measurement) if m.context.startswith("self-aligned")]
    assert len(contexts) == 6  # three responses, two draws


def test_no_prompt_is_shown_its_own_answer_nor_that_of_a_twin(idiolect, tmp_path, model):
    from idiolect.pipeline.steps.self_aligned import with_answers
    from idiolect.records import Message

    rows = tiny.arithmetic_rows(3)
    rows.append(rows[0] | {"id": "twin"})
    data = tiny.write_jsonl(tmp_path / "d.jsonl", rows)
    done = idiolect(
        *("audit", data, "--target", model, "--measures", "self-aligned", "-o", "r", "--json"),
        *ALIGNED,
        *("--set", "self_aligned.examples=3"),
    )
    # Three others have an answer for sum-2 and sum-3, two for the twins.
    assert "6 of 12 responses have no value" in "".join(done.data["warnings"])
    system, user = Message(role="system", content="S"), Message(role="user", content="Q?")
    shown = with_answers((system, user), ["{{ one }}", "two"])
    assert shown[0] == system
    assert shown[1].content == (
        "These are answers to other problems. They show how to write an answer.\n\n"
        "Answer 1:\n{{ one }}\n\nAnswer 2:\ntwo\n\nNow answer this:\n\nQ?"
    )


def test_self_aligned_is_what_transformers_gives_behind_the_two_other_answers(
    idiolect, tmp_path, model, load
):
    """Of three prompts each has exactly two others, so only the order of the answers is drawn."""
    import torch

    from idiolect.pipeline.steps.self_aligned import with_answers
    from idiolect.records import Example

    data = tiny.write_jsonl(tmp_path / "d.jsonl", tiny.arithmetic_rows(3))
    done = idiolect(
        *("audit", data, "--target", model, "--measures", "self-aligned", "-o", "r"),
        *(*ALIGNED, "--set", "self_aligned.draws=1"),
    )
    assert done.code == 0, done.err
    target = load(max_length=1024)
    candidates = {c.id: c for c in rows_of("r", Candidate)}
    messages = {e.id: e.messages for e in rows_of("r", Example)}
    right = {c.example_id: c.text for c in candidates.values() if c.strategy == "column:right"}

    def nll(prompt, response):
        before = target.chat.render(prompt, response).prompt_ids
        ids = torch.tensor([[*before, *target.chat.render(prompt, response).response_ids]])
        labels = ids.clone()
        labels[:, : len(before)] = -100
        with torch.inference_mode():
            loss = target.module(ids, labels=labels).loss.item()
        return loss * (ids.shape[1] - len(before))

    found = [m for m in rows_of("r", Measurement) if m.context == "self-aligned-0"]
    assert len(found) == 9
    for m in found:
        candidate = candidates[m.candidate_id]
        one, two = (right[each] for each in right if each != candidate.example_id)
        prompt = messages[candidate.example_id]
        expected = [
            nll(with_answers(prompt, answers), candidate.text)
            for answers in ((one, two), (two, one))
        ]
        assert min(abs(m.nll - each) for each in expected) < 1e-3
        assert abs(m.nll - nll(prompt, candidate.text)) > 1e-2


def test_the_draws_depend_on_the_seed_and_on_nothing_else(idiolect, tmp_path, model):
    data = write(tmp_path / "d.jsonl", tiny.arithmetic_rows(5))
    found = {}
    for run, seed in (("a", 0), ("b", 0), ("c", 1)):
        done = idiolect(
            *("audit", data, "--target", model, "--measures", "self-aligned", "-o", run),
            *("--seed", seed, *ALIGNED),
        )
        assert done.code == 0, done.err
        found[run] = {
            (m.candidate_id, m.context): m.nll
            for m in rows_of(run, Measurement)
            if m.context.startswith("self-aligned")
        }
    assert found["a"] == found["b"]
    assert found["a"] != found["c"]


def test_a_response_that_fits_behind_its_prompt_but_not_behind_own_answers_keeps_its_score(
    idiolect, tmp_path, make_model
):
    rows = tiny.arithmetic_rows(3)
    rows[0]["responses"]["long"] = "The answer is 4. " * 28
    data = tiny.write_jsonl(tmp_path / "d.jsonl", rows)
    done = idiolect(
        *("audit", data, "--target", make_model(), "--measures", "self-aligned", "-o", "r"),
        *(*ALIGNED, "--json"),
    )
    assert done.code == 0, done.err
    failures = rows_of("r", Failure)
    assert failures
    assert all("(self-aligned-" in f.reason for f in failures)
    long = {c.id for c in rows_of("r", Candidate) if c.strategy == "column:long"}
    contexts = {m.context for m in rows_of("r", Measurement) if m.candidate_id in long}
    assert contexts == {"prompt"}
    assert rows_of("r", Verdict)


def test_a_resumed_run_scores_no_context_twice(idiolect, tmp_path, model, work):
    data = write(tmp_path / "d.jsonl", tiny.arithmetic_rows(3))
    common = ("audit", data, "--target", model, "--measures", ALL, *ALIGNED, "-o", "r")
    assert idiolect(*common).code == 0
    before, scored = rows_of("r", Measurement), work["scored"]
    assert scored > 0
    assert idiolect(*common).code == 0
    assert rows_of("r", Measurement) == before
    # The self-check at load time scores its probes anew; nothing else is scored.
    assert work["scored"] == scored

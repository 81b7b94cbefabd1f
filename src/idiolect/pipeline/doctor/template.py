"""The target's template: what is masked, what is trained, and whether scoring sees the same."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from idiolect.chat import ChatFormat
from idiolect.config import TargetConfig
from idiolect.errors import IdiolectError, TemplateError
from idiolect.models.tokenizer import chat_format, load_tokenizer, model_name, model_path
from idiolect.pipeline.doctor.checks import Check, ShownToken, problem
from idiolect.records import Example, Message

__all__ = ["PROBE", "check_template"]

PROBE = Example(
    id="probe",
    messages=(Message(role="user", content="How many apples are 2 apples and 3 apples?"),),
    reference="2 + 3 = 5. The answer is 5.",
)
"""Stands in where no data were named."""

_ROWS = 50


def check_template(
    config: TargetConfig, examples: Sequence[Example]
) -> tuple[list[Check], tuple[ShownToken, ...]]:
    """Look at template, mask, stop token and seam; needs the tokenizer and no weights.

    Args:
        config: The target.
        examples: Rows to look at; those without a reference are left out.
    """
    try:
        tokenizer = load_tokenizer(config)
        chat = chat_format(tokenizer, config)
    except IdiolectError as error:
        return [problem("template", error)], ()
    rows = [(e, e.reference) for e in examples if e.reference and e.reference.strip()][:_ROWS]
    rows = rows or [(PROBE, PROBE.reference or "")]
    example, response = rows[0]
    try:
        rendered = chat.render(example.messages, response)
    except TemplateError as error:
        return [problem("template", error)], ()
    trained = (*rendered.response_ids, *chat.suffix_ids)
    checks = [
        Check(
            name="template",
            status="ok",
            found=f"{chat.label} of {model_name(config)}, fingerprint {chat.fingerprint}",
        ),
        Check(
            name="generation prompt",
            status="ok",
            found=f"a prompt ends with {chat.prompt_text(example.messages)[-40:]!r}",
        ),
        _mask(rendered.prompt_ids, trained),
        _stop(tokenizer, chat, trained),
        *_stopping_elsewhere(tokenizer, chat, config),
        _padding(tokenizer, chat),
        _seam(tokenizer, chat, rows),
    ]
    shown = [(i, False) for i in rendered.prompt_ids] + [(i, True) for i in trained]
    return checks, tuple(
        ShownToken(id=i, text=tokenizer.decode([i], skip_special_tokens=False), trained=on)
        for i, on in shown
    )


def _mask(prompt_ids: Sequence[int], trained: Sequence[int]) -> Check:
    found = f"{len(prompt_ids)} tokens masked, {len(trained)} trained in the row below"
    if len(trained) > 1:
        return Check(name="mask", status="ok", found=found)
    return Check(
        name="mask",
        status="problem",
        found=found,
        fix="nothing of a response would be learned; check the reference column and the template",
    )


def _stop(tokenizer: Any, chat: ChatFormat, trained: Sequence[int]) -> Check:
    text = tokenizer.decode([chat.terminator_id], skip_special_tokens=False)
    if chat.terminator_id not in trained:
        return Check(
            name="stop token",
            status="problem",
            found=f"{text!r} is not among the trained tokens",
            fix="use a template that ends the assistant's turn; a model that never learned to "
            "stop does not stop",
        )
    added = tokenizer.added_tokens_decoder
    if chat.terminator_id in tokenizer.all_special_ids or chat.terminator_id in added:
        return Check(
            name="stop token", status="ok", found=f"{text!r} (id {chat.terminator_id}) is trained"
        )
    return Check(
        name="stop token",
        status="warning",
        found=f"{text!r} (id {chat.terminator_id}) is trained, and is no special token",
        fix="a response that holds it would be cut there; a template with an end-of-turn token "
        "is safer",
    )


def _stopping_elsewhere(tokenizer: Any, chat: ChatFormat, config: TargetConfig) -> list[Check]:
    """Look whether servers and `generate` stop where training ends a turn."""
    folder = Path(model_path(model_name(config)))
    stops: set[int] = {tokenizer.eos_token_id} - {None}
    for name in ("generation_config.json", "config.json"):
        file = folder / name
        if file.is_file():
            eos = json.loads(file.read_text(encoding="utf-8")).get("eos_token_id")
            stops |= set(eos) if isinstance(eos, list) else {eos} - {None}
    if chat.terminator_id in stops:
        return []
    text = tokenizer.decode([chat.terminator_id], skip_special_tokens=False)
    return [
        Check(
            name="stopping elsewhere",
            status="warning",
            found=f"the model's files stop generation at {sorted(stops)}, not at {text!r}",
            fix=f"idiolect stops there itself; for others add {chat.terminator_id} to "
            "eos_token_id in generation_config.json",
        )
    ]


def _padding(tokenizer: Any, chat: ChatFormat) -> Check:
    if tokenizer.pad_token_id != chat.terminator_id:
        return Check(name="padding", status="ok", found="not with the stop token")
    return Check(
        name="padding",
        status="warning",
        found="the tokenizer pads with the stop token",
        fix="trainers that mask the padding by its id then never train the stop (TRL masks by "
        "place and does not); set another pad_token there",
    )


def _seam(tokenizer: Any, chat: ChatFormat, rows: Sequence[tuple[Example, str]]) -> Check:
    """Compare the ids of scoring with those of a trainer that tokenises the whole row."""
    differing: list[tuple[str, str]] = []
    worded = 0
    for example, response in rows:
        try:
            rendered = chat.render(example.messages, response)
        except TemplateError as error:
            return problem("scoring = training", error)
        ours = (*rendered.prompt_ids, *rendered.response_ids, *chat.suffix_ids)
        joint = chat.joint_ids(example.messages, response)
        if ours == joint:
            continue
        differing.append((_around(tokenizer, ours, joint), _around(tokenizer, joint, ours)))
        texts = [tokenizer.decode(list(ids)) for ids in (ours, joint)]
        worded += "".join(texts[0].split()) != "".join(texts[1].split())
    if not differing:
        many = f"{len(rows)} rows" if len(rows) > 1 else "the row"
        return Check(
            name="scoring = training",
            status="ok",
            found=f"the ids of scoring are those of the whole conversation in {many}",
        )
    ours_text, joint_text = differing[0]
    return Check(
        name="scoring = training",
        status="problem" if worded else "warning",
        found=f"in {len(differing)} of {len(rows)} rows the whole conversation has other ids: "
        f"{joint_text} instead of {ours_text}",
        fix="the template says something else than the response; set target.thinking or the "
        "template's arguments"
        if worded
        else "white space at the seam, which idiolect leaves out of scoring as generation does; "
        "a trainer that renders whole conversations learns it with the response",
    )


def _around(tokenizer: Any, ids: Sequence[int], other: Sequence[int]) -> str:
    """Return the tokens at the first difference, with one before it."""
    first = next(
        (n for n, pair in enumerate(zip(ids, other, strict=False)) if pair[0] != pair[1]),
        min(len(ids), len(other)),
    )
    pieces = [tokenizer.decode([i]) for i in ids[max(0, first - 1) : first + 2]]
    return "|".join(repr(piece)[1:-1] for piece in pieces)

"""Known data sets: local files in the shape of the hub's rows, written for these tests."""

import json

import pytest
import tiny

from idiolect.config import DataConfig
from idiolect.data.named import find_named, named_datasets
from idiolect.data.outline import outline
from idiolect.data.read import read_dataset
from idiolect.errors import DataError
from idiolect.verification import get_verifier

ADD = "def add(a, b):\n    return a + b\n"
ROWS = {
    "gsm8k": {
        "question": "Ann has 2 pears and buys 1,200 more. How many are there?",
        "answer": "2 + 1200 = <<2+1200=1202>>1202 pears.\n#### 1,202",
    },
    "math-algebra": {
        "problem": "Solve $2x = 1$.",
        "level": "Level 1",
        "type": "Algebra",
        "solution": r"First $\boxed{9}$ seems right. Halving gives $x = \boxed{\frac{1}{2}}$.",
    },
    "ecqa": {
        "q_no": "a1",
        "q_concept": "rain",
        "q_text": "What falls from clouds?",
        **{f"q_op{n}": text for n, text in enumerate(("sand", "rain", "milk", "tea", "ink"), 1)},
        "q_ans": "rain",
        "taskA_pos": "Rain falls.",
        "taskA_neg": "Sand does not.",
        "taskB": "Clouds are water, and water falls as rain.",
    },
    "humaneval": {
        "task_id": "HumanEval/0",
        "prompt": 'def add(a, b):\n    """Add two numbers."""\n',
        "canonical_solution": "    return a + b\n",
        "test": "def check(candidate):\n    assert candidate(1, 2) == 3\n",
        "entry_point": "add",
    },
    "mbpp": {
        "task_id": 11,
        "text": "Write a function add that adds two numbers.",
        "code": ADD,
        "test_list": ["assert add(1, 2) == 3", "assert add(0, 0) == 0"],
        "test_setup_code": "",
        "challenge_test_list": [],
    },
    "esnli": {
        "premise": "A dog runs.",
        "hypothesis": "An animal moves.",
        "label": 0,
        "explanation_1": "A dog is an animal, and running is moving.",
        "explanation_2": "",
        "explanation_3": "",
    },
    "boolq": {
        "question": "is the moon made of rock",
        "passage": "The moon is a ball of rock.",
        "answer": True,
    },
    "piqa": {"goal": "Dry a plate.", "sol1": "Wet it.", "sol2": "Use a towel.", "label": 1},
    "winogrande": {
        "sentence": "The cup did not fit into the bag because _ was too small.",
        "option1": "the cup",
        "option2": "the bag",
        "answer": "2",
    },
    "hellaswag": {
        "ind": 4,
        "activity_label": "Baking",
        "ctx_a": "She opens the oven.",
        "ctx_b": "then she",
        "ctx": "She opens the oven. then she",
        "endings": ["swims away.", "takes out the bread.", "reads a sock.", "is a tree."],
        "source_id": "x",
        "split": "train",
        "split_type": "indomain",
        "label": "1",
    },
    "arc-challenge": {
        "id": "q7",
        "question": "Which of these is a liquid at room temperature?",
        "choices": {"text": ["iron", "water", "salt"], "label": ["A", "B", "C"]},
        "answerKey": "B",
    },
    "mmlu": {
        "question": "Which is prime?",
        "subject": "algebra",
        "choices": ["4", "6", "7", "8"],
        "answer": 2,
    },
    "drop": {
        "section_id": "s",
        "query_id": "d1",
        "passage": "The Bears scored in the first and in the third quarter.",
        "question": "Who scored?",
        "answers_spans": {"spans": ["The Bears"], "types": ["span"]},
    },
    "squad": {
        "id": "s1",
        "title": "Rivers",
        "context": "The Elbe flows into the North Sea.",
        "question": "Where does the Elbe end?",
        "answers": {"text": ["the North Sea", "North Sea"], "answer_start": [20, 24]},
    },
}
ANSWERS = {
    **{"gsm8k": "1,202", "math-algebra": r"\frac{1}{2}", "ecqa": "2", "esnli": "entailment"},
    **{"boolq": "True", "piqa": "2", "winogrande": "2", "hellaswag": "2", "arc-challenge": "2"},
    **{"mmlu": "3", "drop": "The Bears", "squad": "the North Sea"},
}


def example(tmp_path, name, **changes):
    path = tiny.write_jsonl(tmp_path / "rows.jsonl", [ROWS[name] | changes])
    dataset = read_dataset(DataConfig(path=str(path), dataset=name))
    assert not dataset.problems, dataset.problems
    return dataset, dataset.examples[0]


def test_there_is_a_row_here_for_every_known_data_set():
    assert ROWS.keys() == named_datasets().keys()


@pytest.mark.parametrize("name", ROWS)
def test_a_prompt_shows_all_that_is_asked_and_says_where_the_answer_goes(tmp_path, name):
    _, found = example(tmp_path, name)
    (message,) = found.messages
    assert message.role == "user"
    assert "Final Answer:" in message.content
    assert "{" not in message.content.replace("{1}", "")
    assert "\n\n\n" not in message.content
    shown = {k: v for k, v in ROWS[name].items() if isinstance(v, str) and k in QUESTIONS}
    assert shown
    for text in shown.values():
        assert text.strip() in message.content
    for number, choice in enumerate(found.choices or (), 1):
        assert f"\n({number}) {choice}" in message.content
    assert found.answer == ANSWERS.get(name)


QUESTIONS = {"question", "problem", "q_text", "prompt", "text", "premise", "goal", "sentence"}
QUESTIONS |= {"hypothesis", "passage", "context", "ctx", "activity_label"}


@pytest.mark.parametrize("name", [n for n in ROWS if named_datasets()[n].verifier != "code"])
def test_the_verifier_accepts_the_reference_and_nothing_wrong(tmp_path, name):
    dataset, found = example(tmp_path, name)
    assert dataset.verifier == named_datasets()[name].verifier
    verifier = get_verifier(dataset.verifier)
    wrong = "Final Answer: 1" if name != "mmlu" else "Final Answer: 4"
    right, not_right = verifier.check([(found, found.reference), (found, wrong)])
    assert right.status == "correct", right
    assert not_right.status == "incorrect", not_right


@pytest.mark.parametrize("name", ["humaneval", "mbpp"])
def test_the_reference_program_passes_its_tests(tmp_path, name):
    from idiolect.errors import ConfigError

    _, found = example(tmp_path, name)
    try:
        verifier = get_verifier("code", confirm_run_unsafe_code=True)
    except ConfigError as error:
        pytest.skip(str(error))
    wrong = found.reference.replace("a + b", "a - b - 1")
    right, not_right = verifier.check([(found, found.reference), (found, wrong)])
    assert right.status == "correct", right
    assert not_right.status == "incorrect", not_right


def test_a_prompt_is_what_a_reader_would_write(tmp_path):
    _, found = example(tmp_path, "arc-challenge")
    assert found.id == "q7"
    assert found.messages[0].content == (
        "Which of these is a liquid at room temperature?\n(1) iron\n(2) water\n(3) salt\n\n"
        "Give reasons first. Close with a line that holds `Final Answer:` and the number of the "
        "option."
    )
    _, found = example(tmp_path, "gsm8k")
    assert found.reference == "2 + 1200 = <<2+1200=1202>>1202 pears.\nFinal Answer: 1,202"


def test_template_syntax_in_a_row_is_text(tmp_path):
    _, found = example(tmp_path, "gsm8k", question="{{ 7 * 7 }} {% raw %}?")
    assert found.messages[0].content.startswith("{{ 7 * 7 }} {% raw %}?")


@pytest.mark.parametrize(
    ("split", "limit", "ids"),
    [
        ("fold-1", None, (0, 82)),
        ("fold-2", None, (82, 164)),
        ("train", None, (0, 82)),
        ("test", None, (82, 164)),
        ("fold-2", 3, (82, 85)),
        ("fold-1", 100, (0, 82)),
    ],
)
def test_humaneval_has_two_folds(tmp_path, split, limit, ids):
    rows = [ROWS["humaneval"] | {"task_id": f"HumanEval/{n}"} for n in range(164)]
    path = tiny.write_jsonl(tmp_path / "rows.jsonl", rows)
    config = DataConfig(path=str(path), dataset="humaneval", split=split, limit=limit)
    found = [e.id for e in read_dataset(config).examples]
    assert found == [f"HumanEval/{n}" for n in range(*ids)]


def test_existing_responses_stay_beside_a_known_data_set(tmp_path):
    _, found = example(tmp_path, "gsm8k", responses={"gpt": "Final Answer: 1202"})
    assert found.responses == {"gpt": "Final Answer: 1202"}


def test_a_row_that_is_none_of_the_set_is_a_problem_that_says_which(tmp_path):
    rows = [ROWS["ecqa"], ROWS["ecqa"] | {"q_ans": "snow"}, {"question": "?", "answer": "#### 1"}]
    path = tiny.write_jsonl(tmp_path / "rows.jsonl", rows)
    dataset = read_dataset(DataConfig(path=str(path), dataset="ecqa"))
    assert len(dataset.examples) == 1
    assert len(dataset.problems) == 2
    for number, problem in enumerate(dataset.problems, 2):
        assert f"rows.jsonl:{number}: is no row of tasksource/ecqa" in problem.message


def test_a_name_is_taken_where_a_path_is_and_located_on_the_hub():
    config = DataConfig(path="gsm8k", split="test", limit=7)
    named = find_named(config)
    located, skipped = named.located(config)
    assert skipped == 0
    assert located == DataConfig(
        path="openai/gsm8k",
        subset="main",
        split="test",
        revision="740312add88f781978c0658806c59bc2815b9866",
        limit=7,
    )
    own, _ = named.located(DataConfig(path="gsm8k", revision="abc", split="train[:5%]"))
    assert (own.revision, own.split) == ("abc", "train[:5%]")


def test_a_file_goes_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.write_jsonl(tmp_path / "gsm8k", [{"prompt": "x"}])
    assert find_named(DataConfig(path="gsm8k")) is None
    assert find_named(DataConfig(path="owner/gsm8k")) is None
    assert find_named(DataConfig(path="gsm8k.jsonl")) is None


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (DataConfig(path="gms8k"), "no known data set; did you mean 'gsm8k'"),
        (DataConfig(path="x.jsonl", dataset="hella-swag"), "did you mean 'hellaswag'"),
    ],
)
def test_a_misspelt_name_gets_the_nearest_right_one(config, words):
    with pytest.raises(DataError, match=words):
        find_named(config)


@pytest.mark.parametrize("name", ROWS)
def test_an_entry_says_where_it_is_and_under_which_licence(name):
    named = named_datasets()[name]
    assert "/" in named.hub
    assert named.licence
    assert {"train", "test"} <= named.splits.keys()
    # A commit, or the hub's own conversion of a set that main only has code for.
    assert named.revision == "refs/convert/parquet" or len(bytes.fromhex(named.revision)) == 20


def test_a_command_takes_a_file_in_the_shape_of_a_known_set(idiolect, tmp_path, tiny_model):
    rows = [ROWS["boolq"] | {"question": f"is {n} a number"} for n in range(3)]
    data = tiny.write_jsonl(tmp_path / "d.jsonl", rows)
    done = idiolect("audit", data, "--set", "data.dataset=boolq", "--target", tiny_model, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["verifier"].startswith("exact (what ")
    assert done.data["table"][0]["verdicts"] == {"correct": 3}
    assert done.data["mapping"] == [
        "boolq: as google/boolq has it "
        "(revision 35b264d03638db9f4ce671b711558bf7ff0f80d5, CC-BY-SA-3.0)"
    ]


@pytest.mark.parametrize("name", ROWS)
def test_a_set_that_is_not_here_is_stood_in_for_without_a_network(name):
    for split in named_datasets()[name].splits:
        found = outline(DataConfig(path=name, split=split, limit=5))
        assert found.missing == f"{name} {split} (5 rows)"
        assert len({e.id for e in found.dataset.examples}) == 5
        assert found.dataset.examples[0].reference
    if named_datasets()[name].verifier != "code":
        verifier = get_verifier(found.dataset.verifier)
        example = found.dataset.examples[0]
        (finding,) = verifier.check([(example, example.reference)])
        assert finding.status == "correct"


def test_the_rows_of_a_stand_in_are_those_of_the_split():
    assert len(outline(DataConfig(path="gsm8k", split="test")).dataset.examples) == 1319
    assert len(outline(DataConfig(path="humaneval", split="fold-2")).dataset.examples) == 82
    with pytest.raises(DataError, match="how many rows split 'extra'"):
        outline(DataConfig(path="gsm8k", split="extra"))


def test_a_local_file_is_read_and_nothing_stands_in_for_it(tmp_path):
    path = tiny.write_jsonl(tmp_path / "rows.jsonl", [ROWS["gsm8k"]])
    found = outline(DataConfig(path=str(path), dataset="gsm8k"))
    assert found.missing is None
    assert found.dataset.examples[0].answer == "1,202"

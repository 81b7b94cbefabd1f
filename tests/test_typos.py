"""A typo names the nearest right name: command, flag, key, strategy, verifier, measure, form."""

import pytest
import tiny


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("biuld",), "Did you mean 'build'?"),
        (("lab", "dta"), "Did you mean 'data'?"),
        (("audit", "--traget", "x"), "No such option: --traget; did you mean '--target'?"),
        (("export", "run", "--ouput", "x"), "did you mean '--output'?"),
        (("build", "DATA", "--set", "onw.samples=2"), "'onw'; did you mean 'own'?"),
        (("build", "DATA", "--set", "own.smaples=2"), "did you mean 'samples'?"),
        (("audit", "DATA", "-c", "CONFIG"), "unknown key 'target.modle'; did you mean 'model'?"),
        (("build", "DATA", "--strategies", "onw"), "did you mean 'own'?"),
        (("build", "DATA", "--strategies", "column:rigth"), "did you mean 'right'?"),
        (("build", "DATA", "--verifier", "numerc"), "did you mean 'numeric'?"),
        (("audit", "DATA", "--measures", "perplexty"), "did you mean 'perplexity'?"),
        (("verify", "DATA", "--responses", "refrence"), "did you mean 'reference'?"),
        (("verify", "DATA", "--columns", "prompt=qestion"), "did you mean 'question'?"),
        (("audit", "DATA", "--target", "lab:ambr"), "did you mean 'lab:amber'?"),
        (("audit", "DATA", "--target", "lab:amber", "--format", "bear"), "did you mean 'bare'?"),
    ],
)
def test_a_typo_names_the_nearest_right_name(idiolect, tmp_path, words, meant):
    data = tiny.write_jsonl(tmp_path / "data.jsonl", tiny.arithmetic_rows(2))
    config = tmp_path / "my.yaml"
    config.write_text("target: {modle: x}\n")
    places = {"DATA": data, "CONFIG": config}
    printed = idiolect(*(places.get(word, word) for word in words))
    assert printed.code == 3
    assert meant in printed.err
    assert "Traceback" not in printed.err


def test_a_word_that_is_near_to_nothing_gets_no_suggestion(idiolect):
    for words in (("zzzz",), ("audit", "--zzzz", "x")):
        printed = idiolect(*words)
        assert printed.code == 3
        assert "id you mean" not in printed.err


def test_a_mistake_in_a_command_names_the_help_of_that_command(idiolect):
    assert "Try 'idiolect audit --help'." in idiolect("audit", "--zzzz").err
    assert "Try 'idiolect lab data --help'." in idiolect("lab", "data", "-n", "x").err
    assert "Try 'idiolect --help'." in idiolect("zzzz").err


@pytest.mark.parametrize("group", [(), ("lab",)])
def test_no_line_of_the_list_of_commands_is_cut_off(idiolect, group):
    words = idiolect(*group, "--help").out.partition("Commands:")[2]
    assert words
    assert "..." not in words

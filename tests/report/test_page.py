import dataclasses
import json
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_run import write_run

from idiolect.cli import main
from idiolect.errors import DataError, RunError
from idiolect.records import Candidate, Failure, Measurement, Spend
from idiolect.report.browser import sample_examples
from idiolect.report.charts import distribution_chart
from idiolect.report.facts import read_facts
from idiolect.report.page import embedded_json, write_report
from idiolect.report.study import load_study
from idiolect.report.words import number, percent, plain, signed, usd, verdict_cell, visible
from idiolect.runs.store import Run, RunReader

IDS = [f"row-{i}" for i in range(100)]


@given(
    st.recursive(
        st.text() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_embedded_json_cannot_end_its_element_and_says_the_same(value):
    text = embedded_json({"v": value})
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == {"v": value}


def test_a_sample_holds_what_the_page_names_and_depends_on_seed_and_ids_alone():
    sample = sample_examples(IDS, 10, named={"row-3", "row-99"}, seed=1)
    assert len(sample.ids) == 10
    assert {"row-3", "row-99"} <= sample.ids
    assert sample == sample_examples(IDS[::-1], 10, named={"row-99", "row-3"}, seed=1)
    assert sample.ids != sample_examples(IDS, 10, named={"row-3", "row-99"}, seed=2).ids
    assert sample.words.startswith("10 of 100 examples, drawn at random, 2 of them because")


def test_a_small_run_is_there_as_a_whole():
    assert sample_examples(IDS, 100, named=set(), seed=0).words == "All 100 examples."


def test_a_limit_holds_also_for_what_the_page_names():
    assert len(sample_examples(IDS, 5, named=set(IDS), seed=0).ids) == 5
    assert not sample_examples(IDS, 0, named=set(IDS), seed=0).ids


def test_facts_add_up(tmp_path):
    run = write_run(tmp_path / "run", 6)
    with Run(run, {"command": "build"}) as held:
        for i in range(2):
            held.add(
                Failure(
                    subject_id=f"f{i}",
                    example_id="row-0",
                    step="generate",
                    strategy="own",
                    reason=f"reason {i}",
                    retryable=True,
                ),
                Spend(
                    subject_id="row-0/own",
                    attempt=1,
                    request=i,
                    example_id="row-0",
                    strategy="own" if i else "own/rung",
                    model="m",
                    tokens_in=11,
                    tokens_out=3 + i,
                    cost_usd=0.0125 if i else None,
                    cached=bool(i),
                ),
            )
    with RunReader(run) as reader:
        facts = read_facts(reader, seed=0)
    assert facts.examples == 6
    # Own answers of rows 0 and 3 are wrong; there the other column is chosen.
    assert facts.chosen == {"own": 4, "column:other": 2}
    assert facts.spend == {
        "own": {
            "requests": 2,
            "cached": 1,
            "tokens_in": 22,
            "tokens_out": 7,
            "usd": pytest.approx(0.0125),
            "unknown": 1,
        }
    }
    assert facts.failures == (("generate", 2, "reason 0"),)
    own = next(row for row in facts.table if row.strategy == "own")
    cell = verdict_cell(own)
    assert cell is not None
    # Wilson, 95 %, for 4 of 6.
    assert (cell.correct, cell.checked) == (4, 6)
    assert (cell.low, cell.high) == (
        pytest.approx(0.3000, abs=1e-4),
        pytest.approx(0.9032, abs=1e-4),
    )
    # `Hence one obtains #`: each token is 2 nats, "Hence" and "one" share one of them.
    accents = {a.strategy: a for a in facts.accents}
    assert accents["reference"].phrases[0].responses == 6
    assert accents["own"].in_own is None
    confound = next(c for c in facts.confounds if c.strategy == "own")
    # NLL per token is 0.25 * (1 + row % 5 / 10): rows 1, 2, 4, 5 are right, 0 and 3 wrong.
    assert confound.perplexity_correct == pytest.approx(
        2.718281828 ** (0.25 * (1.1 + 1.2 + 1.4 + 1.0) / 4)
    )
    assert confound.perplexity_wrong == pytest.approx(2.718281828 ** (0.25 * (1.0 + 1.3) / 2))
    assert (confound.answer_visible, accents["own"].looked_at) == (2, 6)


def test_a_chart_is_clean_markup_with_a_description_and_no_style():
    chart = distribution_chart({"a <b> $x_1$": [1.0, 2.0, 4.0], "b": [1.0, 1.0]})
    assert chart is not None
    for svg in chart.svgs:
        root = ET.fromstring(svg)
        assert "style" not in svg
        assert "#0" not in svg.replace("url(#", "")  # no placeholder colour is left
        assert "var(--accent)" in svg
        assert "a <b> $x_1$: median 2.00" in (root.findtext("desc") or "")
        assert "a <b> $x_1$" in [text.text for text in root.iter("text")]
    ids = [re.findall(r' id="([^"]+)"', svg) for svg in chart.svgs]
    assert not set(ids[0]) & set(ids[1])


def test_no_chart_is_drawn_of_nothing():
    assert distribution_chart({}) is None
    assert distribution_chart({"a": []}) is None


def test_a_page_is_the_same_whenever_it_is_written(tmp_path):
    run = write_run(tmp_path / "run", 3)
    first = write_report(run).path.read_bytes()
    assert write_report(run).path.read_bytes() == first
    assert b"http://" not in first.replace(b'xmlns="http://www.w3.org/2000/svg"', b"")


def test_a_run_without_scores_or_verdicts_has_a_page_too(tmp_path):
    with Run(tmp_path / "run", {"command": "build"}):
        pass
    written = write_report(tmp_path / "run")
    assert (written.headline, written.of) == ("Nothing was scored.", 0)


def test_a_file_that_is_no_study_is_named(tmp_path):
    (tmp_path / "study.json").write_text('{"gains": 1}')
    with pytest.raises(DataError, match=r"study\.json: is no result of a study \(gains: "):
        load_study(tmp_path / "study.json")


def test_the_command_says_where_the_page_is(tmp_path, capsys):
    run = write_run(tmp_path / "run", 4)
    assert main(["report", str(run), "--examples", "2", "-o", str(tmp_path / "x.html")]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "The references are foreign to the target."
    assert "x.html" in out
    assert "2 of 4 examples" in out


def test_a_directory_without_a_run_is_named(tmp_path):
    with pytest.raises(RunError, match="there is no run here"):
        write_report(tmp_path)


def test_numbers_read_well():
    assert [number(-0.8), signed(-0.8)] == ["\N{MINUS SIGN}0.80", "\N{MINUS SIGN}0.8"]
    assert [number(1234.567), number(None), number(3.0, 0)] == ["1,234.57", "–", "3"]
    assert [percent(0.256), percent(None)] == ["26 %", "–"]
    assert [usd(None), usd(0.0), usd(0.0123), usd(12.5)] == ["unknown", "free", "$0.0123", "$12.50"]
    assert plain({"a_b": [{"c": 1}, "d"], "e": {}, "f": None, "g": False}) == (
        "a_b c 1, d; g False"
    )
    assert visible("a\x00b\x7f\tc\n") == "a␀b␡\tc\n"


def test_rungs_of_the_ladder_are_no_strategies_and_every_perplexity_stands_in_its_own_row(tmp_path):
    run = write_run(tmp_path / "run", 4)
    with Run(run, {"command": "build"}) as opened:
        rows = [c for c in opened.all(Candidate) if c.strategy == "own"]
        measured = {m.candidate_id: m for m in opened.all(Measurement)}
        for name in ("ladder/hinted", "ladder"):
            for row in rows:
                candidate = dataclasses.replace(row, id=f"{row.id}/{name}", strategy=name)
                other = dataclasses.replace(measured[row.id], candidate_id=candidate.id)
                opened.add(candidate, other)
    with RunReader(run) as reader:
        facts = read_facts(reader, seed=0)
    named = ["reference", "own", "column:other", "ladder"]
    assert [row.strategy for row in facts.table] == named
    assert [c.strategy for c in facts.confounds] == named
    assert list(facts.perplexities) == named
    assert {a.strategy for a in facts.accents} <= set(named)
    assert write_report(run).path.is_file()


def test_a_run_without_findings_says_so_and_every_section_is_in_the_navigation(tmp_path):
    page = write_report(write_run(tmp_path / "run", 3)).path.read_text()
    sections = re.findall(r'<section id="([a-z]+)"', page)
    assert {"hygiene", "spend"} <= set(sections)
    assert set(sections) - {"verdict"} == set(re.findall(r'<a href="#([a-z]+)">', page)) - {
        "verdict"
    }

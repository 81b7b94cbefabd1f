"""The report in a real browser. All tests of the browser are in this file, so that one
browser serves them all and is closed before tests of other files start event loops.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from report_run import write_run

pytest.importorskip("matplotlib")
playwright = pytest.importorskip("playwright.sync_api")

from axe_playwright_python.sync_playwright import Axe  # noqa: E402

from idiolect.report import write_report  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
IS_REQUIRED = bool(os.environ.get("IDIOLECT_TEST_NEEDS_BROWSER"))
pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not IS_REQUIRED,
    reason="no chromium on this machine (Debian and Ubuntu: apt-get install chromium)",
)

HOSTILE = (
    "<script>window.harm = 1</script></script></textarea><img src=x onerror='window.harm = 2'>"
    " {{ 7 * 7 }} </title><!-- \u2028\u2029 שלום עולם \u202eright to left\u202c 👩‍👩‍👧 \U0001f600"
    " nul:\x00 escape:\x1b[31m end"
)


def compared(name: str, points: float) -> dict:
    gap = {"mean": points / 100, "low": points / 100 - 0.03, "high": points / 100 + 0.03}
    difference = gap | {"examples": 90, "seeds": 2, "p": 0.001}
    return {"first": name, "second": "base", "verdict": "better", "difference": difference}


STUDY = {
    "words": ["Own answers teach more."],
    "gains": [compared("own", 12.5), compared("reference", 7.0)],
    "losses": [compared("own", -1.0), compared("reference", -6.0)],
    "predicted": {"perplexity": {"n": 2, "value": None, "interval": None}},
}


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    """Return the page of a run of 40 examples; row-9 has hostile responses."""
    texts = {
        "reference": HOSTILE,
        "column:other": "x<b>y</b>" + "long text " * 10_000,
        "own": "قال إن هناك " + HOSTILE,
    }
    run = write_run(tmp_path_factory.mktemp("runs") / "run", 40, texts=texts)
    (run / "study.json").write_text(json.dumps(STUDY))
    return write_report(run).path


@pytest.fixture
def open_page(browser, report) -> Iterator:
    """Return a function that opens the page and fails on any complaint or request."""
    contexts, complaints, requests = [], [], []

    def open_(path: Path = report, *, width: int = 1280, scheme: str = "light", fragment: str = ""):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, has_touch=width < 600
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri() + fragment)
        page.wait_for_selector("#hits button")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in requests if url.startswith("file:")]) == len(contexts)


def test_the_verdict_comes_first_and_nothing_is_asked_of_the_network(open_page):
    page = open_page()
    title = "Training on own helped most: +12.5 points on the task."
    assert page.locator("h1").inner_text() == title
    assert page.locator("main section").first.get_attribute("id") == "verdict"
    assert page.locator("#strategies tbody tr").count() == 3
    # 26 of the 40 own answers are right; Wilson, 95 %: 49.5 to 77.9 %.
    own = page.locator("#strategies tbody tr", has_text="own").inner_text()
    assert "26/40" in own
    assert "50–78 %" in own or "49–78 %" in own


def test_a_study_shows_gain_beside_forgetting_and_says_what_it_cannot_tell(open_page):
    page = open_page()
    order = page.locator("main > section").evaluate_all("all => all.map(e => e.id)")
    assert order[:3] == ["verdict", "effects", "strategies"]
    own = page.locator("#effects tbody tr").first.inner_text()
    assert "+12.5 n = 90 × 2" in own
    assert "+9.5 to +15.5" in own
    assert "\u22121.0" in own
    page.get_by_text("All that the study found").click()
    assert page.get_by_text("Own answers teach more.").is_visible()
    assert "too few to tell" in page.locator("#effects").inner_text()
    assert "own: gain +12.5" in page.locator("#effects svg.wide desc").text_content()


def test_the_policy_refuses_a_script_and_a_request_that_model_text_could_bring(browser, report):
    page = browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(report.as_uri())
    page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.harm = 3';"
        " document.body.append(s);"
        " const i = document.createElement('img'); i.src = 'https://example.invalid/x.png';"
        " document.body.append(i); }"
    )
    page.wait_for_timeout(50)
    assert page.evaluate("window.harm") is None
    assert len(complaints) == 2
    assert all("Content Security Policy" in complaint for complaint in complaints)
    page.close()


def test_search_and_filters_find_examples(open_page):
    page = open_page()
    count = page.locator("#count")
    assert count.inner_text() == "40 examples"
    assert page.locator("#hits li").count() == 25
    page.click("#more")
    assert page.locator("#hits li").count() == 15
    page.fill("#q", "obtains 17")
    playwright.expect(count).to_have_text("1 of 40 examples")
    assert "Question 17" in page.locator("#example").inner_text()
    page.fill("#q", "")
    playwright.expect(count).to_have_text("40 examples")
    page.select_option("#f-strategy", "own")
    page.select_option("#f-verdict", "incorrect")
    assert count.inner_text() == "14 of 40 examples"
    page.select_option("#f-chosen", "yes")
    assert count.inner_text() == "0 of 40 examples"
    assert page.locator("#example").inner_text() == "No example fits."
    page.select_option("#f-verdict", "correct")
    assert count.inner_text() == "26 of 40 examples"


def test_all_candidates_stand_side_by_side_with_verdict_score_cost_and_reason(open_page):
    page = open_page(fragment="#example=row-1")
    cards = page.locator(".candidate")
    assert cards.count() == 3
    first, second, third = (cards.nth(i).inner_text() for i in range(3))
    assert first.startswith("own\ncorrect\nchosen")
    assert "perplexity 1.32" in first  # exp(0.25 * 1.1)
    assert "The most familiar of the correct ones." in first
    assert "$0.01250" in second
    assert "edit to own 0.40" in second  # 2 of 5 words: "there are" and "we get"
    assert "Read “1” by last-number." in third
    tops = [cards.nth(i).bounding_box()["y"] for i in (0, 1)]
    assert tops[0] == tops[1]


def test_changes_against_the_own_answer_are_marked(open_page):
    page = open_page(fragment="#example=row-1")
    page.get_by_role("radio", name="Changes to own").check()
    card = page.locator(".candidate", has_text="column:other")
    assert card.locator("del").inner_text().strip() == "there are"
    assert card.locator("ins").inner_text().strip() == "we get"


def test_a_token_tells_its_numbers_to_the_mouse_the_keyboard_and_a_finger(open_page):
    page = open_page(fragment="#example=row-1")
    token = page.locator(".candidate", has_text="reference").locator(".tok").nth(1)
    assert "s3" in token.get_attribute("class").split()  # 2 nats: three limits are reached
    token.hover()
    tip = page.locator("#tip")
    # exp(-2) = 0.1353
    assert tip.inner_text() == '"e on"\n2.00 nats, probability 13.5 %, rank 3'
    page.mouse.move(0, 0)
    assert not tip.is_visible()
    page.locator(".candidate", has_text="own").first.locator(".model-text").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert tip.inner_text().startswith('"here"\n0.25 nats')
    assert page.locator("[aria-describedby=tip]").inner_text() == "here"
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    phone = open_page(width=380, fragment="#example=row-1")
    phone.locator(".tok").nth(3).tap()
    assert "nats, probability" in phone.locator("#tip").inner_text()


@pytest.mark.parametrize("mode", ["Surprisal", "Changes to own", "Text"])
def test_hostile_responses_are_shown_and_harmless(open_page, mode):
    page = open_page(fragment="#example=row-9")
    page.get_by_role("radio", name=mode, exact=True).check()
    card = page.locator(".candidate", has=page.locator("h3", has_text="reference"))
    shown = card.locator(".model-text").text_content()
    expected = HOSTILE.replace("\x00", "␀").replace("\x1b", "␛")
    if mode == "Changes to own":
        removed = card.locator("del").all_text_contents()
        assert len(removed) >= 1
        for part in ("<script>window.harm = 1</script>", "</textarea>", "nul:␀"):
            assert part in shown
    else:
        assert shown == expected
    assert page.evaluate("window.harm") is None
    assert page.locator("#example script, #example img, #example b").count() == 0
    long = page.locator(".candidate", has=page.locator("h3", has_text="column:other"))
    if mode == "Text":
        text = long.locator(".model-text").text_content()
        assert text == "x<b>y</b>" + "long text " * 10_000


@pytest.mark.parametrize("fragment", ["", "#example=row-9"])
def test_a_phone_never_scrolls_sideways(open_page, fragment):
    page = open_page(width=380, fragment=fragment)
    for mode in ("Surprisal", "Changes to own", "Text"):
        page.get_by_role("radio", name=mode, exact=True).check()
        assert page.evaluate("document.documentElement.scrollWidth") == 380
    assert page.locator("svg.narrow").first.is_visible()
    assert not page.locator("svg.wide").first.is_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 380)])
def test_contrast_and_labels_pass_axe(open_page, scheme, width):
    page = open_page(scheme=scheme, width=width, fragment="#example=row-3")
    for mode in ("Surprisal", "Changes to own"):
        page.get_by_role("radio", name=mode, exact=True).check()
        violations = Axe().run(page).response["violations"]
        assert [(v["id"], [n["html"][:120] for n in v["nodes"][:3]]) for v in violations] == []


def test_the_switch_turns_the_scheme(open_page):
    page = open_page(scheme="dark")
    button, paper = page.locator("#scheme"), "getComputedStyle(document.body).backgroundColor"
    assert button.get_attribute("aria-pressed") == "true"
    dark = page.evaluate(paper)
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    light = page.evaluate(paper)
    assert light != dark
    assert page.evaluate("getComputedStyle(document.querySelector('#hits button')).color") != dark


def test_a_link_of_the_accent_list_opens_an_example_that_holds_the_phrase(open_page):
    page = open_page()
    page.fill("#q", "nothing like it")
    playwright.expect(page.locator("#count")).to_have_text("0 of 40 examples")
    page.locator("#accents .card", has_text="reference").locator("a").first.click()
    assert "Hence one obtains" in page.locator("#example").inner_text()


@pytest.mark.parametrize("button", [False, True])
def test_a_dark_page_prints_dark_ink_on_white(open_page, button):
    page = open_page(scheme="light" if button else "dark", width=703)
    if button:
        page.click("#scheme")
    page.emulate_media(media="print")
    colours = "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
    assert page.eval_on_selector("body", colours) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    names = page.locator("#distributions svg.wide text", has_text="own").first
    assert names.evaluate("e => getComputedStyle(e).fill") == "rgb(0, 0, 0)"
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_all_columns_and_rules_of_a_table_are_on_the_paper_and_what_was_folded_is_open(open_page):
    page = open_page(width=703)
    page.emulate_media(media="print")
    wide = "all => all.filter(e => e.scrollWidth > e.clientWidth).map(e => e.ariaLabel)"
    assert page.eval_on_selector_all(".scroll", wide) == []
    first = page.locator("#strategies tbody th").first
    assert first.evaluate("e => getComputedStyle(e).position") == "static"
    assert page.get_by_text("Own answers teach more.").is_visible()
    assert page.get_by_text("Printed: the one example that was open.").is_visible()
    assert not page.locator(".filters").is_visible()


def test_five_thousand_examples_stay_usable(open_page, tmp_path_factory):
    run = write_run(tmp_path_factory.mktemp("large") / "run", 5000)
    written = write_report(run)
    assert (written.examples, written.of) == (200, 5000)
    assert written.bytes < 2_000_000
    page = open_page(written.path)
    assert "200 of 5,000 examples, drawn at random" in page.locator("#examples .intro").inner_text()
    assert page.locator("#count").inner_text() == "200 examples"
    assert "5,000" in page.locator("#verdict").inner_text()

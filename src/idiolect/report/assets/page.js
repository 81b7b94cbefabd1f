"use strict";
// The example browser. Text of models is put on the page as text nodes only.
(() => {
  const byId = (id) => document.getElementById(id);
  const examples = JSON.parse(byId("data").textContent).examples;
  const PAGE = 25;
  const STEPS = [0.5, 1, 2, 4, 6, 8];
  const state = { hits: examples, from: 0, current: null, mode: "surprisal" };

  const make = (tag, className, ...children) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children.filter((child) => child !== null && child !== ""));
    return element;
  };

  // Control characters as their pictures, so that they can be seen.
  const visible = (text) =>
    text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
      .replace(/\u007f/g, "\u2421").replace(/[\u0080-\u009f]/g, "\ufffd");
  const textOf = (candidate) => (candidate.text === null ? candidate.pieces.join("") : candidate.text);
  const fixed = (value, digits) => value.toFixed(digits);
  const money = (cost) => (cost === null ? "cost unknown" : cost === 0 ? "free" : "$" + fixed(cost, cost < 1 ? 5 : 2));

  // Finding

  const matches = (example, wanted) => {
    const fits = (c) =>
      (!wanted.strategy || c.strategy === wanted.strategy) &&
      (!wanted.verdict || c.verdict === wanted.verdict) &&
      (!wanted.chosen || c.chosen === (wanted.chosen === "yes"));
    const candidates = example.candidates.filter(fits);
    const filtered = wanted.strategy || wanted.verdict || wanted.chosen;
    if (filtered && !candidates.length) return false;
    if (!wanted.text) return true;
    const holds = (text) => text.toLowerCase().includes(wanted.text);
    return holds(example.id) || example.prompt.some(([, text]) => holds(text)) || candidates.some((c) => holds(textOf(c)));
  };

  const find = () => {
    const wanted = {
      text: byId("q").value.trim().toLowerCase(),
      strategy: byId("f-strategy").value,
      verdict: byId("f-verdict").value,
      chosen: byId("f-chosen").value,
    };
    state.hits = examples.filter((example) => matches(example, wanted));
    state.from = 0;
    listHits();
    if (!state.hits.includes(state.current)) show(state.hits[0] || null);
  };

  const listHits = () => {
    const { hits, from } = state;
    byId("count").textContent = hits.length === examples.length ? `${hits.length} examples` : `${hits.length} of ${examples.length} examples`;
    byId("hits").replaceChildren(...hits.slice(from, from + PAGE).map((example) => {
      const start = make("span", "start", visible(example.prompt[example.prompt.length - 1][1].slice(0, 200)));
      start.dir = "auto";
      const button = make("button", "", make("span", "id", make("bdi", "", visible(example.id))), start);
      button.type = "button";
      button.setAttribute("aria-current", String(example === state.current));
      button.addEventListener("click", () => { show(example); });
      return make("li", "", button);
    }));
    byId("page").textContent = hits.length ? `${from + 1}–${Math.min(from + PAGE, hits.length)}` : "";
    byId("back").disabled = from === 0;
    byId("more").disabled = from + PAGE >= hits.length;
  };

  const turn = (step) => { state.from += step * PAGE; listHits(); };

  // One example

  const show = (example) => {
    state.current = example;
    hideTip();
    const at = state.hits.indexOf(example);
    if (at >= 0 && (at < state.from || at >= state.from + PAGE)) state.from = at - (at % PAGE);
    listHits();
    const box = byId("example");
    if (!example) { box.replaceChildren(make("p", "", "No example fits.")); return; }
    const turns = example.prompt.map(([role, text]) => make("div", "turn", make("h4", "", role), plain(text)));
    const head = make("h3", "", make("bdi", "", visible(example.id)));
    const answer = example.answer === null ? "" : make("p", "facts", "Answer: ", make("bdi", "", visible(example.answer)));
    const failures = example.failures.map((reason) => make("p", "warning", visible(reason)));
    box.replaceChildren(head, ...turns, ...(answer ? [answer] : []), ...failures, make("div", "candidates", ...example.candidates.map(card)));
    byId("scale").hidden = state.mode !== "surprisal" || !example.candidates.some((c) => c.nlls);
  };

  const card = (c) => {
    const name = c.strategy + (c.sample ? ` #${c.sample + 1}` : "");
    const title = make("h3", "", make("bdi", "", visible(name)), make("span", "mark " + c.verdict, c.verdict), c.chosen ? make("span", "mark correct", "chosen") : "");
    const facts = [
      c.perplexity === null ? "not scored" : `perplexity ${fixed(c.perplexity, 2)}`,
      c.tokens === null ? "" : `${c.tokens} tokens`,
      c.edit === null ? "" : `edit to own ${fixed(c.edit, 2)}`,
      money(c.cost),
      c.model ? `by ${visible(c.model)}` : "",
      c.finish === "length" ? "cut off" : "",
    ].filter(Boolean).join(" · ");
    const read = c.read === null ? "" : `Read “${visible(c.read)}”${c.rule ? ` by ${visible(c.rule)}` : ""}. `;
    const sentence = (text) => (text ? `${visible(text[0].toUpperCase() + text.slice(1))}. ` : "");
    const why = [read, sentence(c.detail), sentence(c.reason), c.failure ? `Failed: ${visible(c.failure)}` : ""].join("").trim();
    const box = make("section", "candidate" + (c.chosen ? " chosen" : ""), title, make("p", "facts", facts), body(c), why ? make("p", "why", why) : "");
    box.setAttribute("aria-label", name);
    return box;
  };

  const body = (c) => {
    if (state.mode === "surprisal" && c.nlls) return tokens(c);
    if (state.mode === "changes" && c.diff) return changes(c);
    const box = plain(textOf(c));
    if (state.mode === "text" || (state.mode === "changes" && c.strategy === "own" && !c.sample)) return box;
    const missing = state.mode === "changes" ? "No comparison: there is no own answer, or the text is too long." : "The tokens of this response were not kept.";
    return make("div", "", box, make("p", "facts", missing));
  };

  const plain = (text) => textBox(visible(text));

  const textBox = (...children) => {
    const box = make("div", "model-text", ...children);
    box.dir = "auto";
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "What was written");
    return box;
  };

  const changes = (c) => textBox(...c.diff.map(([kind, text]) => make(kind === "kept" ? "span" : kind === "added" ? "ins" : "del", "", visible(text))));

  const tokens = (c) => {
    const box = textBox(...c.pieces.map((piece, i) => {
      const step = STEPS.filter((limit) => c.nlls[i] >= limit).length;
      const span = make("span", "tok" + (step ? " s" + step : ""), visible(piece));
      span.dataset.i = i;
      span.tabIndex = -1;
      return span;
    }));
    box.setAttribute("aria-label", "Tokens with their surprisal. Arrow keys go from token to token.");
    const span = (node) => (node instanceof Element && node.classList.contains("tok") ? node : null);
    const tell = (node) => { if (span(node)) showTip(node, c); };
    box.addEventListener("pointerover", (event) => tell(event.target));
    box.addEventListener("pointerout", () => { if (span(document.activeElement)) tell(document.activeElement); else hideTip(); });
    box.addEventListener("focusin", (event) => tell(event.target));
    box.addEventListener("focusout", hideTip);
    box.addEventListener("scroll", hideTip);
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") hideTip();
      const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!way) return;
      event.preventDefault();
      const at = span(document.activeElement);
      const next = at ? (way > 0 ? at.nextElementSibling : at.previousElementSibling) : box.firstElementChild;
      if (next) next.focus();
    });
    return box;
  };

  // Numbers of a token

  const tip = byId("tip");
  const showTip = (span, c) => {
    const i = Number(span.dataset.i);
    const nll = c.nlls[i];
    const rank = c.ranks ? `, rank ${c.ranks[i].toLocaleString("en")}` : "";
    const chance = Math.exp(-nll);
    const share = chance >= 0.001 ? `${fixed(100 * chance, 1)} %` : "under 0.1 %";
    tip.textContent = `${JSON.stringify(c.pieces[i])}\n${fixed(nll, 2)} nats, probability ${share}${rank}`;
    tip.hidden = false;
    document.querySelectorAll("[aria-describedby=tip]").forEach((e) => e.removeAttribute("aria-describedby"));
    span.setAttribute("aria-describedby", "tip");
    const at = span.getBoundingClientRect();
    const left = Math.max(8, Math.min(at.left, document.documentElement.clientWidth - tip.offsetWidth - 8));
    const above = at.top - tip.offsetHeight - 6;
    tip.style.left = left + "px";
    tip.style.top = (above > 8 ? above : at.bottom + 6) + "px";
  };
  const hideTip = () => { tip.hidden = true; };

  // Colour scheme

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const button = byId("scheme");
  const isDark = () => (document.documentElement.dataset.scheme || (dark.matches ? "dark" : "light")) === "dark";
  const name = () => { button.setAttribute("aria-pressed", String(isDark())); };
  button.addEventListener("click", () => { document.documentElement.dataset.scheme = isDark() ? "light" : "dark"; name(); });
  dark.addEventListener("change", name);
  button.hidden = false;
  name();

  // Start

  const fill = (id, values) => byId(id).append(...[...new Set(values)].map((value) => { const o = make("option", "", visible(value)); o.value = value; return o; }));
  const all = examples.flatMap((example) => example.candidates);
  fill("f-strategy", all.map((c) => c.strategy));
  fill("f-verdict", all.map((c) => c.verdict));
  let timer = 0;
  byId("q").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(find, 120); });
  for (const id of ["f-strategy", "f-verdict", "f-chosen"]) byId(id).addEventListener("change", find);
  document.querySelector(".filters").addEventListener("submit", (event) => { event.preventDefault(); find(); });
  byId("back").addEventListener("click", () => turn(-1));
  byId("more").addEventListener("click", () => turn(1));
  document.querySelectorAll("[name=mode]").forEach((radio) => radio.addEventListener("change", () => { state.mode = radio.value; show(state.current); }));
  const follow = () => {
    const [key, value] = location.hash.slice(1).split("=");
    if (key !== "example" || value === undefined) return;
    const example = examples.find((e) => e.id === decodeURIComponent(value));
    if (!example) return;
    if (!state.hits.includes(example)) { document.querySelector(".filters").reset(); find(); }
    show(example);
    byId("examples").scrollIntoView();
    byId("example").focus({ preventScroll: true });
  };
  addEventListener("hashchange", follow);
  byId("browser").hidden = false;
  find();
  follow();
})();

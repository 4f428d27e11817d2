"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const classes = new Map(data.classes.map((each) => [each.id, each]));
  const storeKey = "mvg-review-" + data.key;
  const SVG = "http://www.w3.org/2000/svg";

  // A browser may refuse to store anything for a file; the review then lives as long as the page.
  const review = (() => {
    try { return JSON.parse(localStorage.getItem(storeKey)) || {}; } catch { return {}; }
  })();
  const keep = () => {
    try { localStorage.setItem(storeKey, JSON.stringify(review)); } catch { /* see above */ }
  };
  const verdictOf = (volume) => (review[volume.id] || {}).verdict || "";
  const remarkOf = (volume) => (review[volume.id] || {}).remark || "";

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const draw = (tag, attributes) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const number = (value, digits = 2) => (value === null || value === undefined ? "–" : value.toFixed(digits));

  const SORTS = {
    confidence: ["confidence, least first", (v) => v.confidence],
    expected: ["expected Dice, lowest first", (v) => v.expected],
    dice: ["Dice, lowest first", (v) => v.dice],
    agreement: ["agreement with the other run, lowest first", (v) => v.agreement],
    unlike: ["unlike the rest first", (v) => -v.unlike],
    order: ["order of the data set", (v) => v.order],
  };

  // ---- one volume ---------------------------------------------------------------------------------------

  const COLUMNS = [
    ["ml", (c) => number(c.ml, 1)],
    ["sure", (c) => number(c.confidence)],
    ["exp. Dice", (c) => number(c.expected)],
    ["Dice", (c) => number(c.dice), "dice"],
    ["HD95 mm", (c) => number(c.hd95, 1), "hd95"],
    ["surface Dice", (c) => number(c.surface), "surface"],
    ["other run", (c) => number(c.agreement), "agreement"],
  ];

  const table = (volume) => {
    const columns = COLUMNS.filter(([, , key]) => !key || volume.classes.some((c) => c[key] !== undefined));
    const head = make("tr", {}, make("th", { scope: "col" }, "class"), ...columns.map(([name]) => make("th", { scope: "col" }, name)));
    const rows = volume.classes.map((each) => {
      const name = make("td", {}, classes.get(each.id).name);
      if (each.unlike.length) name.append(" ", make("span", { class: "unlike" }, each.unlike.join(", ")));
      return make("tr", {}, name, ...columns.map(([, text]) => make("td", {}, text(each))));
    });
    return make("div", { class: "scroll" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
  };

  const curve = (volume) => {
    const points = volume.slices;
    if (points.length < 2) return "";
    const svg = draw("svg", { class: "curve", viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img" });
    svg.setAttribute("aria-label", "confidence along the slices");
    const first = points[0][0], span = Math.max(1, points[points.length - 1][0] - first);
    const place = ([index, value]) => `${((index - first) / span) * 100},${100 - 100 * Math.max(0, (value - 0.5) * 2)}`;
    svg.append(draw("line", { x1: 0, x2: 100, y1: 20, y2: 20 }));
    svg.append(draw("polyline", { points: points.map(place).join(" ") }));
    const text = `Confidence along slices ${first} to ${first + span}; the line is at 90 %.`;
    return make("div", {}, svg, make("p", { class: "small" }, text));
  };

  const figureOf = (volume, picture) => {
    const [width, height] = picture.size;
    const svg = draw("svg", { viewBox: `0 0 ${width} ${height * picture.aspect}`, role: "img" });
    svg.setAttribute("aria-label", `slice ${picture.index}`);
    const image = { width, height: height * picture.aspect, preserveAspectRatio: "none" };
    svg.append(draw("image", { ...image, href: `data:image/jpeg;base64,${picture.jpeg}` }));
    const group = draw("g", { transform: `scale(1 ${picture.aspect})` });
    picture.outlines.forEach((outlines, map) => {
      for (const [id, path] of outlines) {
        const line = draw("path", { d: path, class: data.maps[map] });
        if (data.maps[map] !== "truth") line.style.stroke = classes.get(id).color;
        group.append(line);
      }
    });
    svg.append(group);
    const given = volume.given.includes(picture.index);
    const caption = make("figcaption", given ? { class: "given" } : {}, `slice ${picture.index}${given ? ", labelled by hand" : ""}`);
    return make("figure", {}, svg, caption);
  };

  const drawSheet = (card) => {
    const volume = card.volume, sheet = card.querySelector(".sheet");
    const source = byId("pictures-" + volume.order);
    if (sheet && source && !sheet.childElementCount) {
      sheet.append(...JSON.parse(source.textContent).map((picture) => figureOf(volume, picture)));
    }
  };
  // Pictures far from the screen are taken away again: a thousand decoded ones would fill the memory.
  const nearby = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) drawSheet(entry.target);
      else if (!printing) entry.target.querySelector(".sheet")?.replaceChildren();
    }
  }, { rootMargin: "900px 0px" });

  const cardOf = (volume) => {
    const card = make("article", { class: "volume", tabindex: "-1", "data-id": volume.id });
    card.volume = volume;
    const head = make("div", { class: "head" }, make("h2", {}, volume.label));
    const facts = [["confidence", volume.confidence], ["expected Dice", volume.expected], ["Dice", volume.dice], ["agreement", volume.agreement]];
    for (const [name, value] of facts) {
      if (value !== null && value !== undefined) head.append(make("span", {}, name + " ", make("b", {}, number(value))));
    }
    if (volume.unlike) head.append(make("span", { class: "unlike" }, "unlike the rest"));
    card.append(head);
    if (volume.reason) card.append(make("p", { class: "reason" }, volume.reason));
    else {
      const notes = make("ul", { class: "notes" }, ...volume.notes.map((note) => make("li", {}, note)));
      const side = make("div", {}, table(volume), curve(volume), volume.notes.length ? notes : "");
      card.append(make("div", { class: "body" }, make("div", { class: "sheet" }), side));
    }
    card.append(verdictRow(card));
    return card;
  };

  const verdictRow = (card) => {
    const remark = make("input", { type: "text", placeholder: "remark", "aria-label": "remark" });
    remark.value = remarkOf(card.volume);
    remark.addEventListener("input", () => note(card, { remark: remark.value }));
    const button = (name, verdict) => {
      const made = make("button", { type: "button", class: name.toLowerCase() }, name);
      made.addEventListener("click", () => toggle(card, verdict));
      return made;
    };
    return make("div", { class: "verdict" }, button("Accept", "accepted"), button("Reject", "rejected"), remark);
  };

  // ---- verdicts -----------------------------------------------------------------------------------------

  const note = (card, change) => {
    const entry = { ...(review[card.volume.id] || {}), ...change };
    if (entry.verdict || entry.remark) review[card.volume.id] = entry;
    else delete review[card.volume.id];
    keep();
    mark(card);
    count();
  };
  const mark = (card) => {
    const verdict = verdictOf(card.volume);
    for (const each of ["accepted", "rejected"]) {
      card.classList.toggle(each, verdict === each);
      card.querySelector(each === "accepted" ? ".accept" : ".reject").setAttribute("aria-pressed", String(verdict === each));
    }
  };
  const toggle = (card, verdict) => note(card, { verdict: verdictOf(card.volume) === verdict ? "" : verdict });

  const cell = (text) => (/[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
  // A spreadsheet would take such a cell for a formula.
  const harmless = (text) => (/^[=+\-@\t\r]/.test(text) ? "'" + text : text);
  const csv = (wanted) => {
    const rows = data.volumes.filter((v) => review[v.id] && wanted(v));
    const lines = rows.map((v) => [v.id, verdictOf(v), harmless(remarkOf(v))].map(cell).join(","));
    return ["volume,verdict,remark", ...lines].join("\r\n") + "\r\n";
  };
  const save = (name, wanted) => {
    const link = make("a", { download: name, href: URL.createObjectURL(new Blob([csv(wanted)], { type: "text/csv" })) });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  // ---- what is shown, in which order --------------------------------------------------------------------

  const cards = data.volumes.map(cardOf);
  cards.forEach(mark);
  let shown = [], current = null, printing = false;

  const FILTERS = {
    all: () => true,
    open: (v) => !verdictOf(v),
    accepted: (v) => verdictOf(v) === "accepted",
    rejected: (v) => verdictOf(v) === "rejected",
    unlike: (v) => v.unlike > 0,
    failed: (v) => Boolean(v.reason),
  };
  const words = (v) => [v.label, v.id, v.reason, remarkOf(v), ...v.notes, ...v.classes.map((c) => classes.get(c.id).name + " " + c.unlike.join(" "))].join(" ").toLowerCase();

  const arrange = () => {
    const value = SORTS[byId("sort").value][1];
    const filter = FILTERS[byId("show").value], find = byId("find").value.trim().toLowerCase();
    const last = (v) => { const x = value(v); return x === null || x === undefined ? Infinity : x; };
    shown = cards.filter((c) => filter(c.volume) && (!find || words(c.volume).includes(find)));
    shown.sort((a, b) => last(a.volume) - last(b.volume) || a.volume.order - b.volume.order);
    byId("volumes").replaceChildren(...shown);
    byId("nothing").hidden = shown.length > 0;
    if (!shown.includes(current)) select(null);
    count();
  };
  const count = () => {
    const of = (verdict) => data.volumes.filter((v) => verdictOf(v) === verdict).length;
    byId("counts").textContent = `${shown.length} of ${data.volumes.length} volumes shown · ${of("accepted")} accepted · ${of("rejected")} rejected`;
  };
  const select = (card) => {
    current?.classList.remove("current");
    current = card;
    if (!card) return;
    card.classList.add("current");
    card.scrollIntoView({ block: "start" });
    card.focus({ preventScroll: true });
  };
  const step = (by) => {
    if (!shown.length) return;
    const place = shown.indexOf(current);
    select(shown[Math.min(shown.length - 1, Math.max(0, place < 0 ? 0 : place + by))]);
  };

  const lines = (on) => {
    byId("lines").checked = on;
    document.body.classList.toggle("no-lines", !on);
  };
  const KEYS = {
    j: () => step(1),
    k: () => step(-1),
    a: () => current && toggle(current, "accepted"),
    r: () => current && toggle(current, "rejected"),
    u: () => current && note(current, { verdict: "" }),
    e: () => current?.querySelector(".verdict input").focus(),
    o: () => lines(!byId("lines").checked),
    "/": () => byId("find").focus(),
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input:not([type=checkbox]), select, textarea");
    if (event.key === "Escape" && typing) { event.target.blur(); return; }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = KEYS[event.key.toLowerCase()];
    if (action) { event.preventDefault(); action(); }
  });

  for (const [key, [text, value]] of Object.entries(SORTS)) {
    const told = data.volumes.some((v) => value(v) !== null && value(v) !== undefined);
    if (told) byId("sort").append(make("option", { value: key }, text));
  }
  for (const each of data.classes) {
    const line = make("i");
    line.style.color = each.color;
    byId("legend").append(make("li", {}, line, each.name));
  }
  const MAP_NAMES = { truth: "truth: white dashes", other: "other run: dots" };
  for (const map of data.maps.slice(1)) byId("legend").append(make("li", {}, MAP_NAMES[map]));

  byId("tools").addEventListener("submit", (event) => event.preventDefault());
  for (const id of ["show", "sort"]) byId(id).addEventListener("change", arrange);
  byId("find").addEventListener("input", arrange);
  byId("lines").addEventListener("change", () => lines(byId("lines").checked));
  byId("save").addEventListener("click", () => save("review.csv", () => true));
  byId("save-rejected").addEventListener("click", () => save("rejected.csv", (v) => verdictOf(v) === "rejected"));
  byId("keys-button").addEventListener("click", () => {
    byId("keys").hidden = !byId("keys").hidden;
    byId("keys-button").setAttribute("aria-expanded", String(!byId("keys").hidden));
  });
  byId("volumes").addEventListener("click", (event) => {
    const card = event.target.closest(".volume");
    if (card && card !== current) {
      current?.classList.remove("current");
      current = card;
      card.classList.add("current");
    }
  });
  window.addEventListener("beforeprint", () => { printing = true; shown.forEach(drawSheet); });
  window.addEventListener("afterprint", () => { printing = false; });

  arrange();
  cards.forEach((card) => nearby.observe(card));
})();

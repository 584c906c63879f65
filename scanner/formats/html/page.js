"use strict";
// The list of all apps: search, filter, sort, pages, links. Text is only ever set as text.
(() => {
  const ID = 0, VERDICT = 1, APPS = 2, PACKAGE = 3, VERSION = 4, PLACE = 5, USERS = 6, LOCATION = 7, LABEL = 8,
    INSTALLER = 9, ASSURANCE = 10, SIGNERS = 11, NOTES = 12, REMOVAL = 13, CARDS = 14, SCANNED = 15, FAILS = 16, ALLOWED = 17;
  const PAGE = 100, PRINTED = 2000, COLUMNS = 6, MOST_PLACES = 500;
  const element = (id) => document.getElementById(id);
  const data = JSON.parse(element("data").textContent);
  const rows = data.rows;
  const strength = new Map(data.verdicts.map((name, number) => [name, number]));
  const byId = new Map(rows.map((row, number) => [row[ID], number]));
  const natural = new Intl.Collator("en", { numeric: true }).compare;
  const plain = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const count = new Intl.NumberFormat("en").format;
  const state = { order: [], page: 0, size: PAGE, column: "verdict", down: false, open: new Set() };
  const values = {
    verdict: (row) => strength.get(row[VERDICT]),
    package: (row) => row[PACKAGE],
    app: (row) => row[APPS].join() || row[LABEL],
    version: (row) => row[VERSION],
    place: (row) => data.places[row[PLACE]].join(" "),
    location: (row) => row[LOCATION],
  };
  let searched = null;

  function make(tag, text, name) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name) made.className = name;
    return made;
  }

  function textOf(row) {
    return [row[VERDICT], row[APPS].join(" "), row[PACKAGE], row[VERSION], data.places[row[PLACE]].slice(0, 2).join(" "),
      row[USERS], row[LOCATION], row[LABEL], row[INSTALLER], row[SIGNERS].map((one) => data.signers[one].join(" ")).join(" "),
      row[NOTES].join(" "), row[ALLOWED].join(" ")].join("\n").toLowerCase();
  }

  function matching() {
    const words = element("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdict = element("verdict").value, app = element("app").value, place = element("place").value;
    if (words.length && !searched) searched = rows.map(textOf);
    const found = [];
    for (let number = 0; number < rows.length; number += 1) {
      const row = rows[number];
      if (verdict && row[VERDICT] !== verdict && !(verdict === "found" && row[APPS].length)) continue;
      if (app && !row[APPS].includes(app)) continue;
      if (place && row[PLACE] !== Number(place)) continue;
      if (words.every((word) => searched[number].includes(word))) found.push(number);
    }
    return found;
  }

  function order() {
    const keys = new Map(), value = values[state.column], turn = state.down ? -1 : 1;
    state.order = matching();
    for (const number of state.order) keys.set(number, value(rows[number]));
    const by = state.column === "version" ? natural : plain;
    state.order.sort((a, b) => turn * by(keys.get(a), keys.get(b)) || a - b);
    state.page = 0;
  }

  function refresh() {
    order();
    show();
  }

  function show() {
    const pages = Math.max(1, Math.ceil(state.order.length / state.size)), from = state.page * state.size;
    const shown = state.order.slice(from, from + state.size);
    const body = document.createDocumentFragment();
    for (const number of shown) {
      body.append(line(number));
      if (state.open.has(number)) body.append(detail(number));
    }
    element("rows").replaceChildren(body);
    const some = shown.length ? `${count(from + 1)} to ${count(from + shown.length)} of ` : "";
    const all = state.order.length === rows.length ? "" : `, out of ${count(rows.length)}`;
    element("count").textContent = `${some}${count(state.order.length)} app${state.order.length === 1 ? "" : "s"}${all}`;
    element("page").textContent = `Page ${count(state.page + 1)} of ${count(pages)}`;
    element("previous").disabled = state.page === 0;
    element("next").disabled = state.page + 1 >= pages;
    for (const button of document.querySelectorAll("#table thead button")) {
      const active = button.dataset.column === state.column;
      if (active) button.parentElement.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else button.parentElement.removeAttribute("aria-sort");
    }
  }

  function line(number) {
    const row = rows[number], made = make("tr"), place = data.places[row[PLACE]];
    made.id = row[ID];
    const verdict = make("td");
    const said = row[ALLOWED].length && !row[FAILS] ? `${row[VERDICT]} · allowed` : row[VERDICT];
    verdict.append(make("span", said, row[FAILS] ? "badge bad" : "badge quiet"));
    const name = make("th"), toggle = make("button", row[PACKAGE] || row[LABEL] || "no package name", "toggle");
    name.scope = "row";
    toggle.type = "button";
    toggle.dataset.number = number;
    toggle.setAttribute("aria-expanded", state.open.has(number));
    name.append(toggle);
    const where = make("td", place[0]);
    if (place[1]) where.append(make("br"), make("span", place[1], "dim"));
    made.append(verdict, name, make("td", row[APPS].join(", ") || row[LABEL]), make("td", row[VERSION]), where,
      make("td", row[USERS] || row[LOCATION]));
    return made;
  }

  function detail(number) {
    const row = rows[number], made = make("tr", undefined, "detail"), cell = make("td"), list = make("dl", undefined, "facts");
    const add = (name, ...parts) => {
      const pair = make("div"), value = make("dd");
      value.append(...parts);
      pair.append(make("dt", name), value);
      list.append(pair);
    };
    for (const card of row[CARDS]) add("Finding", link(`#${card}`, "its evidence"));
    for (const one of row[ALLOWED]) add("Policy", one);
    if (row[LABEL]) add("Label", row[LABEL]);
    if (row[LOCATION]) add("Location", make("code", row[LOCATION]));
    if (row[USERS]) add("For", row[USERS]);
    if (row[INSTALLER]) add("Installer", row[INSTALLER]);
    for (const one of row[SIGNERS]) add("Signer", make("code", data.signers[one][0]), make("span", data.signers[one][1], "dim"));
    add("Assurance", row[ASSURANCE] || "not established");
    for (const note of row[NOTES]) add("Note", note);
    for (const one of row[REMOVAL]) add("To remove", make("code", one));
    add("Scanned", row[SCANNED]);
    add("Link", link(`#${row[ID]}`, `#${row[ID]}`));
    cell.colSpan = COLUMNS;
    cell.append(list);
    made.append(cell);
    return made;
  }

  function link(target, text) {
    const made = make("a", text);
    made.href = target;
    return made;
  }

  function follow() {
    const number = byId.get(location.hash.slice(1));
    if (number === undefined) return;
    clear();
    state.open.add(number);
    order();
    state.page = Math.floor(state.order.indexOf(number) / state.size);
    show();
    const row = document.getElementById(rows[number][ID]);
    row.scrollIntoView({ block: "center" });
    row.querySelector("button").focus({ preventScroll: true });
  }

  function clear() {
    for (const id of ["search", "verdict", "app", "place"]) element(id).value = "";
  }

  function options(id, first, pairs) {
    element(id).replaceChildren(...[["", first], ...pairs].map(([value, text]) => {
      const made = make("option", text);
      made.value = value;
      return made;
    }));
  }

  function turn(by) {
    state.page += by;
    show();
    element("apps").scrollIntoView();
  }

  function fill() {
    const used = new Set(rows.map((row) => row[VERDICT]));
    const apps = [...new Set(rows.flatMap((row) => row[APPS]))].sort(natural);
    options("verdict", "any", [["found", "any finding"], ...data.verdicts.filter((one) => used.has(one)).map((one) => [one, one])]);
    options("app", "any", apps.map((one) => [one, one]));
    options("place", "any", data.places.slice(0, MOST_PLACES).map((one, number) => [number, `${one[0]} ${one[1]}`.trim()]));
  }

  function listen() {
    let waiting = 0;
    element("search").addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(refresh, 120);
    });
    for (const id of ["verdict", "app", "place"]) element(id).addEventListener("change", refresh);
    document.querySelector("form.controls").addEventListener("submit", (event) => event.preventDefault());
    document.querySelector("form.controls").addEventListener("reset", () => setTimeout(refresh));
    element("previous").addEventListener("click", () => turn(-1));
    element("next").addEventListener("click", () => turn(1));
    document.querySelector("#table thead").addEventListener("click", (event) => {
      const column = event.target.dataset.column;
      if (!column) return;
      state.down = column === state.column && !state.down;
      state.column = column;
      refresh();
    });
    element("rows").addEventListener("click", (event) => {
      const toggle = event.target.closest(".toggle");
      if (!toggle) return;
      const number = Number(toggle.dataset.number), row = toggle.closest("tr");
      const open = !state.open.delete(number);
      if (open) {
        state.open.add(number);
        row.after(detail(number));
      } else row.nextElementSibling.remove();
      toggle.setAttribute("aria-expanded", open);
    });
    addEventListener("hashchange", follow);
    addEventListener("beforeprint", () => {
      Object.assign(state, { size: PRINTED, page: Math.floor((state.page * state.size) / PRINTED) });
      show();
    });
    addEventListener("afterprint", () => {
      state.size = PAGE;
      refresh();
    });
  }

  document.documentElement.classList.add("live");
  fill();
  listen();
  refresh();
  addEventListener("load", () => setTimeout(follow));
})();

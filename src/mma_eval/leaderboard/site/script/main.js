// The state of the page lives in its address: what is sorted, filtered, chosen and open.
const FIRST_SHOWN = 50;
const MORE_SHOWN = 200;
const NARROW = "(max-width: 44rem)";

document.documentElement.classList.add("js", "starting");
document.addEventListener("DOMContentLoaded", () => {
  if (matchMedia(NARROW).matches) {
    for (const part of document.querySelectorAll("#not-meant, #filters")) part.open = false;
  }
  if (document.getElementById("count")) start();
  document.documentElement.classList.remove("starting");
});

function start() {
  const tables = readTables();
  const rows = new Map(tables.flatMap((table) => table.rows).map((row) => [row.id, row]));
  const controls = [...document.querySelectorAll("[data-state]")];
  const count = document.getElementById("count");
  const clear = document.getElementById("clear");
  const dialog = document.getElementById("details");
  let state = readState();
  let said = "";

  function readState() {
    const given = new URLSearchParams(location.hash.startsWith("#view?") ? location.hash.slice(6) : "");
    const found = { pick: [], show: "" };
    for (const control of controls) {
      control.value = given.get(control.dataset.state) || "";
      found[control.dataset.state] = control.value;
    }
    found.pick = [...new Set((given.get("pick") || "").split(","))]
      .filter((id) => rows.has(id))
      .slice(0, MOST_CHOSEN);
    found.show = rows.has(given.get("show")) ? given.get("show") : "";
    return found;
  }

  function remember() {
    const kept = new URLSearchParams();
    for (const [name, value] of Object.entries(state)) {
      const text = Array.isArray(value) ? value.join(",") : value;
      if (text) kept.set(name, text);
    }
    const text = kept.toString();
    history.replaceState(null, "", text ? `#view?${text}` : location.pathname + location.search);
  }

  function prepare(table) {
    for (const head of table.heads) {
      if (!head.key) continue;
      const button = made("button", { type: "button", class: "sort" }, ...head.cell.childNodes);
      button.addEventListener("click", () => sortBy(head.key));
      head.cell.append(button);
    }
    if (conditionsOf(table).length) {
      const place = table.byKey.get("both") || table.byKey.get("model");
      place.cell.after(made("th", { scope: "col", rowspan: 2, class: "profile" }, "Profile"));
      table.profileAfter = place.at;
    }
    table.more.firstElementChild.addEventListener("click", () => {
      table.limit += MORE_SHOWN;
      show();
    });
  }

  function prepareRow(row) {
    if (row.box) return;
    row.box = made("input", { type: "checkbox", "aria-label": `Compare ${nameOf(row)}` });
    row.box.addEventListener("change", () => choose(row, row.box.checked));
    cellOf(row, "model").prepend(row.box);
    if (row.table.profileAfter !== undefined) {
      row.cells[row.table.profileAfter].after(made("td", { class: "profile" }, smallProfile(row)));
    }
  }

  function fitColumns(table) {
    const wanted = `${state.cond}|${state.ask}`;
    if (table.wanted !== wanted) {
      table.wanted = wanted;
      table.gone = new Set();
      for (const head of table.heads) {
        head.cell.hidden = !wantedColumn(head, state);
        if (head.cell.hidden) table.gone.add(head.at);
      }
      for (const group of table.groups) {
        const left = table.heads.filter((head) => head.group === group && !head.cell.hidden).length;
        group.hidden = left === 0;
        group.colSpan = Math.max(left, 1);
      }
    }
  }

  function fitRow(row) {
    if (row.wanted === row.table.wanted) return;
    const before = row.wanted === undefined && row.table.gone.size === 0;
    row.wanted = row.table.wanted;
    if (!before) row.cells.forEach((cell, at) => { cell.hidden = row.table.gone.has(at); });
  }

  function showTable(table) {
    const passed = table.rows.filter((row) => passes(row, state));
    fitColumns(table);
    const limit = FIRST_SHOWN + table.limit;
    const shown = sorted(passed, state.sort, state.dir === "reversed").slice(0, limit);
    for (const row of shown) {
      prepareRow(row);
      fitRow(row);
      row.box.checked = state.pick.includes(row.id);
    }
    table.body.replaceChildren(...shown.map((row) => row.line));
    const left = passed.length - shown.length;
    table.more.hidden = left === 0;
    table.more.firstElementChild.textContent = `Show ${Math.min(left, MORE_SHOWN)} more of ${left.toLocaleString("en")} rows`;
    for (const part of [table.title, table.scroll, table.scroll.previousElementSibling]) {
      part.hidden = passed.length === 0;
    }
    for (const head of table.heads) {
      head.cell.removeAttribute("aria-sort");
      if (head.key && head.key === state.sort) {
        const rising = (head.sort !== "higher") !== (state.dir === "reversed");
        head.cell.setAttribute("aria-sort", rising ? "ascending" : "descending");
      }
    }
    return passed.length;
  }

  function show() {
    const passed = new Map();
    for (const table of tables) {
      passed.set(table.kind, (passed.get(table.kind) || 0) + showTable(table));
    }
    const total = [...passed.values()].reduce((sum, one) => sum + one, 0);
    const filtered = controls.some((control) => !["sort", "dir"].includes(control.dataset.state) && control.value);
    const parts = [...passed].filter(([, some]) => some).map(([kind, some]) => `${some.toLocaleString("en")} ${kind}`);
    const told = total ? `: ${parts.join(", ")}` : "";
    const text = `${said}${total.toLocaleString("en")}${filtered ? ` of ${rows.size.toLocaleString("en")}` : ""} rows${told}`;
    if (count.textContent !== text) count.textContent = text;
    said = "";
    clear.hidden = !filtered && !state.sort && !state.dir;
  }

  function showChosen() {
    showChosenBar();
    showComparison(state.pick.map((id) => rows.get(id)), (row) => {
      choose(row, false);
      const title = document.getElementById("comparison-title");
      (state.pick.length ? title : document.getElementById("results").querySelector("select")).focus();
    });
  }

  function showChosenBar() {
    document.getElementById("chosen").hidden = state.pick.length === 0;
    const many = state.pick.length === 1 ? "1 row" : `${state.pick.length} rows`;
    document.getElementById("compare").textContent = `Compare ${many} side by side`;
  }

  function showOpen() {
    if (state.show) openDetails(rows.get(state.show));
    else if (dialog.open) dialog.close();
  }

  function sortBy(key) {
    const again = state.sort === key;
    state.dir = again && !state.dir ? "reversed" : "";
    state.sort = key;
    for (const control of controls) control.value = state[control.dataset.state];
    changed();
  }

  function choose(row, chosen) {
    if (chosen && state.pick.length === MOST_CHOSEN) {
      said = `At most ${MOST_CHOSEN} rows go side by side. `;
    } else {
      state.pick = state.pick.filter((id) => id !== row.id).concat(chosen ? [row.id] : []);
    }
    showChosen();
    changed();
  }

  function changed() {
    show();
    remember();
  }

  function follow() {
    if (location.hash.startsWith("#model-") && rows.has(location.hash.slice(7))) {
      state.show = location.hash.slice(7);
      remember();
      showOpen();
    } else if (!location.hash || location.hash.startsWith("#view?")) {
      state = readState();
      show();
      showChosen();
      showOpen();
    }
  }

  for (const control of controls) {
    control.addEventListener(control.tagName === "SELECT" ? "change" : "input", () => {
      state[control.dataset.state] = control.value;
      changed();
    });
  }
  clear.addEventListener("click", () => {
    for (const control of controls) {
      control.value = "";
      state[control.dataset.state] = "";
    }
    changed();
  });
  document.getElementById("compare").addEventListener("click", () => {
    const title = document.getElementById("comparison-title");
    title.scrollIntoView();
    title.focus({ preventScroll: true });
  });
  document.getElementById("unchoose").addEventListener("click", () => {
    state.pick = [];
    showChosen();
    changed();
    controls[0].focus();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("th[scope=row] a[href^='#model-']");
    if (!link) return;
    event.preventDefault();
    state.show = link.hash.slice(7);
    remember();
    showOpen();
  });
  document.getElementById("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    state.show = "";
    remember();
  });
  window.addEventListener("hashchange", follow);
  tables.forEach(prepare);
  show();
  showChosen();
  showOpen();
  if (location.hash.startsWith("#model-")) follow();
}

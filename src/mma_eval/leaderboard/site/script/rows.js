// The tables as they came: their heads, their rows, and the values to sort and filter by.
const UNITS = 1e9;

function readTables() {
  return [...document.querySelectorAll("table.board")].map((element) => {
    const scroll = element.closest(".scroll");
    const table = {
      element,
      scroll,
      title: scroll.previousElementSibling.matches("h3")
        ? scroll.previousElementSibling
        : scroll.previousElementSibling.previousElementSibling,
      body: element.tBodies[0],
      more: scroll.nextElementSibling,
      kind: element.dataset.kind,
      dataset: element.dataset.dataset,
      heads: readHeads(element),
      limit: 0,
    };
    table.groups = [...element.querySelectorAll("th.group")];
    table.byKey = new Map(table.heads.filter((head) => head.key).map((head) => [head.key, head]));
    table.rows = [...table.body.rows].map((line, order) => readRow(table, line, order));
    return table;
  });
}

// Leaf columns from left to right; a group's columns stand in the second line of the head.
function readHeads(element) {
  const [first, second] = element.tHead.rows;
  const below = [...second.cells];
  const leaves = [...first.cells].flatMap((cell) => (cell.colSpan > 1 || cell.matches(".group")
    ? below.splice(0, cell.colSpan).map((leaf) => ({ cell: leaf, group: cell }))
    : [{ cell, group: null }]));
  return leaves.map(({ cell, group }, at) => ({
    cell,
    group,
    at,
    key: cell.dataset.key || "",
    label: cell.textContent.trim(),
    sort: cell.dataset.sort || "text",
    condition: cell.dataset.condition || "",
    ask: cell.dataset.ask || "",
    metric: cell.dataset.metric || "",
    baseline: cell.dataset.baseline || "",
  }));
}

function readRow(table, line, order) {
  return { id: line.dataset.row, table, line, order, cells: [...line.cells], values: new Map() };
}

function nameOf(row) {
  row.name ??= cellOf(row, "model").querySelector("bdi").textContent;
  return row.name;
}

function cellOf(row, key) {
  const head = row.table.byKey.get(key);
  return head ? row.cells[head.at] : null;
}

// The text of a value without its interval and its footnotes.
function textOf(row, key) {
  const cell = cellOf(row, key);
  const first = cell && cell.firstChild;
  if (!first) return "";
  return key === "model" ? nameOf(row) : (first.nodeType === Node.TEXT_NODE ? first.data.trim() : "");
}

// What a row is sorted by under a key; null where it has nothing there.
function valueOf(row, key) {
  if (!row.values.has(key)) {
    const head = row.table.byKey.get(key);
    const text = textOf(row, key);
    let value = text || null;
    if (text && head.sort !== "text") {
      const number = parseFloat(cellOf(row, key).dataset.order || text.replace("\u2212", "-"));
      value = Number.isNaN(number) ? null : number;
    }
    row.values.set(key, value);
  }
  return row.values.get(key);
}

// Value and interval of a cell in percent; null where there is none.
function measureOf(row, key) {
  const value = valueOf(row, key);
  if (value === null) return null;
  const small = cellOf(row, key).querySelector("small");
  const bounds = small ? small.textContent.split("–").map(Number) : null;
  const [low, high] = bounds || [value, value];
  return { value, low, high, text: textOf(row, key) };
}

const letters = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

// Rows in the order of a key, best first or best last; rows without a value stay at the end.
function sorted(rows, key, reversed) {
  if (!key) return reversed ? [...rows].reverse() : rows;
  const table = rows.length ? rows[0].table : null;
  const head = table && table.byKey.get(key);
  if (!head) return rows;
  const sign = (head.sort === "higher" ? -1 : 1) * (reversed ? -1 : 1);
  const compare = head.sort === "text" ? letters.compare : (one, other) => one - other;
  return rows
    .map((row) => [valueOf(row, key), row])
    .sort(([one, a], [other, b]) => {
      if (one === null || other === null) return (one === null) - (other === null) || a.order - b.order;
      return sign * compare(one, other) || a.order - b.order;
    })
    .map(([, row]) => row);
}

const FILTERS = {
  q: (row, wanted) => cellOf(row, "model").textContent.toLowerCase().includes(wanted.toLowerCase()),
  size: (row, wanted) => {
    const size = valueOf(row, "size");
    if (wanted === "-" || size === null) return wanted === "-" && size === null;
    const [from, below] = wanted.split("-").map((bound) => (bound ? bound * UNITS : Infinity));
    return size >= from && size < below;
  },
  open: (row, wanted) => (textOf(row, "open") || "-") === wanted,
  licence: (row, wanted) => (textOf(row, "licence") || "-") === wanted,
  exposure: (row, wanted) => (wanted === "-"
    ? row.line.dataset.exposure.includes("-")
    : [...wanted].every((letter, at) => letter === "." || row.line.dataset.exposure[at] === letter)),
  kind: (row, wanted) => row.table.kind === wanted,
  data: (row, wanted) => row.table.dataset === wanted,
};

// Whether a column stays when only one condition or one question is wanted.
function wantedColumn(head, state) {
  if (!head.condition) return true;
  return (!state.cond || head.condition === state.cond)
    && (!state.ask || head.ask === "" || head.ask === "both" || head.ask === state.ask);
}

// Whether a row has a number in a column that is wanted.
function hasWanted(row, state) {
  if (!state.cond && !state.ask) return true;
  return row.table.heads.some((head) => head.condition && wantedColumn(head, state)
    && valueOf(row, head.key) !== null);
}

function passes(row, state) {
  return Object.entries(FILTERS).every(([name, keeps]) => !state[name] || keeps(row, state[name]))
    && hasWanted(row, state);
}

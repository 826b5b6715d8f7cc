// Chosen rows side by side: one column a row, one line a number.
const MOST_CHOSEN = 6;
const COMPARED_FIRST = ["both", "n", "coverage"];

function showComparison(chosen, onRemove) {
  const section = document.getElementById("comparison");
  section.hidden = chosen.length === 0;
  const held = section.querySelector(".scroll");
  held.replaceChildren();
  if (!chosen.length) return;
  warn(document.getElementById("comparison-warning"), chosen);
  held.append(made("table", { class: "compared" },
    made("caption", { class: "unseen" }, "Chosen models side by side, in percent"),
    comparedHead(chosen, onRemove),
    made("tbody", {}, ...comparedLines(chosen))));
}

function warn(place, chosen) {
  const data = new Set(chosen.map((row) => row.table.dataset));
  const kinds = new Set(chosen.map((row) => row.table.kind));
  const said = [];
  if (data.size > 1) said.push("These rows are about different clips: their numbers do not compare.");
  if (kinds.size > 1) said.push("These rows are of different kinds, which are believed differently.");
  place.textContent = said.join(" ");
  place.hidden = said.length === 0;
}

function comparedHead(chosen, onRemove) {
  const heads = chosen.map((row) => {
    const name = made("bdi", {}, nameOf(row));
    const remove = made("button", { type: "button", "aria-label": `Remove ${nameOf(row)}` }, "remove");
    remove.addEventListener("click", () => onRemove(row));
    const told = made("small", {}, `${row.table.kind}, ${row.table.dataset}`);
    return made("th", { scope: "col" }, name, told, remove);
  });
  return made("thead", {}, made("tr", {}, made("th", { scope: "col" }, "Measure"), ...heads));
}

function comparedLines(chosen) {
  const lines = [profileLine(chosen)];
  const heads = new Map();
  for (const row of chosen) {
    for (const head of row.table.heads) {
      if (head.key && head.key !== "model" && !heads.has(head.key)) heads.set(head.key, head);
    }
  }
  const first = COMPARED_FIRST.filter((key) => heads.has(key)).map((key) => heads.get(key));
  const rest = [...heads.values()].filter((head) => !COMPARED_FIRST.includes(head.key));
  return [...lines, ...[...first, ...rest].map((head) => comparedLine(chosen, head))];
}

function profileLine(chosen) {
  const cells = chosen.map((row) => made("td", {}, smallProfile(row)));
  return made("tr", {}, made("th", { scope: "row" }, "Profile"), ...cells);
}

function comparedLine(chosen, head) {
  const title = head.group ? `${head.group.textContent.trim()}: ${head.label}` : head.label;
  const cells = chosen.map((row) => {
    const cell = made("td", {});
    const source = cellOf(row, head.key);
    if (!source || !source.firstChild) return cell;
    cell.append(...[...source.childNodes].map((node) => node.cloneNode(true)));
    const found = head.condition || head.key === "both" ? measureOf(row, head.key) : null;
    if (found && row.table.kind !== "reported") {
      cell.append(intervalBar(found, ASKS[head.ask] || "both"));
    }
    return cell;
  });
  return made("tr", {}, made("th", { scope: "row" }, title), ...cells);
}

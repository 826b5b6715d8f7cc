// What the words' columns of a row say, and how large it is.
function told(row) {
  const heads = row.table.heads.filter((head) => head.key === "size" || head.cell.matches(".text"));
  const lines = heads
    .map((head) => [head.label, textOf(row, head.key)])
    .filter(([, text]) => text)
    .map(([label, text]) => made("div", {}, made("dt", {}, label), made("dd", {}, made("bdi", {}, text))));
  const data = made("div", {}, made("dt", {}, "Data"), made("dd", {}, row.table.dataset));
  return made("dl", { class: "facts" }, data, ...lines);
}

// One row with all that is known of it, over the page.
function openDetails(row) {
  const dialog = document.getElementById("details");
  const article = document.getElementById(`model-${row.id}`);
  const title = document.getElementById("details-title");
  const body = document.getElementById("details-body");
  title.replaceChildren(made("bdi", {}, nameOf(row)));
  const parts = [...article.children]
    .filter((part) => !part.matches("h3"))
    .map((part) => part.cloneNode(true));
  if (!dialog.open) dialog.showModal();
  const legend = made("p", { class: "note" }, "Each condition, with its 95 % interval where it is known; the dashed "
    + "line is the same question on aligned clips, the bar the distance from it. Hollow: how often "
    + "a removed stream is named, or a question declined.");
  const room = Math.max(280, Math.min(body.clientWidth, 720));
  const profile = conditionsOf(row.table).length ? [largeProfile(row, room), legend] : [];
  body.replaceChildren(parts.shift(), ...profile, told(row), ...parts);
  dialog.scrollTop = 0;
}

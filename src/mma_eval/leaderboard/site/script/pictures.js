// Drawings of a row's numbers: a small profile, a large one, and an interval on a scale.
function drawn(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function made(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// The conditions of a table in their order, each with its columns by the question asked.
function conditionsOf(table) {
  table.conditions ??= [...table.heads
    .filter((head) => head.condition && head.metric)
    .reduce((found, head) => {
      const known = found.get(head.condition)
        || { name: head.condition, title: head.group.textContent.trim(), asks: {} };
      known.asks[head.ask] = head;
      return found.set(head.condition, known);
    }, new Map())
    .values()];
  return table.conditions;
}

const ASKS = { visual: "seen", audio: "heard", both: "both" };

// Two bars a condition, what is seen and what is heard; dashes at the height of aligned clips.
function smallProfile(row) {
  const conditions = conditionsOf(row.table).filter((condition) => Object.values(condition.asks)
    .some((head) => head.metric === "accuracy"));
  const height = 34;
  const width = 13 * conditions.length + 2;
  const picture = drawn("svg", {
    class: "small-profile", viewBox: `0 0 ${width} ${height + 2}`, width, height: height + 2,
    "aria-hidden": "true", focusable: "false",
  });
  picture.append(drawn("path", { class: "floor", d: `M0 ${height + 0.5}H${width}` }));
  conditions.forEach((condition, at) => {
    ["visual", "audio"].forEach((ask, side) => {
      const head = condition.asks[ask];
      const found = head && head.metric === "accuracy" ? measureOf(row, head.key) : null;
      if (!found) return;
      const tall = Math.max((height - 2) * found.value / 100, 1);
      picture.append(drawn("rect", {
        class: ASKS[ask], x: 2 + 13 * at + 5 * side, y: height - tall, width: 4, height: tall,
      }));
    });
  });
  for (const ask of ["visual", "audio"]) {
    const aligned = measureOf(row, `aligned_${ask}`);
    if (!aligned) continue;
    const y = height - (height - 2) * aligned.value / 100;
    picture.append(drawn("path", { class: `level ${ASKS[ask]}`, d: `M0 ${y}H${width}` }));
  }
  return picture;
}

// An interval with its value on a scale of 0 to 100.
function intervalBar(found, kind) {
  const x = (value) => 4 + 0.92 * Math.min(Math.max(value, 0), 100);
  return drawn("svg", {
    class: "interval-bar", viewBox: "0 0 100 12", width: 100, height: 12,
    "aria-hidden": "true", focusable: "false",
  },
  drawn("path", { class: "floor", d: "M4 6H96M4 3V9M96 3V9" }),
  drawn("path", { class: `span ${kind}`, d: `M${x(found.low)} 6H${x(found.high)}` }),
  drawn("circle", { class: kind, cx: x(found.value), cy: 6, r: 3.5 }));
}

// One row a condition, one panel a question: dots with intervals, and the distance from aligned.
function largeProfile(row, width) {
  const conditions = conditionsOf(row.table)
    .filter((condition) => Object.values(condition.asks).some((head) => measureOf(row, head.key)));
  const beside = width >= 560;
  const left = beside ? 180 : 6;
  const step = beside ? 30 : 46;
  const asks = ["visual", "audio", "both"]
    .filter((ask) => conditions.some((condition) => condition.asks[ask]));
  const room = (width - left) / asks.length;
  const height = 24 + step * conditions.length + 20;
  const picture = drawn("svg", {
    class: "large-profile", viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
    "aria-label": `Profile: ${spokenProfile(row, conditions)}`,
  });
  asks.forEach((ask, panel) => {
    const start = left + panel * room + 8;
    const scale = (value) => start + (room - 66) * Math.min(Math.max(value, 0), 100) / 100;
    picture.append(drawn("text", { class: `title ${ASKS[ask]}`, x: start, y: 14 }, ASKS[ask]));
    for (const tick of [0, 50, 100]) {
      picture.append(
        drawn("path", { class: "floor", d: `M${scale(tick)} 22V${height - 18}` }),
        drawn("text", { class: "tick", x: scale(tick), y: height - 4 }, String(tick)),
      );
    }
    conditions.forEach((condition, at) => {
      const y = 24 + step * at + (beside ? step / 2 : 32);
      if (panel === 0) {
        picture.append(drawn(
          "text", { class: "condition", x: 2, y: beside ? y + 4 : y - 14 }, condition.title,
        ));
      }
      const head = condition.asks[ask];
      const found = head && measureOf(row, head.key);
      const baseline = head && head.baseline ? measureOf(row, head.baseline) : null;
      if (found) drawMeasure(picture, scale, y, found, head, baseline, start + room - 10);
    });
  });
  return picture;
}

function drawMeasure(picture, scale, y, found, head, baseline, edge) {
  const kind = ASKS[head.ask];
  const isRight = head.metric === "accuracy";
  if (baseline && isRight) {
    const [from, to] = [baseline.value, found.value].sort((one, other) => one - other).map(scale);
    picture.append(
      drawn("rect", { class: `fall ${kind}`, x: from, y: y - 5, width: to - from, height: 10 }),
      drawn("path", { class: `level ${kind}`, d: `M${scale(baseline.value)} ${y - 10}V${y + 10}` }),
    );
  }
  picture.append(
    drawn("path", { class: `span ${kind}`, d: `M${scale(found.low)} ${y}H${scale(found.high)}` }),
    isRight
      ? drawn("circle", { class: kind, cx: scale(found.value), cy: y, r: 4.5 })
      : drawn("path", { class: `hollow ${kind}`, d: diamond(scale(found.value), y, 5) }),
    drawn("text", { class: "value", x: edge, y: y + 4 }, found.text),
  );
}

function diamond(x, y, reach) {
  return `M${x - reach} ${y}L${x} ${y - reach}L${x + reach} ${y}L${x} ${y + reach}Z`;
}

function spokenProfile(row, conditions) {
  return conditions.map((condition) => `${condition.title}: ${Object.values(condition.asks)
    .map((head) => [head, measureOf(row, head.key)])
    .filter(([, found]) => found)
    .map(([head, found]) => `${head.label} ${found.text}`)
    .join(", ")}`).join("; ");
}

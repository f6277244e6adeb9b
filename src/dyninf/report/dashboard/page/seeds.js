// Runs that differ in nothing but their seed, as one: mean curve, spread, mean operating point.

/** Runs by what they share besides seed, thresholds that were chosen, and name; those without a seed stay alone. */
function seedGroups(places) {
  const groups = new Map();
  for (const place of places) {
    const run = content.runs[place], facts = { ...run.facts, ...run.settings, run: null, seed: null, sees_labels: null };
    if (!String(run.facts.promise || "").startsWith("none")) facts.threshold = null;
    let key = run.facts.seed === undefined ? `alone ${place}` : JSON.stringify(facts);
    // The same seed twice says nothing about another training.
    while ((groups.get(key) || []).some((other) => content.runs[other].facts.seed === run.facts.seed)) key += " again";
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(place);
  }
  return [...groups.values()];
}

/** Such as "joint resnet_small": what tells a group from the others. */
function groupName(places, groups) {
  const run = content.runs[places[0]];
  const telling = ["backbone", "scheme", "policy", "promise", ...Object.keys(run.settings || {})].filter((key) => {
    const value = (place) => String({ ...content.runs[place].facts, ...content.runs[place].settings }[key]);
    return new Set(groups.map((group) => value(group[0]))).size > 1;
  });
  const words = telling.map((key) => String({ ...run.facts, ...run.settings }[key]));
  return words.join(" ") || `${run.facts.backbone || run.name} ${run.facts.scheme || ""}`.trim();
}

/** Accuracy at a cost, on the straight line between the neighbouring points of a curve in ascending order of cost. */
function interpolated(cost, top1, at) {
  let i = cost.findIndex((value) => value >= at);
  if (i <= 0) return top1[i === 0 ? 0 : top1.length - 1];
  const share = cost[i] === cost[i - 1] ? 1 : (at - cost[i - 1]) / (cost[i] - cost[i - 1]);
  return top1[i - 1] + share * (top1[i] - top1[i - 1]);
}

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
const deviation = (values) => (values.length < 2 ? 0 : Math.sqrt(values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1)));

/** The series of one group: mean of its runs' own curves, from the least to the most of them, and the mean of their marks. */
async function groupSeries(places, name, style) {
  const runs = places.map((place) => content.runs[place]), curves = [], marks = [];
  for (const run of runs) {
    const curve = movedCurve(run);
    if (curve) {
      const columns = await columnsOf(curve);
      const cost = Array.from(columns.gmacs, (gmacs, p) => costOf(run, gmacs, columns.milliseconds && columns.milliseconds[p]));
      if (!cost.some((value) => value === null)) {
        const order = cost.map((_, p) => p).sort((a, b) => cost[a] - cost[b]);
        curves.push({ cost: order.map((p) => cost[p]), top1: order.map((p) => 100 * columns.top1[p]) });
      }
    }
    const point = await pointOf(run, curve), x = point && costOf(run, point.gmacs, point.milliseconds);
    if (point && x !== null) marks.push({ x, y: 100 * point.top1 });
  }
  const title = `<b>${plain(cut(name, 60))}</b><br>${runs.length} seed${runs.length === 1 ? "" : "s"}: ${plain(runs.map((run) => run.facts.seed).join(", "))}`;
  const lines = [], points = [];
  if (curves.length) {
    const from = Math.max(...curves.map((curve) => curve.cost[0])), to = Math.min(...curves.map((curve) => curve.cost.at(-1)));
    const grid = Array.from({ length: 80 }, (_, i) => from + (to - from) * i / 79);
    const values = grid.map((at) => curves.map((curve) => interpolated(curve.cost, curve.top1, at)));
    if (curves.length > 1 && state.bands !== "none") {
      lines.push({ x: [...grid, ...grid.slice().reverse()], y: [...values.map((one) => Math.max(...one)), ...values.map((one) => Math.min(...one)).reverse()], fill: "toself", fillcolor: tint(style.color, 0.16), line: { width: 0 }, mode: "lines", hoverinfo: "skip", showlegend: false, legendgroup: name });
    }
    lines.push({ x: grid, y: values.map(mean), mode: "lines", name: plain(cut(name, 34)), legendgroup: name, line: { color: style.color, dash: style.dash, width: 2 }, text: values.map((one) => `${title}<br>top-1 ${mean(one).toFixed(1)}%, from ${Math.min(...one).toFixed(1)} to ${Math.max(...one).toFixed(1)}`), hovertemplate: "%{text}<extra></extra>" });
  }
  if (marks.length) {
    const [x, y] = ["x", "y"].map((axis) => marks.map((mark) => mark[axis]));
    const bars = (values) => ({ type: "data", array: [deviation(values)], visible: values.length > 1, thickness: 1.2, color: style.color });
    points.push({ x: [mean(x)], y: [mean(y)], error_x: bars(x), error_y: bars(y), mode: "markers", legendgroup: name, showlegend: !lines.length, name: plain(cut(name, 34)), marker: { color: style.color, symbol: style.symbol, size: 11, line: { width: 1.2, color: isDark() ? "#12161d" : "#ffffff" } },
      text: [`${title}<br>operating points: top-1 ${mean(y).toFixed(1)} ± ${deviation(y).toFixed(1)} %, ${short(mean(x))} ± ${short(deviation(x))}`], hovertemplate: "%{text}<extra></extra>", meta: "seeds" });
  }
  return { lines, points };
}

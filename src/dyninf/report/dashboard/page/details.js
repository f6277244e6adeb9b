// One run: figures, exits, classes, confusion, reliability, confidence, all at the operating point that is shown.

let detailDraw = 0;

/** The chosen run at its operating point: exits of each video, or the reason why there are none. */
async function chosenPoint() {
  const run = content.runs[state.run], trace = run.trace === null ? null : content.traces[run.trace];
  const curve = chosenCurve();
  if (!trace) return { run, trace, curve, why: run.without_trace || "There is no trace of this run.", shares: run.dynamic && run.dynamic.exit_share };
  if (state.budget === null) {
    const isOwn = !curve || curve === ownCurve(run);
    if (!isOwn || !run.own) return { run, trace, curve, why: "No operating point was chosen here: move the slider above to give a budget." };
    const { values } = await unpack(run.own.exit);
    return { run, trace, curve, exits: values, thresholds: run.own.thresholds, policy: run.own.policy };
  }
  if (!curve) return { run, trace, curve, why: "There is no curve along which a budget could move it." };
  const columns = await columnsOf(curve), point = affordable(columns, budgetGmacs(run));
  if (point < 0) {
    const least = Math.min(...(columns.calibration_gmacs || columns.gmacs));
    return { run, trace, curve, why: `The budget is below the cheapest point of this curve, ${short(least)} GMACs.` };
  }
  const threshold = columns.threshold[point];
  return { run, trace, curve, exits: await exitsAt(curve, point), thresholds: trace.checkpoints.map((_, k) => (k + 1 < trace.checkpoints.length ? threshold : null)), policy: curve.policy };
}

async function drawDetails() {
  const turn = ++detailDraw;
  const chosen = await chosenPoint(), { run, trace } = chosen;
  const outcome = chosen.exits ? await outcomeOf(trace, chosen.exits) : null;
  if (turn !== detailDraw) return;
  byId("command").textContent = run.command || "The command of this run is not known.";
  byId("copy").hidden = !run.command;
  byId("run-note").hidden = !chosen.why;
  byId("run-note").textContent = chosen.why || "";
  drawTiles(run, outcome, chosen);
  const shares = outcome ? outcome.shares : chosen.shares;
  drawGrid(run, shares);
  drawExits(run, trace, shares);
  for (const id of ["class-plot", "change-plot", "confusion-plot", "reliability-plot", "confidence-plot"]) byId(id).hidden = !trace;
  if (!trace) return;
  drawClasses(trace, outcome);
  await Promise.all([drawConfusion(trace, chosen.exits), drawReliability(trace), drawConfidence(trace, chosen)]);
}

function drawTiles(run, outcome, chosen) {
  const tile = (value, words) => element("div", { class: "tile" }, element("b", {}, value), element("span", {}, words));
  const tiles = [];
  if (outcome) {
    const given = (chosen.thresholds || []).filter((value) => value !== null);
    const same = given.every((value) => value === given[0]);
    tiles.push(tile(percent(outcome.top1), "top-1, dynamic"), tile(`${signed(outcome.top1 - outcome.fullTop1)} points`, `against full inference, ${percent(outcome.fullTop1)}`),
      tile(short(outcome.gmacs), "mean GMACs a video"), tile(percent(outcome.share), `of full inference's ${short(gmacsOfFull(run))} GMACs`));
    if (given.length) tiles.push(tile(same ? given[0].toFixed(4) : "one each", same ? "threshold" : given.map((value) => value.toFixed(3)).join(", ")));
    tiles.push(tile(outcome.V, "videos"));
  } else {
    tiles.push(tile(percent(run.full.top1), "top-1, full inference"), tile(short(run.full.gmacs), "GMACs, full inference"));
    if (run.dynamic) tiles.push(tile(percent(run.dynamic.top1), "top-1, dynamic"), tile(short(run.dynamic.gmacs), "mean GMACs a video"));
  }
  byId("figures").replaceChildren(...tiles);
}

const gmacsOfFull = (run) => (run.trace === null ? run.full.gmacs : content.traces[run.trace].gmacs.at(-1));

/** Checkpoints along an axis, told apart by their place, whatever their names. */
function checkpointAxis(all, most = 18) {
  const x = all.map((_, k) => k);
  return { x, names: all.map(plain), axis: { tickvals: x, ticktext: all.map((name) => plain(cut(name, most))), zeroline: false } };
}

function drawExits(run, trace, shares) {
  const { x, names, axis } = checkpointAxis(run.checkpoints.map((row) => row.name));
  const bars = shares ? [{ type: "bar", x, y: shares.map((share) => 100 * share), marker: { color: "#e69f00" }, name: "leave here", text: shares.map((share) => percent(share)), textposition: "auto", cliponaxis: false, hovertext: names, hovertemplate: "%{hovertext}: %{y:.1f}% leave<extra></extra>" }] : [];
  const lines = [{ x, y: run.checkpoints.map((row) => 100 * row.top1), mode: "lines+markers", name: "top-1 if all stopped there", line: { color: "#0072b2" }, text: names, hovertemplate: "%{text}: top-1 %{y:.1f}%<extra></extra>" }];
  draw("exit-plot", [...bars, ...lines], { xaxis: axis, yaxis: { title: { text: "%" }, rangemode: "tozero" }, legend: { orientation: "h", y: 1.14, font: { size: 11 } }, margin: { l: 48, r: 10, t: 34, b: 70 } });
}

/** Classes in the order that is asked for, at most 40 of them unless all are. */
function classOrder(trace, outcome) {
  const { byClass } = outcome, K = trace.checkpoints.length;
  const there = trace.classes.map((_, n) => n).filter((n) => byClass.videos[n] > 0);
  const cost = (n) => byClass.gmacs[n] / byClass.videos[n];
  const change = (n) => (byClass.right[n] - byClass.full[n]) / byClass.videos[n];
  const order = byId("class-order").value;
  there.sort((a, b) => (order === "change" ? Math.abs(change(b)) - Math.abs(change(a)) : order === "cheap" ? cost(a) - cost(b) : cost(b) - cost(a)) || a - b);
  const kept = order === "all" ? there : there.slice(0, 40);
  return kept.map((n) => ({
    n, name: plain(cut(trace.classes[n], 30)), whole: plain(trace.classes[n]), cost: cost(n), change: change(n), videos: byClass.videos[n],
    top1: byClass.right[n] / byClass.videos[n], shares: trace.checkpoints.map((_, k) => byClass.left[n * K + k] / byClass.videos[n]),
  }));
}

function drawClasses(trace, outcome) {
  for (const id of ["class-plot", "change-plot"]) byId(id).hidden = !outcome;
  if (!outcome) return;
  const classes = classOrder(trace, outcome).reverse();  // charts begin at the bottom
  const height = Math.max(260, 90 + 17 * classes.length);
  const checkpoints = checkpointAxis(trace.checkpoints, 14);
  const rows = classes.map((one, i) => i), axis = { tickvals: rows, ticktext: classes.map((one) => one.name), tickfont: { size: 10.5 } };
  for (const id of ["class-plot", "change-plot"]) byId(id).style.height = `${height}px`;
  draw("class-plot", [{
    type: "heatmap", x: checkpoints.x, y: rows, z: classes.map((one) => one.shares.map((share) => 100 * share)), zmin: 0, zmax: 100, colorscale: heat(),
    text: classes.map((one) => trace.checkpoints.map((name, k) => `<b>${one.whole}</b> (${one.videos} videos)<br>${percent(one.shares[k])} leave at ${plain(name)}<br>mean ${short(one.cost)} GMACs`)),
    hovertemplate: "%{text}<extra></extra>", colorbar: { title: { text: "% leave" }, thickness: 10 }, xgap: 1, ygap: 1,
  }], { xaxis: { ...checkpoints.axis, tickfont: { size: 10 } }, yaxis: axis, margin: { l: 60, r: 10, t: 10, b: 70 } });
  draw("change-plot", [{
    type: "bar", orientation: "h", y: rows, x: classes.map((one) => 100 * one.change), marker: { color: classes.map((one) => (one.change < 0 ? "#d55e00" : "#0072b2")) },
    text: classes.map((one) => `<b>${one.whole}</b> (${one.videos} videos)<br>top-1 ${percent(one.top1)}, ${signed(one.change)} points against full inference<br>mean ${short(one.cost)} GMACs`),
    textposition: "none", hovertemplate: "%{text}<extra></extra>",
  }], { xaxis: { title: { text: "top-1 against full inference (points)" } }, yaxis: axis, showlegend: false, margin: { l: 60, r: 10, t: 10, b: 46 } });
}

async function drawConfusion(trace, exits) {
  const at = byId("confusion-at").value, K = trace.checkpoints.length, N = trace.classes.length;
  const [{ values: label }, { values: predicted }] = await Promise.all([unpack(trace.label), unpack(trace.predicted)]);
  byId("confusion-plot").hidden = at === "exit" && !exits;
  if (byId("confusion-plot").hidden) return;
  const counts = Array.from({ length: N }, () => new Array(N).fill(0));
  for (let v = 0; v < label.length; v++) counts[label[v]][predicted[v * K + (at === "exit" ? exits[v] : Number(at))]]++;
  const sums = counts.map((row) => row.reduce((a, b) => a + b, 0)), few = N <= 40;
  const names = trace.classes.map((name) => plain(cut(name, 22)));
  const axis = few ? { tickvals: names.map((_, n) => n), ticktext: names, tickfont: { size: 9.5 } } : {};
  await draw("confusion-plot", [{
    type: "heatmap", z: counts.map((row, n) => row.map((count) => (sums[n] ? 100 * count / sums[n] : null))), zmin: 0, zmax: 100, colorscale: heat(), colorbar: { title: { text: "% of class" }, thickness: 10 },
    text: N <= 120 ? counts.map((row, n) => row.map((count, m) => `${plain(trace.classes[n])} taken for ${plain(trace.classes[m])}<br>${count} of ${sums[n]} videos`)) : undefined,
    hovertemplate: N <= 120 ? "%{text}<extra></extra>" : "class %{y} taken for %{x}: %{z:.1f}%<extra></extra>",
  }], { xaxis: { ...axis, title: { text: "answer" }, tickangle: -60 }, yaxis: { ...axis, title: { text: "class" }, autorange: "reversed" }, margin: { l: 70, r: 10, t: 10, b: 90 } });
}

const BINS = 15;

async function drawReliability(trace) {
  const K = trace.checkpoints.length;
  const [{ values: label }, { values: predicted }, { values: probability }] = await Promise.all([unpack(trace.label), unpack(trace.predicted), unpack(trace.probability)]);
  const traces = trace.checkpoints.map((name, k) => {
    const count = new Array(BINS).fill(0), right = new Array(BINS).fill(0), sum = new Array(BINS).fill(0);
    for (let v = 0; v < label.length; v++) {
      const value = probability[v * K + k], bin = Math.min(BINS - 1, Math.floor(value * BINS / SHARES));
      count[bin]++; sum[bin] += value / SHARES; right[bin] += predicted[v * K + k] === label[v];
    }
    const bins = count.map((_, b) => b).filter((b) => count[b]);
    const error = bins.reduce((total, b) => total + Math.abs(right[b] - sum[b]), 0) / label.length;
    const style = lineStyle(k);
    return {
      x: bins.map((b) => sum[b] / count[b]), y: bins.map((b) => right[b] / count[b]), mode: "lines+markers", name: plain(`${cut(name, 16)}  ECE ${error.toFixed(3)}`),
      line: { color: style.color, dash: style.dash, width: 1.5 }, marker: { symbol: style.symbol, size: bins.map((b) => 4 + 9 * Math.sqrt(count[b] / label.length)) },
      text: bins.map((b) => `${plain(name)}: ${right[b]} of ${count[b]} videos right`), hovertemplate: "%{text}<br>probability %{x:.3f}, right %{y:.3f}<extra></extra>",
      visible: K > 6 && k % Math.ceil(K / 6) !== 0 && k !== K - 1 ? "legendonly" : true,
    };
  });
  const diagonal = { x: [0, 1], y: [0, 1], mode: "lines", line: { color: "#7f7f7f", width: 1, dash: "dot" }, hoverinfo: "skip", showlegend: false };
  await draw("reliability-plot", [diagonal, ...traces], { xaxis: { title: { text: "probability of the answer" }, range: [0, 1.02] }, yaxis: { title: { text: "share that is right" }, range: [0, 1.02] } });
}

/** A quantile of sorted values, between neighbours on a straight line. */
function quantile(values, q) {
  const place = q * (values.length - 1), below = Math.floor(place);
  return values[below] + (place - below) * (values[Math.min(below + 1, values.length - 1)] - values[below]);
}

async function drawConfidence(trace, { thresholds, policy, curve }) {
  const K = trace.checkpoints.length;
  const [{ values: label }, { values: predicted }, { values: probability }] = await Promise.all([unpack(trace.label), unpack(trace.predicted), unpack(trace.probability)]);
  const { x, names, axis } = checkpointAxis(trace.checkpoints);
  const kinds = [["right in full inference", "#0072b2", true], ["wrong in full inference", "#d55e00", false]];
  const traces = kinds.flatMap(([name, color, wanted]) => {
    const quartiles = names.map((_, k) => {
      const values = [];
      for (let v = 0; v < label.length; v++) if ((predicted[v * K + K - 1] === label[v]) === wanted) values.push(probability[v * K + k] / SHARES);
      values.sort((a, b) => a - b);
      return [0.25, 0.5, 0.75].map((q) => (values.length ? quantile(values, q) : null));
    });
    const line = (q, more) => ({ x, y: quartiles.map((values) => values[q]), mode: "lines", line: { width: 0, color }, hoverinfo: "skip", showlegend: false, ...more });
    return [line(0, {}), line(2, { fill: "tonexty", fillcolor: tint(color, 0.16) }), line(1, { mode: "lines+markers", line: { color, width: 2 }, name, showlegend: true, hoverinfo: "all", text: names, hovertemplate: "%{text}: median %{y:.3f}<extra></extra>" })];
  });
  // Thresholds of scaled probabilities are not those of what is drawn here.
  if (thresholds && (policy || "").startsWith("max_probability") && !(curve && curve.is_scaled)) {
    traces.push({ x, y: thresholds, mode: "lines", name: "threshold", line: { color: isDark() ? "#e8ecf2" : "#1c2330", dash: "dot", width: 1.4, shape: "hvh" }, text: names, hovertemplate: "%{text}: threshold %{y:.4f}<extra></extra>" });
  }
  await draw("confidence-plot", traces, { xaxis: axis, yaxis: { title: { text: "probability of the answer" }, range: [0, 1.03] }, margin: { l: 56, r: 14, t: 10, b: 70 } });
}

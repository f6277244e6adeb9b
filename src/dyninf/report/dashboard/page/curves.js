// The main chart: accuracy against cost, operating points, the Pareto front, published points, and the budget.

const state = {
  dataset: null, unit: "gmacs", scale: "linear", color: "run", bands: "selected", overlay: "", pareto: true, seeds: false,
  hidden: new Set(), policies: new Set(), budget: null, budgetUnit: "share", run: 0, curve: null,
};

const datasetOf = (run) => run.facts.dataset || "";
const fullGmacs = (run) => run.full.gmacs;
const isShown = (place) => !state.hidden.has(place) && datasetOf(content.runs[place]) === state.dataset;

/** The curve of a run's own policy; undefined where it has none. */
const ownCurve = (run) => (run.own_curve === null ? undefined : content.curves[run.own_curve]);

/** The curve on which a budget moves a run: its own, else the first one. */
const movedCurve = (run) => ownCurve(run) || content.curves[run.curves[0]];

/** The curves of a run that are drawn: its own, and those of the chosen policies. */
function curvesOf(run) {
  const there = run.curves.map((number) => content.curves[number]);
  return there.filter((curve) => (curve === ownCurve(run) ? state.policies.has("") : state.policies.has(curve.policy)));
}

/** The curve of the chosen run that details are shown of; undefined where it has none. */
const chosenCurve = () => (state.curve === null ? movedCurve(content.runs[state.run]) : content.curves[state.curve]);

/** Costs of a run's operating point in the chart's unit; null where it was not measured. */
function costOf(run, gmacs, milliseconds) {
  if (state.unit.startsWith("ms ")) return milliseconds === undefined || run.milliseconds.device !== state.unit.slice(3) ? null : milliseconds;
  return state.unit === "share" ? 100 * gmacs / fullGmacs(run) : gmacs;
}

const budgetGmacs = (run) => (state.budgetUnit === "share" ? state.budget * fullGmacs(run) : state.budget);

/** A run's operating point: the one that it chose, or that of the budget on one of its curves; null without. */
async function pointOf(run, curve) {
  if (state.budget === null) {
    if (!run.dynamic || (curve && curve !== ownCurve(run))) return null;
    const times = run.milliseconds;
    return { top1: run.dynamic.top1, gmacs: run.dynamic.gmacs, milliseconds: times ? times.dynamic : undefined, threshold: null, point: null };
  }
  if (!curve) return null;
  const columns = await columnsOf(curve), point = affordable(columns, budgetGmacs(run));
  if (point < 0) return null;
  return { top1: columns.top1[point], gmacs: columns.gmacs[point], milliseconds: columns.milliseconds && columns.milliseconds[point], threshold: columns.threshold[point], point };
}

/** What tells runs apart by colour. */
function colorKey(run, curve) {
  if (state.color === "run") return run.name;
  if (state.color === "policy") return curve ? curve.policy : run.facts.policy;
  if (state.color in run.facts) return String(run.facts[state.color]);
  return String((run.settings || {})[state.color]);
}

function hoverOf(run, curve, lines) {
  return [`<b>${plain(cut(run.name, 60))}</b>`, plain(`${run.facts.backbone} · ${run.facts.scheme}${curve ? ` · ${curve.policy}` : ""}`), ...lines.map(plain),
    run.command ? `<span style="font-family:monospace">${wrapped(run.command)}</span>` : ""].filter(Boolean).join("<br>");
}

/** Places of those that no other beats: nowhere dearer or worse, and somewhere better. */
function paretoFront(points) {
  return points.filter((one) => !points.some((other) => other.x <= one.x && other.y >= one.y && (other.x < one.x || other.y > one.y)))
    .sort((a, b) => a.x - b.x);
}

let curveDraw = 0;

async function drawCurves() {
  const turn = ++curveDraw;
  const styles = new Map(), traces = [], marks = [], points = [], many = content.runs.length > 14;
  const shown = content.runs.map((run, place) => ({ run, place })).filter(({ place }) => isShown(place));
  if (state.seeds) {
    const groups = seedGroups(shown.map(({ place }) => place));
    for (const [i, group] of groups.entries()) {
      const series = await groupSeries(group, groupName(group, groups), lineStyle(i));
      traces.push(...series.lines); marks.push(...series.points);
      styles.set(i, null);
      if (!content.runs[group[0]].facts.sees_labels) points.push(...series.points.map((one) => ({ x: one.x[0], y: one.y[0] })));
    }
  } else for (const { run, place } of shown) {
    const drawn = curvesOf(run);
    if (!ownCurve(run) && run.dynamic && state.policies.has("")) drawn.push(null);
    for (const curve of drawn) {
      const key = colorKey(run, curve);
      if (!styles.has(key)) styles.set(key, lineStyle(styles.size));
      const style = styles.get(key), first = !traces.some((trace) => trace.legendgroup === key);
      const name = plain(cut(key, 34)), isChosen = place === state.run;
      if (curve) {
        const columns = await columnsOf(curve);
        const cost = Array.from(columns.gmacs, (gmacs, p) => costOf(run, gmacs, columns.milliseconds && columns.milliseconds[p]));
        if (cost.some((value) => value === null)) continue;
        const order = cost.map((_, p) => p).sort((a, b) => cost[a] - cost[b]);
        if (state.bands === "all" || (state.bands === "selected" && isChosen && curve === chosenCurve())) {
          traces.push({
            x: [...order.map((p) => cost[p]), ...order.map((p) => cost[p]).reverse()],
            y: [...order.map((p) => 100 * columns.high[p]), ...order.map((p) => 100 * columns.low[p]).reverse()],
            fill: "toself", fillcolor: tint(style.color, 0.14), line: { width: 0 }, hoverinfo: "skip", showlegend: false, legendgroup: key, mode: "lines",
          });
        }
        traces.push({
          x: order.map((p) => cost[p]), y: order.map((p) => 100 * columns.top1[p]), mode: "lines", name, legendgroup: key, showlegend: first,
          line: { color: style.color, dash: curve.sees_labels ? "dot" : style.dash, width: isChosen ? 3 : 1.6 },
          text: order.map((p) => hoverOf(run, curve, [
            `threshold ${short(columns.threshold[p])}${curve.sees_labels ? " (sees the labels: a bound, no method)" : ""}`,
            `top-1 ${percent(columns.top1[p])}, ${percent(content.level, 0)} interval ${percent(columns.low[p])} to ${percent(columns.high[p])}`,
            `${short(columns.gmacs[p])} GMACs, ${percent(columns.gmacs[p] / fullGmacs(run))} of full inference`])),
          hovertemplate: "%{text}<extra></extra>", meta: place,
        });
      }
      const point = await pointOf(run, curve);
      const x = point && costOf(run, point.gmacs, point.milliseconds);
      if (point && x !== null) {
        if (!(curve ? curve.sees_labels : run.facts.sees_labels)) points.push({ x, y: 100 * point.top1 });
        marks.push({
          x: [x], y: [100 * point.top1], mode: "markers", legendgroup: key, showlegend: first && !curve, name, meta: place,
          marker: { color: style.color, symbol: style.symbol, size: isChosen ? 15 : many ? 8 : 11, line: { width: 1.2, color: isDark() ? "#12161d" : "#ffffff" } },
          text: [hoverOf(run, curve, [state.budget === null ? "operating point of the run" : `at the budget, threshold ${short(point.threshold)}`,
            `top-1 ${percent(point.top1)}`, `${short(point.gmacs)} GMACs, ${percent(point.gmacs / fullGmacs(run))} of full inference`])],
          hovertemplate: "%{text}<extra></extra>",
        });
      }
    }
  }
  traces.push(...(state.seeds ? [] : checkpointPoints()), ...marks, ...fullPoints(shown));
  if (state.pareto && points.length > 1) {
    const front = paretoFront(points);
    traces.push({ x: front.map((p) => p.x), y: front.map((p) => p.y), mode: "lines", name: "Pareto front", line: { shape: "hv", width: 1.2, color: isDark() ? "#e8ecf2" : "#1c2330", dash: "dot" }, hoverinfo: "skip" });
  }
  traces.push(...publishedPoints());
  if (turn !== curveDraw) return;
  const units = { gmacs: "mean GMACs a video", share: "mean cost a video (% of full inference)" };
  const xaxis = { title: { text: units[state.unit] || `ms a video, predicted from measured checkpoints, on ${plain(cut(state.unit.slice(3), 60))}` }, type: state.scale };
  if (state.scale === "linear") xaxis.rangemode = "tozero";
  await draw("curve-plot", traces, { xaxis, yaxis: { title: { text: "top-1 (%)" } }, hovermode: "closest", showlegend: !(isNarrow() && styles.size > 6) });
}

/** Full inference: a hollow square a network. */
function fullPoints(shown) {
  const seen = new Set(), traces = [];
  for (const { run, place } of shown) {
    const x = costOf(run, run.full.gmacs, run.milliseconds ? run.milliseconds.full : undefined);
    const key = `${x} ${run.full.top1}`;
    if (x === null || seen.has(key)) continue;
    seen.add(key);
    traces.push({ place, run, x });
  }
  return [{
    x: traces.map((one) => one.x), y: traces.map((one) => 100 * one.run.full.top1), mode: "markers", name: "full inference",
    marker: { symbol: "square-open", size: 10, color: isDark() ? "#e8ecf2" : "#1c2330", line: { width: 2 } },
    text: traces.map(({ run }) => hoverOf(run, null, [`full inference: top-1 ${percent(run.full.top1)}`, `${short(run.full.gmacs)} GMACs`])),
    hovertemplate: "%{text}<extra></extra>",
  }];
}

/** The chosen run's checkpoints, if every video stopped there. */
function checkpointPoints() {
  const run = content.runs[state.run];
  if (!run || !isShown(state.run)) return [];
  const times = run.milliseconds ? run.milliseconds.checkpoints : [];
  const rows = run.checkpoints.map((row, k) => ({ ...row, x: costOf(run, row.gmacs, times[k]) })).filter((row) => row.x !== null);
  return [{
    x: rows.map((row) => row.x), y: rows.map((row) => 100 * row.top1), mode: "markers", name: "all stop at one checkpoint",
    marker: { symbol: "x-thin", size: 8, color: "#7f7f7f", line: { width: 1.6, color: "#7f7f7f" } },
    text: rows.map((row) => hoverOf(run, null, [`every video stops at ${row.name}: top-1 ${percent(row.top1)}`, `${short(row.gmacs)} GMACs`])),
    hovertemplate: "%{text}<extra></extra>",
  }];
}

/** Points of the paper and of what it quotes, for the chosen data set; they have GMACs alone. */
function publishedPoints() {
  if (!state.overlay || state.unit !== "gmacs") return [];
  const rows = content.published.filter((row) => row.dataset === state.overlay);
  return [true, false].map((own) => {
    const these = rows.filter((row) => row.own === own);
    return {
      x: these.map((row) => row.gmacs), y: these.map((row) => 100 * row.top1), mode: "markers",
      name: plain(own ? `Wu et al. 2020, ${state.overlay}` : `others there, ${state.overlay}`),
      marker: { symbol: own ? "star" : "cross-open", size: own ? 13 : 9, color: own ? "#e69f00" : "#7f7f7f", line: { width: 1 } },
      text: these.map((row) => [`<b>${plain(row.system)}</b>`, plain(row.backbone), `top-1 ${percent(row.top1)}, ${short(row.gmacs)} GMACs`, wrapped(`as printed in ${row.source}`)].join("<br>")),
      hovertemplate: "%{text}<extra></extra>",
    };
  });
}

/** Ends of the slider, in the unit of the budget: from the cheapest first checkpoint to the dearest network. */
function budgetEnds() {
  const runs = content.runs.filter((run) => datasetOf(run) === state.dataset);
  const least = runs.map((run) => run.checkpoints[0].gmacs / (state.budgetUnit === "share" ? fullGmacs(run) : 1));
  const most = runs.map((run) => (state.budgetUnit === "share" ? 1 : fullGmacs(run)));
  return [Math.min(...least), Math.max(...most)];
}

/** The slider's place is even in the logarithm of the budget, so that cheap ones can be told apart. */
function budgetAt(place) {
  const [least, most] = budgetEnds();
  return least * (most / least) ** (place / 1000);
}

function showBudget() {
  const held = content.curves.some((curve) => curve.counts.includes("calibration_right"));
  byId("as-run").disabled = state.budget === null;
  byId("budget-value").textContent = state.budget === null ? "as the runs chose"
    : state.budgetUnit === "share" ? `${percent(state.budget)} of full` : `${short(state.budget)} GMACs`;
  byId("budget-note").textContent = state.budget === null
    ? "Marks are the operating points that the runs chose. Move the slider to give all of them a budget."
    : held ? "For each curve: the most accurate threshold that keeps the budget on the calibration split, shown as it does on the reported split. Where a run has no calibration trace, its own curve is read off, which promises nothing."
      : "Read off the curves of the reported split itself, since there is no calibration trace: a description, no promise.";
}

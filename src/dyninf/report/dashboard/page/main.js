// What happens when something is chosen.

const ofAllRuns = (key) => new Set(content.runs.map((run) => String(run.facts[key]))).size;

function options(select, pairs, value) {
  select.replaceChildren(...pairs.map(([key, words]) => element("option", { value: key, title: words }, cut(words, 70))));
  if (value !== undefined) select.value = value;
}

function fillControls() {
  const datasets = [...new Set(content.runs.map(datasetOf))];
  state.dataset = datasetOf(content.runs[0]);
  options(byId("dataset"), datasets.map((name) => [name, name || "(not named)"]), state.dataset);
  const devices = new Set(content.runs.filter((run) => run.milliseconds).map((run) => run.milliseconds.device));
  byId("unit").append(...[...devices].map((device) => element("option", { value: `ms ${device}` }, `ms on ${cut(device, 40)}`)));
  const settings = Object.keys(content.runs[0].settings || {});
  const keys = ["run", "policy", ...["backbone", "scheme", "seed"].filter((key) => ofAllRuns(key) > 1), ...settings];
  state.color = content.runs.length > 10 && ofAllRuns("backbone") > 1 ? "backbone" : content.runs.length > 10 && ofAllRuns("scheme") > 1 ? "scheme" : content.runs.length === 1 && content.runs[0].curves.length > 1 ? "policy" : "run";
  options(byId("color"), keys.map((key) => [key, `by ${HEADINGS[key] || key}`]), state.color);
  const published = [...new Set(content.published.map((row) => row.dataset))];
  options(byId("overlay"), [["", "none"], ...published.map((name) => [name, `${name} (Wu et al. 2020)`])], "");
  const places = content.runs.map((_, place) => place);
  byId("seeds").parentElement.hidden = seedGroups(places).every((group) => group.length === 1);
  fillPolicies();
  fillRuns();
}

function fillPolicies() {
  const own = new Set(content.runs.map((run) => run.own_curve)), names = [...new Set(content.curves.filter((_, i) => !own.has(i)).map((curve) => curve.policy))];
  state.policies = new Set([""]);
  if (!names.length) return byId("policies").replaceChildren();
  if (content.runs.length <= 2 && names.length <= 8) names.forEach((name) => state.policies.add(name));
  const hasOwn = content.runs.some((run) => run.own_curve !== null || run.dynamic);
  if (!hasOwn) state.policies.add(names[0]);
  byId("policies").replaceChildren("policies:", ...[...(hasOwn ? [["", "each run's own"]] : []), ...names.map((name) => [name, name])].map(([name, words]) => {
    const box = element("input", { type: "checkbox", "data-policy": name });
    box.checked = state.policies.has(name);
    box.addEventListener("change", () => { box.checked ? state.policies.add(name) : state.policies.delete(name); drawCurves(); });
    return element("label", {}, box, ` ${cut(words, 40)}`);
  }));
}

function fillRuns() {
  const pairs = content.runs.map((run, place) => [String(place), run.name]);
  for (const id of ["which-run", "diff-a", "diff-b"]) options(byId(id), pairs);
  if (pairs.length > 1) byId("diff-b").value = "1";
  byId("diff").hidden = pairs.length < 2;
  const left = Object.entries(content.left_out);
  byId("left-out").hidden = !left.length;
  byId("left-out").querySelector("summary").textContent = `${left.length} left out`;
  byId("left-out").querySelector("ul").replaceChildren(...left.map(([name, reason]) => element("li", {}, `${name}: ${reason}`)));
}

function chooseRun(place) {
  state.run = place; state.curve = null;
  const run = content.runs[place];
  if (datasetOf(run) !== state.dataset) { state.dataset = datasetOf(run); byId("dataset").value = state.dataset; }
  byId("which-run").value = String(place);
  options(byId("which-curve"), run.curves.map((number) => [String(number), content.curves[number].policy + (number === run.own_curve ? " (the run's own)" : "")]));
  byId("point-note").textContent = run.notes.length ? `${run.name}: ${run.notes.join("; ")}.` : "";
  byId("which-curve").disabled = run.curves.length < 2;
  options(byId("confusion-at"), [["exit", "where each video left"], ...run.checkpoints.map((row, k) => [String(k), `all at ${row.name}`])]);
  drawRuns(); drawGallery();
  return Promise.all([drawCurves(), drawDetails()]);
}

/** Figures of every run at the budget, for the table. */
async function updateBudget() {
  showBudget();
  await Promise.all(content.runs.map(async (run) => { run.atBudget = state.budget === null || !run.curves.length ? null : await pointOf(run, movedCurve(run)); }));
  drawRuns(); drawCurves(); drawDetails();
}

let waiting = null;
const soon = (work) => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(work); };

function redraw() { applyTheme(); drawRuns(); drawCurves(); drawDetails(); drawGallery(); }

function listen() {
  const choose = (id, key, then = drawCurves) => byId(id).addEventListener("change", (event) => { state[key] = event.target.type === "checkbox" ? event.target.checked : event.target.value; then(); });
  choose("unit", "unit"); choose("scale", "scale"); choose("color", "color"); choose("bands", "bands"); choose("pareto", "pareto"); choose("overlay", "overlay"); choose("seeds", "seeds");
  choose("dataset", "dataset", () => { chooseRun(content.runs.findIndex((run) => datasetOf(run) === state.dataset)); showBudget(); });
  byId("budget").addEventListener("input", (event) => { state.budget = budgetAt(Number(event.target.value)); soon(updateBudget); });
  byId("budget-unit").addEventListener("change", (event) => { state.budgetUnit = event.target.value; if (state.budget !== null) state.budget = budgetAt(Number(byId("budget").value)); updateBudget(); });
  byId("as-run").addEventListener("click", () => { state.budget = null; byId("budget").value = 1000; updateBudget(); });
  byId("filter").addEventListener("input", drawRuns);
  byId("csv").addEventListener("click", downloadCsv);
  for (const id of ["diff-a", "diff-b"]) byId(id).addEventListener("change", drawDiff);
  byId("which-run").addEventListener("change", (event) => chooseRun(Number(event.target.value)));
  byId("which-curve").addEventListener("change", (event) => { state.curve = Number(event.target.value); drawCurves(); drawDetails(); });
  byId("class-order").addEventListener("change", drawDetails);
  byId("confusion-at").addEventListener("change", drawDetails);
  byId("theme").addEventListener("click", () => { chosenTheme = isDark() ? "light" : "dark"; redraw(); });
  byId("copy").addEventListener("click", async () => { await navigator.clipboard.writeText(byId("command").textContent); byId("copy").textContent = "copied"; setTimeout(() => { byId("copy").textContent = "copy"; }, 1500); });
  prefersDark.addEventListener("change", redraw);
  window.addEventListener("beforeprint", () => { document.printing = true; redraw(); });
  window.addEventListener("afterprint", () => { document.printing = false; redraw(); });
}

function start() {
  applyTheme();
  byId("title").textContent = content.title;
  document.title = content.title;
  const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
  byId("about").textContent = [count(content.runs.length, "run"), count(content.curves.length, "curve"), content.runs.length === 1 ? count(content.runs[0].videos, "video") : ""].filter(Boolean).join(" · ");
  byId("footer").textContent = `Made by dyninf ${content.version}. GMACs: 10⁹ multiply-adds, what the literature often calls FLOPs. Bands: ${percent(content.level, 0)} intervals over the videos (bootstrap). Grad-CAM: Selvaraju et al. 2017. Charts: Plotly.js.`;
  fillControls(); listen(); showBudget(); startFilms();
  chooseRun(0).then(() => { document.body.dataset.drawn = "true"; });  // for those who measure
  drawDiff();
}

function fail(error) {
  byId("problem").hidden = false;
  byId("problem").textContent = typeof DecompressionStream === "undefined"
    ? "This browser is too old for the report: it needs DecompressionStream (Chrome 80, Firefox 113, Safari 16.4 or newer)."
    : `The report cannot be drawn: ${error && error.message ? error.message : error}`;
}

window.addEventListener("unhandledrejection", (event) => fail(event.reason));
try { start(); } catch (error) { fail(error); throw error; }

// The table of runs: sort, filter, show and hide, download, compare two configs.

const sorting = { column: null, up: true };

const HEADINGS = { run: "run", backbone: "backbone", scheme: "scheme", dataset: "data set", seed: "seed", policy: "policy", threshold: "threshold", promise: "promise", top1_full: "top-1 full", top1_dynamic: "top-1 dynamic", gmacs_full: "GMACs full", gmacs_dynamic: "GMACs dynamic", share_of_full: "of full", budget_top1: "top-1 at budget", budget_gmacs: "GMACs at budget" };
const FIGURES = ["top1_full", "top1_dynamic", "gmacs_full", "gmacs_dynamic", "share_of_full"];

/** A row's values by column, as they are: figures as numbers, the rest as text. */
function rowOf(run) {
  return {
    ...run.facts, run: run.name, ...run.settings, ...run.figures,
    top1_full: run.full.top1, gmacs_full: run.full.gmacs, command: run.command,
    budget_top1: run.atBudget ? run.atBudget.top1 : undefined, budget_gmacs: run.atBudget ? run.atBudget.gmacs : undefined,
  };
}

function columnsOfRuns() {
  const facts = ["run", "backbone", "scheme", "dataset", "seed", "policy", "threshold", "promise"].filter((key) => content.runs.some((run) => key === "run" || run.facts[key] !== undefined));
  const same = (key) => key !== "run" && content.runs.length > 1 && new Set(content.runs.map((run) => String(run.facts[key]))).size === 1;
  const settings = Object.keys((content.runs[0] || {}).settings || {});
  return [...facts.filter((key) => !same(key)), ...settings, ...FIGURES, ...(state.budget === null ? [] : ["budget_top1", "budget_gmacs"])];
}

const isFigure = (column) => FIGURES.includes(column) || column.startsWith("budget_");

function shownValue(column, value) {
  if (value === null || value === undefined) return "";
  if (!isFigure(column)) return typeof value === "object" ? JSON.stringify(value) : String(value);
  return column.includes("gmacs") ? short(value) : percent(value);
}

function filteredRuns() {
  const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const places = content.runs.map((_, place) => place).filter((place) => {
    const row = rowOf(content.runs[place]), text = Object.entries(row).map(([key, value]) => shownValue(key, value)).join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  });
  if (sorting.column) {
    const value = (place) => rowOf(content.runs[place])[sorting.column];
    places.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === undefined || x === null) return 1;
      if (y === undefined || y === null) return -1;
      const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
      return sorting.up ? order : -order;
    });
  }
  return places;
}

function drawRuns() {
  const columns = columnsOfRuns(), places = filteredRuns(), table = byId("runs-table");
  const head = element("tr", {}, element("th", {}, element("span", { title: "drawn in the chart" }, "shown")), ...columns.map((column) => {
    const sort = sorting.column === column ? (sorting.up ? "ascending" : "descending") : "none";
    const button = element("button", { type: "button", "data-column": column }, `${HEADINGS[column] || column}${sort === "none" ? "" : sorting.up ? " ▲" : " ▼"}`);
    button.addEventListener("click", () => {
      sorting.up = sorting.column === column ? !sorting.up : true;
      sorting.column = column;
      drawRuns();
    });
    return element("th", { "aria-sort": sort, class: isFigure(column) ? "number" : null, scope: "col" }, button);
  }));
  table.tHead.replaceChildren(head);
  table.tBodies[0].replaceChildren(...places.map((place) => {
    const run = content.runs[place], row = rowOf(run);
    const box = element("input", { type: "checkbox", "aria-label": `draw ${run.name}` });
    box.checked = !state.hidden.has(place);
    box.addEventListener("change", () => { box.checked ? state.hidden.delete(place) : state.hidden.add(place); drawCurves(); });
    const cells = columns.map((column) => {
      const cell = element("td", { class: isFigure(column) ? "number" : "text", title: column === "run" ? run.command : null });
      if (column === "run") {
        const pick = element("button", { type: "button" }, cut(row.run, 80));
        pick.addEventListener("click", () => chooseRun(place));
        cell.append(pick);
      } else cell.textContent = cut(shownValue(column, row[column]), 120);
      return cell;
    });
    return element("tr", { class: place === state.run ? "chosen" : null, "data-run": place }, element("td", {}, box), ...cells);
  }));
  byId("runs-count").textContent = `${places.length} of ${content.runs.length}`;
}

/** As a table for other programs: all digits. A cell that a spreadsheet would run as a formula becomes text. */
function csvText() {
  const columns = [...columnsOfRuns(), "command"];
  const cell = (value) => {
    let text = value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
    if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
    return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  const lines = filteredRuns().map((place) => { const row = rowOf(content.runs[place]); return columns.map((column) => cell(row[column])).join(","); });
  return [columns.map(cell).join(","), ...lines].join("\r\n") + "\r\n";
}

function downloadCsv() {
  const url = URL.createObjectURL(new Blob([csvText()], { type: "text/csv" }));
  const link = element("a", { href: url, download: "runs.csv" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function drawDiff() {
  const [a, b] = ["diff-a", "diff-b"].map((id) => content.runs[Number(byId(id).value)]);
  if (!a || !b) return;
  const keys = [...new Set([...Object.keys(a.config), ...Object.keys(b.config)])].sort();
  const shown = (config, key) => (key in config ? JSON.stringify(config[key]) : "–");
  const rows = keys.filter((key) => shown(a.config, key) !== shown(b.config, key));
  const lines = rows.map((key) => element("tr", {}, element("td", { class: "text" }, key), element("td", { class: "text" }, shown(a.config, key)), element("td", { class: "text" }, shown(b.config, key))));
  byId("diff-table").tBodies[0].replaceChildren(...(lines.length ? lines : [element("tr", {}, element("td", { colspan: 3 }, "The same in every setting."))]));
}

// The chosen run's grid: frames across, depth down, who computes what and who leaves where.

/** Share of the videos that compute each cell of the route, given the shares that leave at each checkpoint. */
function cellShares(grid, shares) {
  let still = 1;
  const places = new Map(grid.checkpoints.map((place, k) => [`${place.group} ${place.stage}`, k]));
  return grid.cells.map((cell) => {
    const here = still, k = places.get(`${cell.group} ${cell.stage}`);
    if (k !== undefined) still = Math.max(0, still - shares[k]);
    return { ...cell, share: here, checkpoint: k === undefined ? null : k };
  });
}

function drawGrid(run, shares) {
  const place = byId("grid-plot");
  if (!run.grid || !shares) {
    place.replaceChildren(element("p", { class: "soft" }, run.grid ? "No operating point." : "The run's summary has no grid: it is of an older version, or of a trace alone. python -m dyninf.evaluate writes one."));
    return;
  }
  const { groups, stages } = run.grid, G = groups.length, D = stages.length;
  const W = 132, H = 74, left = 88, top = 46;
  const svg = element("svg", { viewBox: `0 0 ${left + G * W + 8} ${top + D * H + 8}`, width: left + G * W + 8, role: "img", "aria-label": "Frames across, depth down: share of videos that compute each cell" });
  const ink = isDark() ? "#e8ecf2" : "#1c2330", soft = isDark() ? "#a3adbb" : "#5a6474", line = isDark() ? "#333c4a" : "#d9dde3";
  const write = (x, y, text, more = {}) => { svg.append(element("text", { x, y, fill: ink, "font-size": 12, "text-anchor": "middle", ...more }, text)); };
  groups.forEach((frames, g) => {
    write(left + (g + 0.5) * W, 16, G === 1 ? "all frames" : `group ${g + 1}`, { "font-weight": 600 });
    write(left + (g + 0.5) * W, 34, cut(frames.join(" "), 20), { fill: soft, "font-size": 10.5 });
  });
  stages.forEach((name, d) => write(left - 8, top + (d + 0.5) * H, cut(name, 12), { "text-anchor": "end", "dominant-baseline": "middle" }));
  for (let g = 0; g < G; g++) for (let d = 0; d < D; d++) {
    svg.append(element("rect", { x: left + g * W + 3, y: top + d * H + 3, width: W - 6, height: H - 6, rx: 7, fill: "none", stroke: line, "stroke-dasharray": "3 3" }));
  }
  cellShares(run.grid, shares).forEach((cell, i) => {
    const x = left + (cell.group - 1) * W + 3, y = top + (cell.stage - 1) * H + 3;
    const strong = cell.share > 0.55, words = strong ? "#ffffff" : ink;
    const box = element("rect", { x, y, width: W - 6, height: H - 6, rx: 7, fill: "#0072b2", "fill-opacity": 0.06 + 0.86 * cell.share, stroke: "#0072b2", "stroke-opacity": 0.5, "data-share": cell.share, "data-cell": `${cell.group},${cell.stage}` });
    box.append(element("title", {}, `cell (${cell.group}, ${cell.stage}), step ${i + 1}: ${percent(cell.share)} of the videos compute it, ${short(cell.gmacs)} GMACs`));
    svg.append(box);
    write(x + 10, y + 15, i + 1, { fill: strong ? "#dbeefa" : soft, "font-size": 10, "text-anchor": "start" });
    write(x + (W - 6) / 2, y + 30, percent(cell.share, 0), { fill: words, "font-weight": 600, "font-size": 14 });
    write(x + W - 16, y + 15, `${short(cell.gmacs)} G`, { fill: strong ? "#dbeefa" : soft, "font-size": 10, "text-anchor": "end" });
    if (cell.checkpoint !== null) {
      const share = shares[cell.checkpoint], width = W - 24;
      svg.append(element("rect", { x: x + 9, y: y + H - 28, width, height: 16, rx: 4, fill: isDark() ? "#12161d" : "#ffffff", "fill-opacity": 0.9 }));
      svg.append(element("rect", { x: x + 9, y: y + H - 28, width: width * share, height: 16, rx: 4, fill: "#e69f00" }));
      write(x + 14, y + H - 16, `✓ ${percent(share)} leave`, { "font-size": 11, "text-anchor": "start", fill: ink });
    }
  });
  place.replaceChildren(svg);
}

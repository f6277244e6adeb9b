// The score of every checkpoint against its threshold, over what a clip has cost by then.

import { svg } from "./dom.js";

const HEIGHT = 210;
const EDGE = { left: 34, right: 14, top: 14, bottom: 38 };

export class Chart {
  constructor(place, network) {
    this.place = place;
    this.network = network;
    this.points = [];
    this.draw();
    new ResizeObserver(() => this.draw()).observe(place);
  }

  clear() {
    this.points = [];
    this.draw();
  }

  /** A checkpoint's event. */
  add(checkpoint) {
    const { gmacs } = this.network.checkpoints[this.points.length];
    this.points.push({ ...checkpoint, share: gmacs / this.network.full_gmacs });
    this.draw();
  }

  draw() {
    const width = Math.max(this.place.clientWidth, 200);
    const x = (share) => EDGE.left + share * (width - EDGE.left - EDGE.right);
    const y = (score) => HEIGHT - EDGE.bottom - score * (HEIGHT - EDGE.top - EDGE.bottom);
    const drawing = svg("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img" });
    drawing.append(svg("title", {}, this.#words()), ...axes(x, y), ...this.#thresholds(x, y));
    const needed = this.points.filter((point) => !point.after);
    // From the last needed one on, so that the lines meet.
    const unneeded = this.points.slice(Math.max(needed.length - 1, 0));
    drawing.append(line(unneeded, x, y, "line unneeded"), line(needed, x, y, "line"));
    for (const point of this.points) drawing.append(mark(point, x, y));
    this.place.replaceChildren(drawing);
  }

  #thresholds(x, y) {
    const { checkpoints, full_gmacs: full } = this.network;
    const lines = checkpoints.flatMap(({ gmacs, threshold }, k) => {
      if (threshold === null || threshold > 1) return []; // nothing leaves there, or everything
      const begin = k ? checkpoints[k - 1].gmacs / full : 0;
      const ends = { x1: x(begin), x2: x(gmacs / full), y1: y(threshold), y2: y(threshold) };
      return svg("line", { class: "threshold", ...ends });
    });
    if (!lines.length) return lines;
    const at = { y1: y(0) - 12, y2: y(0) - 12 };
    return [
      ...lines,
      svg("line", { class: "threshold", x1: x(1) - 92, x2: x(1) - 66, ...at }),
      svg("text", { class: "threshold", x: x(1), y: y(0) - 8, "text-anchor": "end" }, "threshold"),
    ];
  }

  #words() {
    if (!this.points.length) return "Score of every checkpoint against its threshold";
    return this.points.map(({ name, score, leaves }) => `${name} ${score.toFixed(2)}${leaves ? ", left" : ""}`).join("; ");
  }
}

function axes(x, y) {
  const across = [0, 0.25, 0.5, 0.75, 1].map((share) =>
    svg("text", { x: x(share), y: y(0) + 16, "text-anchor": "middle" }, `${share * 100}`),
  );
  const up = [0, 0.5, 1].flatMap((score) => [
    svg("line", { class: "rule", x1: x(0), x2: x(1), y1: y(score), y2: y(score) }),
    svg("text", { x: x(0) - 8, y: y(score) + 4, "text-anchor": "end" }, `${score}`),
  ]);
  const name = svg("text", { x: x(0.5), y: y(0) + 32, "text-anchor": "middle" }, "% of full inference's GMACs");
  return [...up, ...across, name];
}

const line = (points, x, y, kind) =>
  svg("polyline", { class: kind, points: points.map(({ share, score }) => `${x(share)},${y(score)}`).join(" ") });

function mark({ name, share, score, leaves, after, class: label }, x, y) {
  const kind = leaves ? "point exit" : after ? "point unneeded" : "point";
  const words = svg("title", {}, `${name}: ${label}, score ${score.toFixed(3)}`);
  return svg("circle", { class: kind, cx: x(share), cy: y(score), r: leaves ? 7 : 4 }, words);
}

// The grid as a table: groups of frames across, stages down.

import { frameNumbers, html, milliseconds, percent } from "./dom.js";

const STATES = { waiting: "waiting", running: "running", done: "done", unneeded: "not needed" };

/** Draws a network's grid into a table, and what becomes of its cells. */
export class Grid {
  constructor(table, network) {
    this.table = table;
    this.network = network;
    this.clear();
  }

  /** Everything waits. */
  clear() {
    const { cells, checkpoints, groups, stages, full_gmacs: full } = this.network;
    const places = new Map(checkpoints.map((checkpoint) => [key(checkpoint), checkpoint]));
    const drawn = cells.map((cell) => [key(cell), this.#cell(cell, places.get(key(cell)), full)]);
    this.cells = new Map(drawn);
    this.order = [...this.cells.keys()];
    this.pictures = groups.map((frames) => html("div", { class: "pictures" }, ...frames.map(() => html("i"))));
    const heads = groups.map((frames, place) =>
      html("th", { scope: "col" }, this.pictures[place], html("span", { class: "frames" }, frameNumbers(frames))),
    );
    const rows = stages.map((stage, place) =>
      html(
        "tr",
        {},
        html("th", { scope: "row" }, stage),
        ...groups.map((_, group) => html("td", {}, this.cells.get(`${group + 1} ${place + 1}`) ?? "")),
      ),
    );
    this.table.style.setProperty("--groups", groups.length);
    this.table.style.setProperty("--names", Math.max(...stages.map((stage) => stage.length)));
    this.table.replaceChildren(
      html("caption", { class: "unseen" }, "Groups of frames across, stages of the network down"),
      html("thead", {}, html("tr", {}, html("td", {}, html("span", { class: "frames" }, "frames")), ...heads)),
      html("tbody", {}, ...rows),
    );
  }

  /** The pictures of a group's frames; its first cell runs now. */
  frames({ group, pictures, after }) {
    const images = pictures.map((source) => html("img", { src: source, alt: "", "data-after": after }));
    this.pictures[group - 1].replaceChildren(...images);
    this.#set(this.cells.get(`${group} 1`), "running");
  }

  /** A cell runs, */
  begin(cell) {
    this.#set(this.cells.get(key(cell)), "running");
  }

  /** and is done. */
  end(cell) {
    const drawn = this.cells.get(key(cell));
    drawn.querySelector(".time").textContent = milliseconds(cell.milliseconds);
    this.#set(drawn, cell.after ? "unneeded" : "done");
  }

  /** The clip leaves behind this checkpoint; no other cell is needed. */
  leave(name) {
    const checkpoint = this.network.checkpoints.find((other) => other.name === name);
    const drawn = this.cells.get(key(checkpoint));
    drawn.dataset.exit = "";
    drawn.append(html("span", { class: "flag" }, "left"));
  }

  /** What ran is given up. */
  stop() {
    for (const drawn of this.cells.values()) {
      if (drawn.dataset.state === "running") this.#set(drawn, "waiting");
    }
  }

  #cell(cell, checkpoint, full) {
    const drawn = html(
      "div",
      { class: "cell", "data-cell": key(cell), title: checkpoint ? `checkpoint ${checkpoint.name}` : false },
      html("span", { class: "cost" }, percent(cell.macs / 1e9 / full)),
      html("span", { class: "time" }),
      html("span", { class: "unseen state" }),
    );
    if (checkpoint) drawn.prepend(html("span", { class: "check" }, "✓"));
    this.#set(drawn, "waiting");
    return drawn;
  }

  #set(drawn, state) {
    drawn.dataset.state = state;
    drawn.querySelector(".state").textContent = STATES[state];
  }
}

const key = ({ group, stage }) => `${group} ${stage}`;

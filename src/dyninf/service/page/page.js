// One video at a time: from a file that is dropped to the answer that is shown.

import { addRow, comparison, showAnswer, showLikeliest, showNothing } from "./cards.js";
import { Chart } from "./chart.js";
import { byId, html, percent, probability } from "./dom.js";
import { Grid } from "./grid.js";
import { sentence, watch } from "./upload.js";

const PAUSES = { frames: 120, cell: 170, checkpoint: 130, after: 60 };

const [network, info] = await Promise.all(["v1/grid", "v1/info"].map(async (path) => (await fetch(path)).json()));
const grid = new Grid(byId("grid"), network);
const chart = new Chart(byId("chart"), network);
let current = new AbortController();

describe();
listen();

/** What is known before there is a video. */
function describe() {
  const chips = [
    network.network,
    `${network.frames} frames`,
    `${network.classes} classes`,
    `policy ${network.policy}`,
  ];
  byId("network").replaceChildren(...chips.map((text) => html("span", {}, text)));
  byId("limits").textContent = `up to ${info.limits.upload_mb} MB and ${info.limits.video_seconds} s`;
  byId("slow").checked = !matchMedia("(prefers-reduced-motion: reduce)").matches;
}

function listen() {
  const zone = byId("zone");
  byId("choose").onclick = () => byId("file").click();
  byId("stop").onclick = () => current.abort();
  byId("file").onchange = ({ target }) => {
    if (target.files.length) show(target.files[0]);
    target.value = ""; // so that the same file can be chosen again
  };
  // Anywhere: a file that misses the zone would otherwise take the page's place.
  document.ondragover = (event) => {
    event.preventDefault();
    zone.dataset.over = "";
  };
  document.ondragleave = ({ relatedTarget }) => relatedTarget || delete zone.dataset.over;
  document.ondrop = (event) => {
    event.preventDefault();
    delete zone.dataset.over;
    const [file] = event.dataTransfer.files;
    if (file) show(file);
    else say("That was no file: drop a video.", "error");
  };
}

/** Take a video through. One that is under way is dropped for it. */
async function show(file) {
  current.abort();
  current = new AbortController();
  const { signal } = current;
  const found = {};
  let drawn = Promise.resolve();
  let isSent = false;
  clear();
  if (file.size > info.limits.upload_mb * 2 ** 20) {
    say(`“${file.name}” is larger than the ${info.limits.upload_mb} MB that are taken.`, "error");
    return;
  }
  if (!file.size) {
    say(`“${file.name}” is empty.`, "error");
    return;
  }
  byId("stop").hidden = byId("upload").hidden = false;
  say(`Sending “${file.name}” …`);
  const progress = (share) => {
    byId("upload").value = share;
    if (share === 1 && !isSent) say(`“${file.name}” has been sent and waits for its turn …`);
    isSent ||= share === 1;
  };
  const event = (name, data) => {
    drawn = drawn.then(() => (signal.aborted ? undefined : draw(name, data, found, signal)));
  };
  try {
    await watch(file, { progress, event, signal });
    await drawn;
    signal.throwIfAborted();
    if (found.error) throw new Error(sentence(found.error));
    addRow(byId("tried"), file.name, found.answer, found.full);
    byId("history").hidden = false;
  } catch (error) {
    if (current.signal !== signal) return; // another video has taken its place
    if (!signal.aborted) await drawn;
    grid.stop();
    if (found.answer && !found.full) showNothing(byId("full"), "Full inference", "It did not come to its end.");
    const stopped = isSent ? "the video was dropped" : "the upload was broken off";
    if (signal.aborted) say(`Stopped: ${stopped}, and nothing was kept.`, "error");
    else say(`“${file.name}”: ${error.message}`, "error");
  } finally {
    if (current.signal === signal) byId("stop").hidden = byId("upload").hidden = true;
  }
}

/** Draw an event, in the time that an eye needs for it. */
async function draw(name, data, found, signal) {
  byId("upload").hidden = true;
  if (name === "frames") {
    grid.frames(data);
    if (!data.after) say(`Reading and computing: frames of group ${data.group} of ${network.groups.length} …`);
    await pause(name, data);
  } else if (name === "cell") {
    grid.begin(data);
    await pause(name, data);
    if (!signal.aborted) grid.end(data);
  } else if (name === "checkpoint") {
    judge(data);
    await pause(name, data);
  } else if (name === "answer") {
    found.answer = data;
    answer(data);
  } else if (name === "full") {
    found.full = data;
    showAnswer(byId("full"), "Full inference", data, network.frames);
    byId("verdict").textContent = comparison(found.answer, data);
    byId("verdict").dataset.same = found.answer.label === data.label;
    say(`${byId("status").textContent} ${comparison(found.answer, data)}`, "done");
  } else if (name === "error") {
    found.error = data.error;
  }
}

function judge(checkpoint) {
  chart.add(checkpoint);
  if (checkpoint.leaves) grid.leave(checkpoint.name);
  if (checkpoint.after) return;
  showLikeliest(byId("likeliest"), checkpoint.top5);
  byId("at").textContent = `at ${checkpoint.name}`;
  const aim = checkpoint.threshold === null ? "" : ` of ${checkpoint.threshold.toFixed(3)} needed`;
  byId("score").textContent = `${checkpoint.score.toFixed(3)}${aim}`;
}

function answer(data) {
  const isEarly = data.share_of_full < 1;
  byId("results").hidden = false;
  byId("verdict").textContent = isEarly ? "Left early." : "Went all the way.";
  delete byId("verdict").dataset.same;
  showAnswer(byId("answer"), isEarly ? "Left early" : "Went all the way", data, network.frames);
  showNothing(byId("full"), "Full inference", "Runs on for comparison …");
  const cost = `${percent(data.share_of_full)} of full inference's GMACs`;
  say(`“${data.class}” (${probability(data.probability)}), decided at ${data.checkpoint} with ${cost}.`, "done");
}

function clear() {
  grid.clear();
  chart.clear();
  byId("results").hidden = true;
  byId("upload").value = 0;
  byId("score").textContent = byId("at").textContent = "";
  byId("likeliest").replaceChildren(html("li", { class: "muted" }, "What a checkpoint says comes here."));
}

function say(text, kind = "") {
  byId("status").textContent = text;
  byId("zone").dataset.kind = kind;
}

const pause = (name, { after }) =>
  byId("slow").checked ? new Promise((resolve) => setTimeout(resolve, PAUSES[after ? "after" : name])) : undefined;

// Videos that left at the first, a middle and the last checkpoint: their frames, where the network looked, why.

const films = [];
let playing = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
let frameNow = 0;

function drawGallery() {
  const run = content.runs[state.run], { videos, without } = run.gallery;
  films.length = 0;
  byId("gallery-note").hidden = !(without || !videos.length);
  byId("gallery-note").textContent = videos.length ? `Some videos ${without}` : `No pictures: ${without || "no operating point"}.`;
  const groups = new Map();
  for (const video of videos) {
    if (!groups.has(video.exit)) groups.set(video.exit, []);
    groups.get(video.exit).push(video);
  }
  byId("gallery").replaceChildren(...[...groups].flatMap(([exit, these]) => {
    const { checkpoints, gmacs } = these[0];
    return [element("h3", {}, `Left at ${checkpoints[exit]}, after ${short(gmacs[exit])} GMACs (${percent(gmacs[exit] / gmacs.at(-1), 0)} of full inference)`),
      element("div", { class: "cards" }, ...these.map(card)), ...missingKinds(these)];
  }));
  showFrame();
}

function missingKinds(videos) {
  const right = videos.filter((video) => video.predicted[video.exit] === video.label).length;
  const words = right === videos.length ? "wrong" : right === 0 ? "right" : null;
  return words ? [element("p", { class: "soft small" }, `No video that left here was ${words}.`)] : [];
}

function card(video) {
  const answer = video.predicted[video.exit], isRight = answer === video.label;
  const scale = Math.min(2, 236 / video.width), width = Math.round(video.width * scale), height = Math.round(video.height * scale);
  const film = element("div", { class: "film", role: "img", "aria-label": `frames of ${video.video}` });
  const paint = (place, url) => {
    place.style.backgroundImage = `url("${url}")`;
    place.style.backgroundSize = `${width * video.frames}px ${height}px`;
  };
  film.style.width = `${width}px`; film.style.height = `${height}px`;
  paint(film, video.strip);
  let cam = null;
  if (video.cam) { cam = element("div", { class: "cam" }); paint(cam, video.cam); film.append(cam); }
  const tag = element("span", { class: "tag" });
  film.append(tag);
  const seen = new Set(video.seen), dots = element("div", { class: "dots", title: "filled: frames that were processed" }, ...Array.from({ length: video.frames }, (_, t) => element("i", { class: seen.has(t) ? "seen" : null })));
  films.push({ video, film, cam, tag, dots, seen, width });
  const last = video.predicted.at(-1);
  return element("article", { class: "card" }, film, dots,
    element("p", {}, element("span", { class: isRight ? "right" : "wrong" }, isRight ? "✓ " : "✗ "), element("b", {}, cut(answer, 120)), isRight ? "" : ` (it is ${cut(video.label, 120)})`, ` · ${percent(video.probability[video.exit])}`),
    trajectory(video),
    element("details", {}, element("summary", {}, lastStep(video)), element("p", { class: "soft" }, reason(video))),
    video.exit === video.predicted.length - 1 ? "" : element("p", { class: "soft" }, last === answer ? "Full inference says the same." : `Full inference says ${cut(last, 120)}${last === video.label ? ", which is right." : "."}`),
    element("p", { class: "soft", title: video.video }, cut(video.video, 60)));
}

/** Why it left where it left, in one line. */
function lastStep(video) {
  const k = video.exit, threshold = video.thresholds[k];
  return threshold === null ? "It was never sure enough, and came to the last checkpoint." : `It left since ${video.score[k].toFixed(3)} ≥ ${threshold.toFixed(3)}.`;
}

/** Such as "2f-res3 0.42 < 0.71, 2f-res4 0.83 ≥ 0.71". */
function reason(video) {
  return video.score.slice(0, video.exit + 1).map((score, k) => {
    const threshold = video.thresholds[k], name = video.checkpoints[k];
    if (threshold === null) return `${name} ${score.toFixed(3)}, the last`;
    return `${name} ${score.toFixed(3)} ${score >= threshold ? "≥" : "<"} ${threshold.toFixed(3)}`;
  }).join(", ");
}

/** The policy's score at each checkpoint against its threshold; hollow where the video had left already. */
function trajectory(video) {
  const K = video.score.length, W = 240, H = 74, x = (k) => 12 + (K === 1 ? 0 : k * (W - 24) / (K - 1)), y = (value) => H - 10 - Math.max(0, Math.min(1, value)) * (H - 20);
  const ink = isDark() ? "#e8ecf2" : "#1c2330";
  const svg = element("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `score at each checkpoint: ${reason(video)}` });
  const points = (from, to) => video.score.slice(from, to).map((score, k) => `${k ? "L" : "M"}${x(from + k)} ${y(score)}`).join(" ");
  const steps = video.thresholds.map((threshold, k) => (threshold === null ? "" : `M${x(k) - 9} ${y(threshold)} H${x(k) + 9}`)).join(" ");
  svg.append(element("line", { x1: 4, x2: W - 4, y1: H - 10, y2: H - 10, stroke: "currentColor", "stroke-opacity": 0.2 }),
    element("path", { d: points(0, video.exit + 1), fill: "none", stroke: "#0072b2", "stroke-width": 2 }),
    element("path", { d: points(video.exit, K), fill: "none", stroke: "#7f7f7f", "stroke-width": 1.2, "stroke-dasharray": "3 3" }),
    element("path", { d: steps, stroke: "#d55e00", "stroke-width": 2 }));
  video.score.forEach((score, k) => {
    const dot = element("circle", { cx: x(k), cy: y(score), r: k === video.exit ? 5 : 3, fill: k <= video.exit ? "#0072b2" : "none", stroke: k === video.exit ? ink : k < video.exit ? "#0072b2" : "#7f7f7f", "stroke-width": 1.4 });
    dot.append(element("title", {}, `${video.checkpoints[k]}: ${video.predicted[k]}, ${percent(video.probability[k])}, score ${score.toFixed(3)}${video.thresholds[k] === null ? "" : `, threshold ${video.thresholds[k].toFixed(3)}`}`));
    svg.append(dot);
  });
  return svg;
}

function showFrame() {
  const withCam = byId("cam").checked;
  for (const { video, film, cam, tag, dots, seen, width } of films) {
    const t = playing ? frameNow % video.frames : video.seen[frameNow % video.seen.length];
    const place = `${-t * width}px 0`, isSeen = seen.has(t);
    film.style.backgroundPosition = place;
    film.classList.toggle("unread", !isSeen);
    if (cam) { cam.style.backgroundPosition = place; cam.hidden = !withCam || !isSeen; }
    tag.textContent = isSeen ? `frame ${t}` : `frame ${t}, not needed`;
    [...dots.children].forEach((dot, at) => dot.classList.toggle("now", at === t));
  }
}

function startFilms() {
  const button = byId("play"), say = () => { button.textContent = playing ? "pause" : "play"; button.setAttribute("aria-pressed", playing); };
  say();
  button.addEventListener("click", () => { playing = !playing; say(); showFrame(); });
  byId("cam").addEventListener("change", showFrame);
  setInterval(() => { if (playing && films.length && !document.hidden) { frameNow++; showFrame(); } }, 320);
}

// What was found: the five likeliest classes, the two answers, and those of the videos before.

import { gmacs, html, milliseconds, percent, probability } from "./dom.js";

const bar = (share) => {
  const inner = html("i");
  inner.style.width = `${share * 100}%`;
  return html("span", { class: "bar", "aria-hidden": "true" }, inner);
};

/** Shows the five likeliest classes of a checkpoint. */
export function showLikeliest(list, top5) {
  const rows = top5.map(([name, share]) =>
    html("li", {}, html("span", { class: "name" }, name), bar(share), html("span", { class: "number" }, probability(share))),
  );
  list.replaceChildren(...rows);
}

/** Says in a card why there is no answer in it. */
export const showNothing = (card, title, text) =>
  card.replaceChildren(html("h2", {}, title), html("p", { class: "muted" }, text));

/** Fills a card with an answer. frames: of a whole clip. */
export function showAnswer(card, title, answer, frames) {
  const fact = (name, ...values) => [html("dt", {}, name), html("dd", { "data-field": name }, ...values)];
  card.replaceChildren(
    html("h2", {}, title),
    html("p", { class: "class", "data-field": "class" }, answer.class),
    html("p", { class: "sure" }, bar(answer.probability), html("span", { "data-field": "probability" }, probability(answer.probability))),
    html(
      "dl",
      {},
      ...fact("checkpoint", answer.checkpoint),
      ...fact("GMACs", gmacs(answer.gmacs), html("small", {}, ` ${percent(answer.share_of_full)} of full`)),
      ...fact("time", milliseconds(answer.milliseconds)),
      ...fact("frames", `${answer.frames_decoded} of ${frames}`),
    ),
  );
}

/** How an answer compares with that of full inference, in a sentence. */
export function comparison(answer, full) {
  if (answer.share_of_full === 1) return "It went all the way: this is full inference.";
  const saved = `${percent(1 - answer.share_of_full)} of the multiply-adds saved`;
  return answer.label === full.label
    ? `Same class as full inference, ${saved}.`
    : `Another class than full inference, ${saved}.`;
}

/** A row for a video, on top of those before. */
export function addRow(body, file, answer, full) {
  const agrees = answer.label === full.label;
  const cells = [
    file,
    answer.class,
    probability(answer.probability),
    answer.checkpoint,
    gmacs(answer.gmacs),
    percent(answer.share_of_full),
    agrees ? "the same" : full.class,
  ];
  const row = html("tr", {}, ...cells.map((text) => html("td", {}, text)));
  row.lastChild.dataset.agrees = agrees;
  body.prepend(row);
}

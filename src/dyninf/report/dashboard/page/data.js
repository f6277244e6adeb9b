// What the report holds, and what follows from it. V videos, K checkpoints, N classes, P points of a curve.

const content = JSON.parse(document.getElementById("content").textContent);

const SHARES = 65535;  // what 1 is as a whole number of two bytes
const ARRAYS = { uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, float32: Float32Array };
const unpackedOnce = new WeakMap();

/** The array that `packed` of pack.py wrote: {shape, values}. */
function unpack(packed) {
  if (!unpackedOnce.has(packed)) unpackedOnce.set(packed, inflate(packed));
  return unpackedOnce.get(packed);
}

async function inflate({ type, shape, data }) {
  const text = atob(data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const values = new ARRAYS[type](await new Response(stream).arrayBuffer());
  return { shape, values };
}

/** A curve's columns by name, each of P values; top1 and calibrationTop1 are shares. */
async function columnsOf(curve) {
  if (curve.columns) return curve.columns;
  const [measured, counted, band] = await Promise.all([curve.values, curve.counted, curve.band].map(unpack));
  const P = curve.points, columns = {};
  curve.rows.forEach((name, row) => { columns[name] = measured.values.subarray(row * P, (row + 1) * P); });
  curve.counts.forEach((name, row) => { columns[name] = counted.values.subarray(row * P, (row + 1) * P); });
  columns.low = Array.from(band.values.subarray(0, P), (value) => value / SHARES);
  columns.high = Array.from(band.values.subarray(P), (value) => value / SHARES);
  const V = content.traces[curve.trace].label.shape[0];
  columns.top1 = Array.from(columns.right, (count) => count / V);
  curve.columns = columns;
  return columns;
}

/** Where each video leaves at a point of a curve, from 0. */
async function exitsAt(curve, point) {
  if (!curve.reachedSum) {
    const { shape: [rows, V], values } = await unpack(curve.reached);
    const sum = new Uint8Array(values);
    if (curve.base !== null) {
      const base = (await unpack(content.curves[curve.base].reached)).values;
      for (let i = 0; i < sum.length; i++) sum[i] += base[i];  // modulo 256, as an array of bytes does
    }
    for (let i = V; i < rows * V; i++) sum[i] += sum[i - V];
    curve.reachedSum = { rows, V, sum };
  }
  const { rows, V, sum } = curve.reachedSum;
  const exits = new Uint8Array(V).fill(rows);
  for (let v = 0; v < V; v++) {
    for (let k = 0; k < rows; k++) {
      if (sum[k * V + v] > point) { exits[v] = k; break; }
    }
  }
  return exits;
}

/**
 * The point of a curve for a budget in GMACs: the most accurate affordable one, the cheaper of equals, as on the
 * calibration split where the run has one; else on the split itself. -1 where nothing is cheap enough.
 */
function affordable(columns, budget) {
  const gmacs = columns.calibration_gmacs || columns.gmacs;
  const right = columns.calibration_right || columns.right;
  let best = -1;
  for (let p = 0; p < gmacs.length; p++) {
    if (gmacs[p] > budget * (1 + 1e-6)) continue;
    if (best < 0 || right[p] > right[best] || (right[p] === right[best] && gmacs[p] < gmacs[best])) best = p;
  }
  return best;
}

/** What leaving at `exits` comes to: accuracy, cost and shares, altogether and by class. */
async function outcomeOf(trace, exits) {
  const [{ values: label }, { values: predicted }] = await Promise.all([unpack(trace.label), unpack(trace.predicted)]);
  const V = label.length, K = trace.checkpoints.length, N = trace.classes.length;
  const left = new Array(K).fill(0);
  const byClass = { videos: new Uint32Array(N), right: new Uint32Array(N), full: new Uint32Array(N), gmacs: new Float64Array(N), left: new Uint32Array(N * K) };
  let right = 0, full = 0;
  for (let v = 0; v < V; v++) {
    const n = label[v], k = exits[v];
    const isRight = predicted[v * K + k] === n, isFull = predicted[v * K + K - 1] === n;
    left[k]++; right += isRight; full += isFull;
    byClass.videos[n]++; byClass.right[n] += isRight; byClass.full[n] += isFull;
    byClass.gmacs[n] += trace.gmacs[k]; byClass.left[n * K + k]++;
  }
  const shares = left.map((count) => count / V);
  const gmacs = left.reduce((sum, count, k) => sum + count * trace.gmacs[k], 0) / V;
  return { V, top1: right / V, fullTop1: full / V, gmacs, share: gmacs / trace.gmacs[K - 1], shares, byClass };
}

const percent = (value, digits = 1) => `${(100 * value).toFixed(digits)}%`;
const signed = (value, digits = 1) => `${value < 0 ? "−" : "+"}${Math.abs(100 * value).toFixed(digits)}`;
const short = (value) => (value === null || value === undefined ? "–" : Number(value.toPrecision(4)).toString());
const cut = (text, most = 42) => ([...String(text)].length > most ? [...String(text)].slice(0, most - 1).join("") + "…" : String(text));

/** Text for Plotly, which reads some tags and entities. */
const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const wrapped = (text, width = 76) => (String(text).match(new RegExp(`.{1,${width}}(\\s|$)|.{1,${width}}`, "gu")) || []).map(plain).join("<br>");

/** An element with text and attributes; names from outside only ever become text. */
function element(name, attributes = {}, ...children) {
  const made = ["svg", "rect", "text", "line", "path", "circle", "g", "title"].includes(name)
    ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return made;
}

const byId = (id) => document.getElementById(id);

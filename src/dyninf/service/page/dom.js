// Elements and words. Names from elsewhere become text, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** An HTML element with attributes and children, which are elements or text. */
export const html = (tag, attributes = {}, ...children) =>
  filled(document.createElement(tag), attributes, children);

/** The same of a drawing. */
export const svg = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, tag), attributes, children);

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

const SPACE = "\u202f"; // narrow, and no line is broken there

export const percent = (share) => {
  const value = share * 100;
  return `${value > 0 && value < 1 ? value.toFixed(1) : Math.round(value)}${SPACE}%`;
};

/** A probability: a share of which what is missing to 1 matters. */
export const probability = (share) => `${(Math.floor(share * 1000) / 10).toFixed(1)}${SPACE}%`;

export const milliseconds = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)}${SPACE}ms`;

export const gmacs = (value) => (value >= 100 ? Math.round(value) : Number(value.toPrecision(3))).toString();

export const frameNumbers = (frames) => frames.join(" · ");

// Elements, without markup in texts: what comes from a vendor is only ever text.

/** An element with attributes, listeners (`onclick`) and children. What is `undefined` or `false` is left out. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== false));
  return element;
}

export function button(label, onclick, attributes = {}) {
  return make("button", { type: "button", onclick, ...attributes }, label);
}

/** A picture beside words that say the same. */
export function icon(name) {
  const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Words for those who listen to the page. */
export function unseen(text) {
  return make("span", { class: "unseen" }, text);
}

let ids = 0;

/** A label and its field. */
export function labelled(label, field, attributes = {}) {
  field.id ||= `field-${(ids += 1)}`;
  return make("div", { class: "field", ...attributes }, make("label", { for: field.id }, label), field);
}

/** `+37166004953` as `+371 6600` and `4953`: the end of a caller's number may be a code. */
export function grouped(number) {
  const head = number.slice(0, -4);
  return [head.length > 6 ? `${head.slice(0, -4)} ${head.slice(-4)}` : head, number.slice(-4)];
}

/** A caller's number with its last digits set off, where the code of a flash call is. */
export function number(from) {
  const [head, ending] = grouped(from);
  return make("span", { class: "number" }, `${head} `, make("b", {}, ending));
}

/** Digits one by one, for those who listen. */
export function spaced(text) {
  return text.replace(/\d(?=\d)/g, "$& ");
}

export function clock(date, options = {}) {
  return date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", ...options });
}

export function time(at, options) {
  return make("time", { datetime: at }, clock(new Date(at), options));
}

const ICONS = {
  answer: "M6.6 10.8a15 15 0 0 0 6.6 6.6l2.2-2.2a1 1 0 0 1 1-.25 11.4 11.4 0 0 0 3.6.6 1 1 0 0 1 1 1V20a1 1 0 0 1-1 1A17 17 0 0 1 3 4a1 1 0 0 1 1-1h3.5a1 1 0 0 1 1 1c0 1.25.2 2.5.6 3.6a1 1 0 0 1-.25 1z",
  decline: "M12 8.5c-1.6 0-3.2.25-4.6.72v3.1c0 .4-.23.74-.56.9-1 .5-1.9 1.13-2.7 1.88a1 1 0 0 1-1.4-.02L.3 12.6a1 1 0 0 1 0-1.42C3.35 8.3 7.47 6.5 12 6.5s8.65 1.8 11.7 4.68a1 1 0 0 1 0 1.42l-2.44 2.48a1 1 0 0 1-1.4.02 11.3 11.3 0 0 0-2.7-1.88 1 1 0 0 1-.56-.9v-3.1A15.6 15.6 0 0 0 12 8.5z",
  message: "M4 3h16a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2H8l-4.3 3.4a1 1 0 0 1-1.7-.8V5a2 2 0 0 1 2-2z",
  mail: "M4 4h16a2 2 0 0 1 2 2v.4l-10 6.2L2 6.400V6a2 2 0 0 1 2-2zm18 4.750V18a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V8.750l9.470 5.850a1 1 0 0 0 1.060 0z",
  browser: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm4.700 5.300-2.600 6.100a1 1 0 0 1-.54.54l-6.100 2.600 2.600-6.100a1 1 0 0 1 .54-.54zM12 10.900a1.100 1.100 0 1 0 0 2.200 1.100 1.100 0 0 0 0-2.200z",
  wifi: "M12 5c4.200 0 8 1.600 10.900 4.300l-1.800 1.900A13.300 13.300 0 0 0 12 7.600c-3.500 0-6.700 1.300-9.100 3.600L1.100 9.300A15.900 15.900 0 0 1 12 5zm0 5.200c2.800 0 5.300 1 7.200 2.800l-1.800 1.900A7.800 7.800 0 0 0 12 12.800c-2.100 0-4 .8-5.400 2.100l-1.800-1.900A10.400 10.400 0 0 1 12 10.200zm0 5.200c1.400 0 2.600.5 3.500 1.400L12 20.500l-3.500-3.700c.9-.9 2.100-1.400 3.500-1.400z",
  bars: "M3 16h3v4H3zm5-4h3v8H8zm5-4h3v12h-3zm5-4h3v16h-3z",
  voice: "M4 9v6h4l5 5V4L8 9zm12.500 3A4.500 4.500 0 0 0 14 8v8a4.500 4.500 0 0 0 2.500-4zM14 3.200v2.100a7 7 0 0 1 0 13.400v2.100a9 9 0 0 0 0-17.600z",
};

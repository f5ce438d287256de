// What the vendors were asked and what they called back, the latest first. Each opens to what was said.
import { allRequests, watch } from "./activity.js";
import { make, time, unseen } from "./dom.js";

/** Fills a list, and keeps it up to date. */
export function showWire(list) {
  /** The entries, by the keys of their requests. */
  const entries = new Map();
  const show = (request) => {
    const [entry, before] = [entryOf(request), entries.get(request.key)];
    if (before) replace(before, entry);
    else list.prepend(entry);
    entries.set(request.key, entry);
    if (entries.size <= MOST) return;
    const [[oldest, gone]] = entries;
    gone.remove();
    entries.delete(oldest);
  };
  const reset = () => {
    entries.clear();
    list.replaceChildren();
    allRequests().forEach(show);
  };
  reset();
  watch({ reset, request: show });
}

/** Puts what is newer in the place of an entry, open if that is, and with the focus if that has it. */
function replace(before, entry) {
  const [old, anew] = [before, entry].map((it) => it.firstElementChild);
  const hadFocus = old.firstElementChild === document.activeElement;
  anew.open = old.open;
  before.replaceWith(entry);
  if (hadFocus) anew.firstElementChild.focus({ preventScroll: true });
}

function entryOf({ at, vendor, method, path, number, status, took_ms: took, sent, answered, isCallback }) {
  const name = VENDORS[vendor] ?? vendor;
  const summary = make("summary", {},
    make("span", { class: `answer ${outcome(status)}` }, ...(status === null ? [unseen("no answer yet"), "…"] : [status || "✗"])),
    make("span", { class: "vendor" }, isCallback ? `${name} calls back` : name),
    time(at, { second: "2-digit" }),
    make("code", {}, `${method} ${path}`),
    number !== null && make("span", { class: "about" }, `about ${number}`));
  return make("li", {}, make("details", {}, summary,
    sent === undefined ? make("p", { class: "about" }, "Too long ago: what was said is forgotten.") : said("Sent", sent),
    answered !== undefined && said(took === undefined ? "Answered" : `Answered after ${took} ms`, answered)));
}

function outcome(status) {
  if (status === null) return "waits";
  return status !== 0 && status < 300 ? "good" : status !== 0 && status < 500 ? "refused" : "broken";
}

/** What one side said. */
function said(title, { headers, query, body, left_out: left }) {
  const lines = [query.join("\n"), headers.join("\n"), body].filter((part) => part !== "").join("\n\n");
  return make("div", { class: "said" },
    make("h3", {}, title),
    lines === "" ? make("p", { class: "about" }, "Nothing.") : make("pre", { tabindex: "0", "aria-label": title }, lines),
    left > 0 && make("p", { class: "about" }, `${left} more bytes are left out.`));
}

export const VENDORS = {
  citcall: "Citcall", idlayr: "IDlayr", numcheck: "NumCheck", open_gateway: "Open Gateway", zadarma: "Zadarma",
};

/** How many are shown. */
const MOST = 100;

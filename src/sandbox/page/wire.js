// What the vendors were asked, the latest first.
import { allRequests, watch } from "./activity.js";
import { make, time, unseen } from "./dom.js";

/** Fills a list, and keeps it up to date. */
export function showWire(list) {
  /** The entries, by the ids of their requests. */
  const entries = new Map();
  const show = (request) => {
    const entry = entryOf(request);
    if (entries.has(request.id)) entries.get(request.id).replaceWith(entry);
    else list.prepend(entry);
    entries.set(request.id, entry);
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

function entryOf({ at, vendor, method, path, number, status }) {
  const outcome = status === null ? "waits" : status < 300 ? "good" : status < 500 ? "refused" : "broken";
  return make("li", {},
    make("span", { class: `answer ${outcome}` }, status === null ? unseen("no answer yet") : String(status), status === null && "…"),
    make("span", { class: "vendor" }, VENDORS[vendor] ?? vendor),
    time(at, { second: "2-digit" }),
    make("code", {}, `${method} ${path}`),
    number !== null && make("span", { class: "about" }, `about ${number}`));
}

export const VENDORS = {
  citcall: "Citcall", idlayr: "IDlayr", numcheck: "NumCheck", open_gateway: "Open Gateway", zadarma: "Zadarma",
};

/** How many are shown. */
const MOST = 100;

// Requests, and the pane that tells each of them in words: what the page asked, and whom the server asked meanwhile.

import { words } from "./words.js";

const $ = (id) => document.getElementById(id);

/** The id of the last request to a vendor that was told. */
let told = Infinity;

/**
 * One request; what went well is told by `says`, what did not by the server's own words. Never throws: a server that cannot
 * be reached is an answer of status 0.
 */
export async function ask(method, path, { body, headers = {}, says }) {
  // Past the browser's cache: it would hold back other requests to a URL, such as the end of a check, while one waits there.
  const init = { method, headers: { Accept: "application/json", ...headers }, cache: "no-store" };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers["Content-Type"] = "application/json";
  }
  const answer = await send(path, init);
  const proof = headers["Handset-Proof"] ? " with a proof" : "";
  const outcome = answer.ok ? says(answer.data) : answer.data.title || words(answer);
  tell(outcome, `${method} ${path.replace(/\?.*/, "?…")}${proof}`, answer.status);
  return answer;
}

/** Adds a request that was answered, and whom the server asked meanwhile. */
export function tell(text, request, status) {
  tellVendors(note(text, `${request} → ${status || "no answer"}`));
}

async function send(path, init) {
  try {
    const response = await fetch(path, init);
    const data = await response.json().catch(() => ({}));
    return { status: response.status, ok: response.ok, data: data ?? {} };
  } catch {
    return { status: 0, ok: false, data: { detail: "the server cannot be reached; try again" } };
  }
}

/** Adds a step: what happened, and the request that did it, if it was one. */
export function note(text, request, list = $("steps")) {
  const item = document.createElement("li");
  item.append(text);
  if (request) {
    const code = document.createElement("code");
    code.textContent = request;
    item.append(code);
  }
  list.append(item);
  return item;
}

/** Below a step, what the server asked the vendors since the last one. */
async function tellVendors(item) {
  const from = told;
  const { data, ok } = await send(`/requests?after=${Number.isFinite(from) ? from : 0}`, {});
  if (!ok || told !== from) return;
  told = data.at(-1)?.id ?? (Number.isFinite(from) ? from : 0);
  if (!item || !Number.isFinite(from) || data.length === 0) return;
  const list = document.createElement("ul");
  for (const { vendor, method, path, status } of data) {
    note(`${VENDORS[vendor] ?? vendor} is asked`, `${method} ${path} → ${status ?? "no answer yet"}`, list);
  }
  item.append(list);
}

const VENDORS = {
  citcall: "Citcall", idlayr: "IDlayr", numcheck: "NumCheck", open_gateway: "The operator", zadarma: "Zadarma",
};

// What was asked before this page was opened is not told.
tellVendors();

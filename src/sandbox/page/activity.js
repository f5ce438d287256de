// What goes on in the sandbox: one stream for everything on a page, since a browser keeps only six connections to a host.
//
//   {"snapshot": {"handsets": {number: [event, ..]}, "requests": [request, ..], "callbacks": [..]}}   first, and after every reconnect
//   {"handset": {"number": "+371..", "event": {..}}}                               what reaches a number or an address
//   {"request": {"id": 7, .., "status": null}}                                     a request to a vendor, and its answer
//   {"callback": {"id": 7, .., "status": null}}                                    the same of a vendor to the application

/** Where the sandbox is, also where it is mounted below a path. */
export function url(path) {
  return new URL(`../${path}`, import.meta.url);
}

/** The events of each number and address, the oldest first. */
const handsets = new Map();
/** The latest requests and callbacks, by a key. */
const requests = new Map();
const watchers = new Set();
let isOnline = false;

/**
 * Tells what goes on from now on. A watcher may have `reset()`, for when everything is different; `event(place, event)`;
 * `request(request)`, for a new one or a new answer, with a `key` and whether it `isCallback`; and `online(isOnline)`.
 */
export function watch(watcher) {
  watchers.add(watcher);
  watcher.online?.(isOnline);
  return () => watchers.delete(watcher);
}

export function eventsOf(place) {
  return handsets.get(place) ?? [];
}

/** The numbers and addresses that something was sent to. */
export function places() {
  return [...handsets.keys()].filter((place) => eventsOf(place).length > 0);
}

export function allRequests() {
  return [...requests.values()];
}

const source = new EventSource(url("activity"));
source.onopen = () => turn(true);
source.onerror = () => turn(false);
source.onmessage = ({ data }) => {
  const [[kind, said]] = Object.entries(JSON.parse(data));
  TAKES[kind](said);
};
addEventListener("pagehide", () => source.close());

const TAKES = {
  snapshot(said) {
    handsets.clear();
    requests.clear();
    for (const [place, events] of Object.entries(said.handsets)) handsets.set(place, events);
    const all = [...said.requests.map((it) => keyed(it, false)), ...said.callbacks.map((it) => keyed(it, true))];
    all.sort((one, other) => one.at.localeCompare(other.at));
    for (const request of all) requests.set(request.key, request);
    tell("reset");
  },
  handset({ number, event }) {
    const events = eventsOf(number);
    // The snapshot may have had it already.
    if (event.id <= (events.at(-1)?.id ?? 0)) return;
    handsets.set(number, [...events, event].slice(-MOST));
    tell("event", number, event);
  },
  request: (request) => take(keyed(request, false)),
  callback: (request) => take(keyed(request, true)),
};

function keyed(request, isCallback) {
  return { ...request, isCallback, key: `${isCallback ? "c" : "r"}${request.id}` };
}

function take(request) {
  requests.set(request.key, request);
  if (requests.size > MOST) requests.delete(requests.keys().next().value);
  tell("request", request);
}

function turn(online) {
  isOnline = online;
  tell("online", online);
}

function tell(what, ...said) {
  for (const watcher of watchers) watcher[what]?.(...said);
}

/** How much is kept of each. */
const MOST = 200;

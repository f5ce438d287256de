// One virtual phone: what reaches a number and an inbox, and what its owner can do with it.
import { eventsOf, watch } from "./activity.js";
import { Browser } from "./browser.js";
import { Call } from "./call.js";
import { clock, grouped, icon, labelled, make, number, spaced, time, unseen } from "./dom.js";

export class Phone {
  /**
   * `number` in E.164, and `mail`, the address of its owner, or "". `sims()` gives the other SIMs that its owner may put in, as
   * pairs of a name and a number. What it tells: `onmail(address)` when the owner says their address, `onback(url)` when the
   * browser comes back to the application, which says what to tell of that, `onnews(text)` when something is shown, and
   * `onask({says, request, status})` when its owner has acted.
   */
  constructor({ number, mail = "", sims, onmail, onback, onnews, onask }) {
    Object.assign(this, { number, mail, onmail, onnews });
    this.call = new Call(this, onask);
    this.browser = new Browser(this, { sims, onback, onask });
    this.#frame();
    this.show("lock");
    this.browser.connect();
    this.#stop = watch({
      reset: () => this.#begin(),
      event: (place, event) => this.#owns(place) && this.#receive(event, true),
      online: (online) => { this.element.dataset.online = online; },
    });
    this.#begin();
    showTime(this.element);
  }

  /** Shows nothing any more. */
  close() {
    this.#stop();
    this.element.remove();
  }

  /** Shows another number and inbox from now on. */
  follow(number, mail) {
    if (this.number === number && this.mail === mail) return;
    Object.assign(this, { number, mail });
    this.#name();
    this.browser.reset();
    this.show("lock");
    this.#begin();
  }

  /** Has the phone's owner look at an app, or at the lock screen. */
  show(view) {
    this.view = view;
    if (view === "browser") this.browser.fillSims();
    this.element.dataset.view = view;
    this.#mark(view, 0);
    for (const [name, element] of Object.entries(this.#views)) element.hidden = name !== view;
    for (const [name, tab] of Object.entries(this.#tabs)) tab.setAttribute("aria-pressed", String(name === view));
  }

  /** Says something to those who listen; `loudly` breaks in on what is being said. */
  say(text, loudly = false) {
    (loudly ? this.#alert : this.#status).textContent = text;
  }

  // ---- what comes ---------------------------------------------------------------------------------------------------

  #stop = () => {};

  #owns(place) {
    return place === this.number || (this.mail !== "" && place === this.mail.toLowerCase());
  }

  /** What came before is shown, but is no news. */
  #begin() {
    for (const list of [this.#notices, ...Object.values(this.#lists)]) list.replaceChildren();
    for (const app of Object.keys(APPS)) this.#mark(app, 0);
    this.call.clear();
    this.#showMail();
    const events = [...eventsOf(this.number), ...(this.mail ? eventsOf(this.mail.toLowerCase()) : [])];
    events.sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
    for (const event of events) this.#receive(event, false);
  }

  #receive(event, fresh) {
    if (event.kind === "incoming_call" && this.call.receive(event, fresh)) return;
    const entry = ENTRIES[event.kind]?.(event);
    if (!entry) return;
    const { app, title, text, item } = entry;
    this.#lists[app].prepend(item);
    this.#notices.prepend(this.#notice(entry, event.at));
    for (const list of [this.#notices, this.#lists[app]]) while (list.children.length > MOST) list.lastChild.remove();
    if (!fresh) return;
    if (this.view !== app) this.#mark(app, this.#unread[app] + 1);
    this.say(`${title}: ${spaced(text)}`);
    this.onnews?.(title);
  }

  #notice({ app, title, text }, at) {
    const body = [make("span", { class: "title" }, title), time(at), make("span", { class: "text" }, text)];
    return make("li", {}, make("button", { type: "button", class: `notice ${app}`, onclick: () => this.show(app) },
      make("span", { class: "badge-icon" }, icon(APPS[app].icon)), ...body));
  }

  /** How many things of an app its owner has not seen. */
  #mark(app, count) {
    if (!(app in APPS)) return;
    this.#unread[app] = count;
    this.#badges[app].replaceChildren(...(count ? [String(count), unseen(" new")] : []));
  }

  // ---- how it looks -------------------------------------------------------------------------------------------------

  #unread = {};
  #badges = {};
  #tabs = {};
  #views = {};
  #lists = {};
  #notices = make("ul", { class: "notices", "aria-label": "Notifications" });
  #status = make("p", { class: "unseen", role: "status" });
  #alert = make("p", { class: "unseen", role: "alert" });
  #mailbox = make("div", { class: "mailbox" });
  #owner = make("span", { class: "owner" });

  #dock = make("nav", { class: "dock" });

  #frame() {
    this.#views.lock = make("section", { class: "view lock", "aria-label": "Lock screen" },
      make("p", { class: "clock" }, make("time", { class: "now" }), make("span", { class: "today" }), this.#owner), this.#notices);
    for (const app of Object.keys(APPS)) {
      this.#views[app] = this.#app(app);
      this.#tabs[app] = this.#tab(app);
      this.#dock.append(this.#tabs[app]);
    }
    this.#tabs.lock = make("button", { type: "button", class: "home", onclick: () => this.show("lock") }, unseen("Lock screen"));
    const bar = make("div", { class: "bar" }, make("time", { class: "now" }), this.browser.signal);
    const screen = make("div", { class: "screen" },
      bar, ...Object.values(this.#views), this.call.element, this.#dock, this.#tabs.lock);
    this.element = make("article", { class: "phone" }, screen, this.#status, this.#alert);
    this.#name();
  }

  #app(app) {
    const { name, empty } = APPS[app];
    const view = make("section", { class: "view app", "aria-label": name, tabindex: "0" }, make("h3", {}, name));
    if (app === "browser") {
      view.append(this.browser.element);
    } else {
      this.#lists[app] = make("ul", { class: `list ${app}`, "aria-label": name });
      view.append(...(app === "mail" ? [this.#mailbox] : []), this.#lists[app], make("p", { class: "empty" }, empty));
    }
    return view;
  }

  #tab(app) {
    this.#badges[app] = make("span", { class: "badge" });
    return make("button", { type: "button", class: `tab ${app}`, onclick: () => this.show(app) },
      make("span", { class: "app-icon" }, icon(APPS[app].icon)), make("span", { class: "name" }, APPS[app].name), this.#badges[app]);
  }

  #name() {
    const named = this.number || "no number";
    this.element.setAttribute("aria-label", `Phone ${named}`);
    this.#dock.setAttribute("aria-label", `Apps of ${named}`);
    this.#owner.textContent = named;
  }

  /** Whose inbox it shows, or a form to say so. */
  #showMail() {
    if (this.mail) return this.#mailbox.replaceChildren(make("p", { class: "address" }, this.mail));
    if (!this.onmail) return this.#mailbox.replaceChildren();
    const input = make("input", { type: "email", required: true, autocomplete: "off", placeholder: "ada@example.com" });
    const submit = make("button", { class: "filled" }, "Show inbox");
    this.#mailbox.replaceChildren(make("form", {
      onsubmit: (event) => {
        event.preventDefault();
        this.mail = input.value.trim();
        this.#begin();
        this.onmail(this.mail);
      },
    }, labelled("Whose inbox?", input), submit));
  }
}

/** The apps, in their order on the screen. */
const APPS = {
  calls: { name: "Calls", icon: "answer", empty: "No calls yet." },
  messages: { name: "Messages", icon: "message", empty: "No messages yet." },
  mail: { name: "Mail", icon: "mail", empty: "No e-mail yet." },
  browser: { name: "Browser", icon: "browser" },
};

/** For each kind of event: the app, what a notice of it says, and its entry in the app. */
const ENTRIES = {
  incoming_call({ at, from, state, pressed }) {
    const title = CALLS[state] ?? "Call";
    // A machine took the call, and whoever has the phone never saw the number.
    if (state === "voicemail") {
      return { app: "calls", title, text: "Nobody saw who called.", item: row(at, title, "Unknown caller", undefined, state) };
    }
    const keys = pressed === undefined ? undefined : `You pressed ${pressed || "nothing"}.`;
    return { app: "calls", title, text: keys ?? grouped(from).join(" "), item: row(at, title, number(from), keys, state) };
  },
  voice_call({ at, from, spoken, voicemail }) {
    const title = voicemail ? "Voicemail" : "Call with a message";
    const item = row(at, title, number(from), `“${spoken}”`, "spoken");
    if (voice()) item.append(make("button", { type: "button", class: "listen", onclick: () => readAloud(spoken) }, icon("voice"), "Listen"));
    return { app: "calls", title, text: `“${spoken}”`, item };
  },
  sms({ at, from, text }) {
    const head = make("p", { class: "from" }, from, " ", time(at));
    return { app: "messages", title: `Message from ${from}`, text, item: make("li", {}, head, make("p", { class: "bubble" }, text)) };
  },
  email({ at, from, subject, text }) {
    const head = make("p", { class: "from" }, from, " ", time(at));
    const item = make("li", {}, head, make("p", { class: "subject" }, subject), make("p", { class: "text" }, text));
    return { app: "mail", title: `E-mail from ${from}`, text: `${subject}\n${text}`, item };
  },
};

const CALLS = { missed: "Missed call", ended: "Declined call", answered: "Answered call", voicemail: "Call taken by voicemail" };

function row(at, title, who, text, state) {
  const head = make("p", { class: "from" }, make("span", { class: `state ${state}` }, title), " ", time(at));
  return make("li", {}, head, make("p", { class: "who" }, who), text && make("p", { class: "text" }, text));
}

/** A voice of this computer: others would send the text to strangers. */
function voice() {
  return globalThis.speechSynthesis?.getVoices().find(({ localService, lang }) => localService && lang.startsWith("en"));
}

function readAloud(text) {
  const speech = new SpeechSynthesisUtterance(text);
  speech.voice = voice();
  speechSynthesis.cancel();
  speechSynthesis.speak(speech);
}

/** Shows the time on each phone in there. */
function showTime(root) {
  const now = new Date();
  for (const element of root.querySelectorAll(".now")) element.textContent = clock(now);
  const today = now.toLocaleDateString("en", { weekday: "long", day: "numeric", month: "long" });
  for (const element of root.querySelectorAll(".today")) element.textContent = today;
}

/** The most entries of a list. */
const MOST = 50;

// Browsers begin to look for voices when they are first asked.
voice();
setInterval(() => showTime(document), 5000);

// A call on the phone's screen: it rings, is taken or refused, and may wait for a key.
import { url } from "./activity.js";
import { icon, make, number, spaced, unseen } from "./dom.js";

export class Call {
  /** The screen of `phone`'s calls; for `onask`, see `Phone`. */
  constructor(phone, onask = () => {}) {
    this.#phone = phone;
    this.#onask = onask;
    this.#keys.append(...KEYS.map(([key, letters, name]) => this.#key(key, letters, name)));
    this.#actions = {
      decline: this.#action("Decline", "decline", () => this.#ask("hang_up", "The call is refused")),
      answer: this.#action("Answer", "answer", () => this.#ask("answer", "The call is taken")),
      leave: this.#action("Hang up", "decline", () => this.#ask("hang_up", "The phone hangs up")),
    };
    this.element = make("section", { class: "call", "aria-label": "Call", hidden: true, onkeydown: (event) => this.#typed(event) },
      make("span", { class: "avatar" }, icon("answer")), this.#what, this.#caller, this.#waiting, this.#greeting, this.#keys,
      make("div", { class: "actions" }, ...Object.values(this.#actions)));
  }

  /** Takes an event of a call: whether it goes on, so that it is no entry in a list yet. */
  receive(event, fresh) {
    if (!["ringing", "taken"].includes(event.state)) {
      this.#open.delete(event.call);
      this.#showOldest();
      return false;
    }
    this.#open.set(event.call, event);
    this.#showOldest();
    if (fresh && event.state === "ringing") {
      this.#phone.say(`The phone rings. The call is from ${spaced(event.from)}.`, true);
      this.#phone.onnews?.("Incoming call");
    }
    return true;
  }

  /** Forgets the calls. */
  clear() {
    this.#open.clear();
    this.#showOldest();
  }

  // ---- its parts ----------------------------------------------------------------------------------------------------

  #phone;
  #onask;
  #actions;
  /** The calls that go on, by their ids: the oldest is on the screen, and is the one that the sandbox answers. */
  #open = new Map();
  #what = make("p", { class: "what" });
  #caller = make("p", { class: "caller" });
  #waiting = make("p", { class: "waiting" });
  #greeting = make("p", { class: "greeting", role: "status" });
  #keys = make("div", { class: "keys", role: "group", "aria-label": "Keypad" });

  #showOldest() {
    const [call, ...waiting] = [...this.#open.values()].sort((one, other) => one.call - other.call);
    if (!call) return this.#hide();
    const taken = call.state === "taken";
    this.#caller.replaceChildren(number(call.from));
    this.#waiting.replaceChildren(...waiting.map(({ from }) => make("span", {}, "Also calling: ", number(from))));
    this.#what.textContent = taken ? "On the phone" : "Incoming call";
    this.#greeting.textContent = taken ? `It plays the sound ${call.greeting}, and waits for a key.` : "";
    this.#keys.hidden = this.#actions.leave.hidden = !taken;
    this.#actions.answer.hidden = this.#actions.decline.hidden = taken;
    this.element.hidden = false;
    this.#pose(call.state);
    if (taken && this.#hadFocus) this.#keys.firstChild.focus();
    this.#hadFocus = false;
  }

  #hide() {
    const focused = this.element.contains(document.activeElement) || this.#hadFocus;
    this.#hadFocus = false;
    this.element.hidden = true;
    this.#pose("none");
    // What had the focus is gone.
    if (focused) this.#phone.element.querySelector(".dock button").focus();
  }

  /** The style sheet makes room for it. */
  #pose(state) {
    this.#phone.element?.setAttribute("data-call", state);
  }

  /** Whether a button of a call was used whose screen is about to change. */
  #hadFocus = false;

  #action(label, kind, act) {
    return make("button", { type: "button", class: `action ${kind}`, onclick: act }, make("span", { class: "round" }, icon(kind)), label);
  }

  #key(key, letters, name) {
    const press = () => this.#ask("press", `The key ${key} is pressed`, { digits: key });
    const shown = make("span", { "aria-hidden": "true" }, key, make("small", {}, letters));
    return make("button", { type: "button", class: "key", onclick: press }, shown, unseen(name ?? key));
  }

  /** The keys of a keyboard are those of the phone. */
  #typed({ key }) {
    const place = KEYS.findIndex(([known]) => known === key);
    if (place >= 0 && !this.#keys.hidden) this.#keys.children[place].click();
  }

  async #ask(verb, says, body) {
    this.#hadFocus = this.element.contains(document.activeElement);
    const place = `handsets/${encodeURIComponent(this.#phone.number)}/${verb}`;
    const answer = await fetch(url(place), { method: "POST", body: body && JSON.stringify(body) }).catch(() => undefined);
    this.#onask({ says, request: `POST /${place}`, status: answer?.status ?? 0 });
  }
}

/** The keys, their letters, and what is said for those that are no digit. */
const KEYS = [
  ["1", ""], ["2", "ABC"], ["3", "DEF"], ["4", "GHI"], ["5", "JKL"], ["6", "MNO"], ["7", "PQRS"], ["8", "TUV"], ["9", "WXYZ"],
  ["*", "", "star"], ["0", "+"], ["#", "", "hash"],
];

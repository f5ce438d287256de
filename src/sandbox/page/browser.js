// The phone's browser, for silent checks: it opens a page of an operator over mobile data, with a SIM, or over Wi-Fi.
import { url } from "./activity.js";
import { icon, labelled, make } from "./dom.js";

export class Browser {
  /** `sims()`: see `Phone`. `onback(url)` may take the phone back to the application, and gives what to say of it. */
  constructor(phone, { sims = () => [], onback, onask = () => {} }) {
    Object.assign(this, { onback });
    this.#phone = phone;
    this.#sims = sims;
    this.#onask = onask;
    this.#address.addEventListener("input", () => this.#tell(""));
    this.#sim.addEventListener("focus", () => this.fillSims());
    this.#mobile.addEventListener("change", () => this.connect());
    this.element = make("form", { class: "browse", onsubmit: (event) => this.#submit(event) },
      labelled("Address", this.#address),
      labelled("Mobile data", this.#mobile, { class: "field switch" }),
      labelled("SIM", this.#sim),
      this.#open, this.#said, this.#back);
    this.reset();
  }

  /** What the status bar shows of the connection. */
  signal = make("span", { class: "signal" });

  /** Has the phone's owner open a URL. */
  offer(address) {
    this.#phone.show("browser");
    this.#address.value = address;
    this.#tell("");
    this.#open.disabled = false;
  }

  /** Takes that back. */
  withdraw() {
    this.#address.value = "";
    this.#tell("");
    if (this.#phone.view === "browser") this.#phone.show("lock");
  }

  /** The phone is another one. */
  reset() {
    this.#address.value = "";
    this.#tell("");
    this.#offered = "";
    this.fillSims(true);
  }

  /** Goes over mobile data from now on, or not; without a word, as the switch says. */
  connect(mobile = this.#mobile.checked) {
    this.#mobile.checked = mobile;
    const name = mobile ? "Mobile data" : "Wi-Fi";
    this.signal.replaceChildren(...(mobile ? [icon("bars"), "5G"] : [icon("wifi"), "Wi-Fi"]));
    this.signal.title = name;
  }

  /** Offers the SIMs that there are now; the phone keeps its own, or the one that is chosen. */
  fillSims(anew = false) {
    const own = this.#phone.number;
    const chosen = anew ? own : this.#sim.value;
    const others = this.#sims().filter(([, number]) => number !== own);
    const sims = [["Its own", own], ...others, ["A stranger’s", STRANGER]];
    // An open list stays as it is while there is nothing new.
    if (sims.join() === this.#offered) return;
    this.#offered = sims.join();
    this.#sim.replaceChildren(...sims.map(([name, number]) => new Option(name, number)));
    this.#sim.value = sims.some(([, number]) => number === chosen) ? chosen : own;
  }

  #offered = "";

  // ---- its parts ----------------------------------------------------------------------------------------------------

  #phone;
  #sims;
  #onask;
  #address = make("input", { type: "url", required: true, autocomplete: "off", placeholder: "http://", spellcheck: "false" });
  #mobile = make("input", { type: "checkbox", role: "switch", checked: true });
  #sim = make("select", { autocomplete: "off" });
  #open = make("button", { class: "filled" }, "Open");
  #said = make("p", { class: "said", role: "status" });
  #back = make("p", { class: "back" });

  async #submit(event) {
    event.preventDefault();
    const address = this.#address.value;
    this.#tell("Opening …");
    this.#open.disabled = true;
    const [said, back] = await this.#visit(address);
    this.#open.disabled = false;
    if (this.#address.value === address) this.#tell(said, back);
  }

  /** Opens a URL as a phone with that SIM would: what to say of it, and the URL that leads back to the application, if one does. */
  async #visit(address) {
    const [over, sim] = [this.#mobile.checked ? "mobile_data" : "wifi", this.#sim.value];
    const place = `handsets/${encodeURIComponent(sim)}/open`;
    const says = `The phone opens the operator's page over ${over === "wifi" ? "Wi-Fi" : "mobile data"}, with ${
      sim === this.#phone.number ? "its own" : "another"} SIM`;
    const answer = await fetch(url(place), {
      method: "POST", body: JSON.stringify({ url: address, over }),
    }).catch(() => undefined);
    this.#onask({ says, request: `POST /${place}`, status: answer?.status ?? 0 });
    const opened = await answer?.json().catch(() => undefined);
    if (!answer?.ok || !opened) return [sentence(opened?.detail ?? "the sandbox cannot be reached")];
    const { final_url, status, body } = opened;
    // Not a redirect: the operator has nothing to bring back.
    if (status < 300 || status > 399) return [`The operator answers ${status}: ${detail(body)}`];
    if (this.onback) return [await this.onback(final_url)];
    return ["The operator sends the phone back to the application.", final_url];
  }

  #tell(text, back) {
    this.#said.textContent = text;
    // Only where a browser can go: anyone may have written the URL.
    const leads = back && /^https?:/.test(back);
    this.#back.replaceChildren(...(leads
      ? [make("a", { href: back, target: "_blank", rel: "noopener noreferrer" }, "Go on in this browser"), make("span", { class: "url" }, back)]
      : []));
  }
}

function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function detail(body) {
  try {
    const { detail, message, title } = JSON.parse(body);
    return detail ?? message ?? title ?? body;
  } catch {
    return body;
  }
}

/** A number that nobody has: no country has this code. */
const STRANGER = "+99900000001";

// The switches by which vendors misbehave: for all, for one vendor, or for one number.
import { url } from "./activity.js";
import { button, make, unseen } from "./dom.js";
import { GROUPS } from "./settings.js";

export class Knobs {
  /** `scope` is the list that says whom the knobs are for: "", a vendor, or a number. */
  constructor(element, scope) {
    this.#scope = scope;
    scope.addEventListener("change", () => this.load());
    this.#groups = GROUPS.map(([name, knobs]) => {
      const switches = knobs.map(([knob, says, fields = []]) => new Switch(knob, says, fields, () => this.#turn()));
      const count = make("span", { class: "count" });
      const group = make("details", {}, make("summary", {}, name, " ", count), make("ul", {}, ...switches.map(({ element }) => element)));
      return { switches, count, group };
    });
    const back = button("Turn all back", () => this.#ask("DELETE"), { class: "plain" });
    element.append(...this.#groups.map(({ group }) => group), back, this.#said);
    this.load();
  }

  /** Shows how the knobs of the scope are turned now. */
  load() {
    return this.#ask("GET");
  }

  #scope;
  #groups;
  #said = make("p", { class: "complaint", role: "alert" });

  get #switches() {
    return this.#groups.flatMap(({ switches }) => switches);
  }

  #turn() {
    if (!this.#switches.every((knob) => knob.isValid)) return undefined;
    const turned = this.#switches.filter(({ isOn }) => isOn).map(({ name, value }) => [name, value]);
    return this.#ask("PUT", { ...this.#whose(), ...Object.fromEntries(turned) });
  }

  /** Asks, and shows how the knobs are then; also where the sandbox refuses, and nothing has changed. */
  async #ask(method, body) {
    const answer = await fetch(url("knobs"), { method, body: body && JSON.stringify(body) }).catch(() => undefined);
    const said = await answer?.json().catch(() => undefined);
    this.#said.textContent = !answer ? "The sandbox cannot be reached." : answer.ok ? "" : said.detail;
    if (method === "GET") this.#show(said ?? {});
    else await this.#reload();
  }

  async #reload() {
    const answer = await fetch(url("knobs")).catch(() => undefined);
    this.#show((await answer?.json()) ?? {});
  }

  #whose() {
    const { value } = this.#scope;
    return !value ? {} : value.startsWith("+") ? { number: value } : { vendor: value };
  }

  #show({ all = {}, vendors = {}, numbers = {} }) {
    const { number, vendor } = this.#whose();
    const turned = (number ? numbers[number] : vendor ? vendors[vendor] : all) ?? {};
    for (const knob of this.#switches) knob.show(turned[knob.name]);
    for (const { switches, count } of this.#groups) {
      const on = switches.filter(({ isOn }) => isOn).length;
      count.replaceChildren(...(on ? [String(on), unseen(" turned on")] : []));
    }
  }
}

/** One knob: a switch, and fields for its values. */
class Switch {
  constructor(name, says, fields, turn) {
    this.name = name;
    this.#fields = fields.map(({ name: part, label, choices, start, ...limits }) => {
      const attributes = { ...limits, "aria-label": `${name}: ${label}`, title: label, autocomplete: "off" };
      const field = choices ? make("select", attributes, ...choices.map((choice) => new Option(choice))) : make("input", { required: true, ...attributes });
      field.value = start;
      field.addEventListener("change", () => this.isOn && field.reportValidity() && turn());
      return { part, field };
    });
    this.#box.id = `knob-${name}`;
    this.#box.addEventListener("change", turn);
    const label = make("label", { for: this.#box.id }, make("code", {}, name), " ", says);
    this.element = make("li", { class: "switch" }, label, this.#box,
      this.#fields.length > 0 && make("div", { class: "values" }, ...this.#fields.map(({ field }) => field)));
  }

  #box = make("input", { type: "checkbox", role: "switch" });
  #fields;

  get isOn() {
    return this.#box.checked;
  }

  get isValid() {
    return !this.isOn || this.#fields.every(({ field }) => field.reportValidity());
  }

  get value() {
    const values = this.#fields.map(({ part, field }) => [part, field.type === "number" ? Number(field.value) : field.value]);
    if (values.length === 0) return true;
    return values.length === 1 ? values[0][1] : Object.fromEntries(values);
  }

  /** Shows a value, or `undefined` where the knob is not turned. */
  show(value) {
    this.#box.checked = value !== undefined;
    if (value === undefined) return;
    for (const { part, field } of this.#fields) field.value = part ? value[part] : value;
  }
}

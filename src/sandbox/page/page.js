// The page: phones side by side, what the vendors were asked, and the knobs. Which phones there are is in the page's URL.
//
//   /phones?number=+37126123456&number=+6281234567890,budi@example.com
import { places, watch } from "./activity.js";
import { button, make } from "./dom.js";
import { Knobs } from "./knobs.js";
import { Phone } from "./phone.js";
import { showWire, VENDORS } from "./wire.js";

const $ = (id) => document.getElementById(id);

/** The phones, by number. */
const phones = new Map();

function add(number, mail = "") {
  if (phones.has(number)) return phones.get(number).phone;
  const phone = new Phone({
    number, mail, onmail: remember,
    sims: () => known().filter((other) => other !== number).map((other) => [other, other]),
  });
  const remove = button("Remove", () => drop(number), { class: "plain", "aria-label": `Remove ${number}` });
  const figure = make("li", {}, phone.element, make("p", { class: "caption" }, make("span", {}, number), remove));
  phones.set(number, { phone, figure });
  $("phones").append(figure);
  changed();
  return phone;
}

function drop(number) {
  const { phone, figure } = phones.get(number);
  phones.delete(number);
  phone.close();
  figure.remove();
  changed();
  $("number").focus();
}

/** What depends on which phones there are. */
function changed() {
  remember();
  $("none").hidden = phones.size > 0;
  offerOthers();
  fillScopes();
}

/** The page's URL says which phones it shows, so that it can be kept and shared. */
function remember() {
  const query = new URLSearchParams([...phones.values()].map(({ phone: { number, mail } }) => ["number", mail ? `${number},${mail}` : number]));
  history.replaceState(null, "", phones.size ? `?${query}` : location.pathname);
}

function remembered() {
  return new URLSearchParams(location.search).getAll("number").map((text) => {
    const [number, mail] = text.split(",");
    return [e164(number), mail?.trim() ?? ""];
  });
}

/** A number however it is written; in a query, `+` may have become a blank. */
function e164(text) {
  return `+${text.replace(/\D/g, "")}`;
}

/** The numbers that are shown or were called. */
function known() {
  return [...new Set([...phones.keys(), ...places().filter((place) => place.startsWith("+"))])];
}

/** A button for each number that was called and is not shown. */
function offerOthers() {
  const others = known().filter((number) => !phones.has(number));
  if ($("others").dataset.shown === others.join()) return;
  $("others").dataset.shown = others.join();
  $("others").replaceChildren(...others.map((number) => make("li", {}, button(`Show ${number}`, () => add(number)))));
  $("called").hidden = others.length === 0;
}

/** Whom the knobs may be for. */
function fillScopes() {
  const { value } = $("scope");
  const vendors = Object.entries(VENDORS).map(([vendor, name]) => new Option(`Only ${name}`, vendor));
  const numbers = known().map((number) => new Option(`Only ${number}`, number));
  $("scope").replaceChildren(new Option("All vendors, all numbers", ""), ...vendors, ...numbers);
  $("scope").value = value;
  if ($("scope").selectedIndex < 0) $("scope").value = "";
}

$("add").addEventListener("submit", (event) => {
  event.preventDefault();
  const number = e164($("number").value);
  const isNumber = /^\+\d{1,15}$/.test(number);
  $("add-error").textContent = isNumber ? "" : "A number has 1 to 15 digits, the country code first.";
  if (!isNumber) return;
  add(number).element.scrollIntoView({ block: "nearest" });
  $("number").value = "";
});

for (const [number, mail] of remembered()) if (number !== "+") add(number, mail);
changed();
showWire($("wire"));
const knobs = new Knobs($("knobs"), $("scope"));
watch({
  reset() {
    offerOthers();
    fillScopes();
    knobs.load();
  },
  event: offerOthers,
  online(isOnline) { $("online").textContent = isOnline ? "Connected to the sandbox" : "The sandbox does not answer"; document.body.dataset.online = isOnline; },
});

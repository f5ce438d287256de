// The virtual handset beside the bank: what reaches a number or an inbox, and what its owner can do with it.
//
//   GET  /handsets/{number}/events              what came: calls, messages; live
//   POST /handsets/{number}/open {url, over}    the handset's browser, up to where it comes back to the bank
//   POST /handsets/{number}/press {digits}      takes a call that waits for keys, and presses some
//   POST /handsets/{number}/hang_up             refuses it
import { ask, note } from "./steps.js";
import { words } from "./words.js";

const $ = (id) => document.getElementById(id);

/** The number, its call, and where its events come from. */
let line = { number: "", call: null, sources: [], places: "", since: 0 };

/** Shows the handset of a number from now on, and the inbox of an address. */
export function follow(phone, email) {
  const number = `+${phone.replace(/\D/g, "")}`;
  const places = [number, email].filter((place) => place && place !== "+");
  $("sim").options[0].value = number;
  if (line.places === places.join()) return;
  for (const source of line.sources) source.close();
  stopRinging();
  $("inbox").replaceChildren();
  $("owner-number").textContent = number === "+" ? "no number" : number;
  // What came before is shown, but is no news.
  line = { number, call: null, sources: places.map(listen), places: places.join(), since: Date.now() - 1000 };
}

function listen(place) {
  const source = new EventSource(`${handset(place)}/events`);
  source.onopen = showSignal;
  source.onerror = () => { $("signal").textContent = "no signal"; };
  source.onmessage = (message) => receive(JSON.parse(message.data));
  return source;
}

function receive(event) {
  const fresh = Date.parse(event.at) >= line.since;
  if (event.state === "ringing") return ring(event, fresh);
  if (line.call === event.call) stopRinging();
  const card = CARDS[event.kind]?.(event);
  if (card) addCard(event.at, fresh, ...card);
}

/** Title, text, and what can be read aloud, for each kind of event. */
const CARDS = {
  incoming_call: ({ from, state, pressed }) => {
    if (state === "answered") return ["Call answered", pressed ? `You pressed ${pressed}.` : "You pressed nothing."];
    return [state === "missed" ? "Missed call" : "Call refused", grouped(from).join(" ")];
  },
  sms: ({ from, text }) => [`Message from ${from}`, text],
  voice_call: ({ from, spoken }) => [`Call from ${from}, answered`, `“${spoken}”`, spoken],
  email: ({ from, subject, text }) => [`E-mail from ${from}`, `${subject}\n${text}`],
};

function addCard(at, fresh, title, text, aloud) {
  const [item, strong, when, body] = ["li", "strong", "time", "span"].map((tag) => document.createElement(tag));
  when.dateTime = at;
  when.textContent = clock(new Date(at));
  strong.append(title, when);
  body.textContent = text;
  item.append(strong, body);
  if (aloud && voice()) item.append(button("Listen", () => readAloud(aloud)));
  $("inbox").prepend(item);
  while ($("inbox").children.length > 4) $("inbox").lastChild.remove();
  if (fresh) {
    $("announce").textContent = `${title}: ${spaced(text)}`;
    note(`The handset shows: ${title.toLowerCase()}`);
  }
}

// ---- a call -------------------------------------------------------------------------------------------------------

/** A call that rings. One with a greeting waits for keys. */
function ring({ call, from, greeting }, fresh) {
  if (fresh && line.call !== call) note("The handset rings");
  line.call = call;
  const [first, last] = grouped(from);
  const ending = document.createElement("b");
  ending.textContent = last;
  $("caller").replaceChildren(`${first} `, ending);
  $("greeting").textContent = greeting ? `It plays “${greeting}”, and waits for a key.` : "";
  $("keys").hidden = !greeting;
  $("ringing").hidden = false;
  pose();
  if (fresh) $("announce").textContent = `The handset rings. The call is from ${spaced(from)}. ${$("greeting").textContent}`;
}

function stopRinging() {
  line.call = null;
  $("ringing").hidden = true;
  pose();
}

/** What the screen is taken by; the style sheet makes room for it. */
function pose() {
  const call = $("keys").hidden ? "ringing" : "asking";
  $("screen").dataset.state = !$("ringing").hidden ? call : $("browser").hidden ? "idle" : "browsing";
}

$("keys").append(...[..."123456789*0#"].map((key) => button(key, () => press(key))), button("Hang up", refuse));

async function press(digits) {
  const says = ({ pressed }) => (pressed ? `The call is taken, and ${digits} is pressed` : "No call waits for keys");
  await ask("POST", `${handset(line.number)}/press`, { body: { digits }, says });
}

async function refuse() {
  await ask("POST", `${handset(line.number)}/hang_up`, { says: () => "The call is refused" });
}

// ---- the browser --------------------------------------------------------------------------------------------------

/** The URL that waits to be opened, and whom to tell when the handset came back. */
let page = null;

/** Has the handset's owner open a URL; `back` hears how the check stands when the bank has the handset again. */
export function offer(url, back) {
  page = { url, back };
  const { host, pathname } = new URL(url);
  $("address").textContent = host + pathname;
  $("opened").textContent = "";
  $("open").disabled = false;
  $("browser").hidden = false;
  pose();
}

export function withdraw() {
  page = null;
  $("browser").hidden = true;
  pose();
}

$("browser").addEventListener("submit", async (event) => {
  event.preventDefault();
  const mine = page;
  $("open").disabled = true;
  $("opened").textContent = "…";
  const said = await open(mine, $("sim").value, $("browser").elements.over.value);
  if (page === mine) $("opened").textContent = said;
});

/** Opens the URL as a phone with that SIM would, then what it leads back to as the browser of the bank's customer. */
async function open({ url, back }, sim, over) {
  const [how, whose] = [over === "wifi" ? "Wi-Fi" : "mobile data", sim === line.number ? "its own" : "another"];
  const says = ({ status }) => `The handset opens the operator's page over ${how}, with ${whose} SIM: it answers ${status}`;
  const opened = await ask("POST", `${handset(sim)}/open`, { body: { url, over }, says });
  if (!opened.ok) return words(opened);
  const { final_url, status, body } = opened.data;
  // Not a redirect: the operator has nothing to bring back.
  if (status < 300 || status > 399) return `The operator answers ${status}: ${detail(body)}`;
  const { pathname, search, searchParams } = new URL(final_url);
  const returned = await ask("GET", pathname + search, { says: (check) => `The handset is back: the check is ${check.status}` });
  back(returned.data.status);
  const why = searchParams.get("error_description") ?? searchParams.get("error");
  if (why) return `Back at the bank. The operator says: ${why}.`;
  return returned.data.status === "verified" ? "Done. You may go back to the bank." : "Back at the bank, and not confirmed.";
}

/** How the owner's phone is in the internet, and whose SIM may be in it. */
export function owner(over, people) {
  $("browser").elements.over.value = over;
  const others = people.filter(({ number }) => number && number !== $("phone").value);
  $("sim").replaceChildren(new Option("their own", ""), ...others.map(({ name, number }) => new Option(name, number)));
  showSignal();
}

function showSignal() {
  $("signal").textContent = $("browser").elements.over.value === "wifi" ? "Wi-Fi" : "5G";
}

$("browser").addEventListener("change", showSignal);

function detail(body) {
  try {
    const { detail, message, title } = JSON.parse(body);
    return detail ?? message ?? title ?? body;
  } catch {
    return body;
  }
}

// ---- helpers ------------------------------------------------------------------------------------------------------

/** A voice of this computer: others would send the text to strangers. */
function voice() {
  return globalThis.speechSynthesis?.getVoices().find(({ localService, lang }) => localService && lang.startsWith("en"));
}

function readAloud(text) {
  const speech = new SpeechSynthesisUtterance(text);
  speech.voice = voice();
  speechSynthesis.speak(speech);
}

function button(label, click) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.addEventListener("click", click);
  return made;
}

function handset(place) {
  return `/handsets/${encodeURIComponent(place)}`;
}

/** `+37166004953` as `+371 6600` and `4953`. */
function grouped(number) {
  const head = number.slice(0, -4);
  return [head.length > 6 ? `${head.slice(0, -4)} ${head.slice(-4)}` : head, number.slice(-4)];
}

/** Digits one by one, for those who listen to the page. */
function spaced(text) {
  return text.replace(/\d(?=\d)/g, "$& ");
}

function clock(date) {
  return date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

function showTime() {
  const now = new Date();
  $("time").textContent = clock(now);
  $("date").textContent = now.toLocaleDateString("en", { weekday: "long", day: "numeric", month: "long" });
}

// Browsers begin to look for voices when they are first asked.
voice();
showTime();
setInterval(showTime, 5000);

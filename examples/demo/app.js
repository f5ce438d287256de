// The demo's browser side. It knows the app's one route and handset's HTTP surface, and nothing of any vendor:
//
//   POST /transfer {payee, amount}          200, or 401 that says what to show and where to start
//   POST {start} {phone_number, action, ..} 201 a check
//   POST {start}/{id}/code {code}           200 a proof
//   POST /transfer again, with the proof    200
"use strict";

const $ = (id) => document.getElementById(id);

/** What is being asked for: the transfer, where its check starts, and the check. */
let step = null;
let ticking = 0;

// ---- the transfer -------------------------------------------------------------------------------------------------

$("transfer").addEventListener("submit", (event) => {
  event.preventDefault();
  if (step) return;
  const transfer = { payee: $("payee").value.trim(), amount: Number($("amount").value) };
  busy($("transfer"), () => send(transfer));
});

async function send(transfer, proof) {
  tell("");
  const answer = await ask("POST", "/transfer", transfer, proof ? { "Handset-Proof": proof } : {});
  if (answer.status === 401 && answer.data.start && !proof) return openStep(transfer, answer.data);
  closeStep();
  if (answer.ok) {
    if (answer.data.balance !== undefined) $("balance").value = money(answer.data.balance);
    tell(answer.data.message || `${money(transfer.amount)} sent to ${transfer.payee}.`);
  } else {
    tell(words(answer), true);
  }
  // What had the focus may be gone, and a button here would make it easy to send twice.
  $("result").focus();
}

// ---- the step -----------------------------------------------------------------------------------------------------

function openStep(transfer, { start, action, binding }) {
  step = { transfer, start, action, binding, check: null };
  $("transfer-fields").disabled = true;
  $("step-what").textContent = `To send ${money(transfer.amount)} to ${transfer.payee}, we call your phone.`;
  $("step").hidden = false;
  showPhoneForm();
  $("step-title").focus({ preventScroll: true });
  $("step").scrollIntoView({ block: "nearest" });
}

function closeStep() {
  step = null;
  clearInterval(ticking);
  $("step").hidden = true;
  $("transfer-fields").disabled = false;
}

function showPhoneForm() {
  if (step) step.check = null;
  clearInterval(ticking);
  $("phone-form").hidden = false;
  $("code-form").hidden = true;
  $("wait").hidden = true;
  complain("");
}

$("phone-form").addEventListener("submit", (event) => {
  event.preventDefault();
  busy(event.target, startCheck);
});

async function startCheck() {
  const mine = step;
  const { start, action, binding } = step;
  const phone = $("phone").value.trim();
  complain("");
  follow(phone);
  const answer = await ask("POST", start, { phone_number: phone, action, ...(binding ? { binding } : {}) });
  if (step !== mine) {
    // Cancelled meanwhile: what was started is cancelled too.
    if (answer.ok) ask("DELETE", checkUrl(mine, answer.data));
    return;
  }
  if (answer.ok) return showCheck(answer.data);
  complain(words(answer));
  $("phone").focus();
}

/** Shows what the check's prompt asks the person to do. */
function showCheck(check) {
  step.check = check;
  step.ends = deadline(check.expires_at);
  step.resend = deadline(check.resend_after);
  const prompt = check.prompt || { type: "wait" };
  const typed = prompt.type === "enter_code";
  complain("");
  $("phone-form").hidden = true;
  $("code-form").hidden = !typed;
  $("wait").hidden = typed;
  $("wait").textContent = PROMPTS[prompt.type]?.(prompt) ?? "Follow what your phone shows.";
  $("code-label").textContent = (SOURCES[prompt.source] ?? SOURCES.message)(prompt.length);
  $("code").value = "";
  $("code").maxLength = prompt.length || 15;
  clearInterval(ticking);
  ticking = setInterval(tick, 1000);
  tick();
  if (typed) $("code").focus({ preventScroll: true });
  $("step").scrollIntoView({ block: "nearest" });
}

const SOURCES = {
  caller_id: (n) => `The last ${n} digits of the number that called`,
  call: (n) => `The ${n} digits that the call told you`,
  email: (n) => `The ${n} digits in the e-mail`,
  message: (n) => `The ${n} digits in the message`,
};

const PROMPTS = {
  press_keys: (prompt) => `Answer the call and press ${prompt.digits}.`,
  open_url: () => "Open the link on your phone, on mobile data.",
  wait: () => "Wait a moment.",
};

/** Once a second: how long the check lasts, and when another way may be tried. */
function tick() {
  const { check } = step;
  const [left, resend, pause] = [step.ends, step.resend, step.paused].map(secondsUntil);
  $("code-hint").textContent = [
    check.attempts_left !== undefined && plural(check.attempts_left, "try", "tries") + " left",
    left > 0 && `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")} to go`,
  ].filter(Boolean).join(" · ");
  $("next").disabled = resend > 0;
  $("next").textContent = "I did not get it" + (resend > 0 ? ` (${resend} s)` : "");
  $("confirm").disabled = pause > 0;
  $("confirm").textContent = pause > 0 ? `Wait ${pause} s` : "Confirm";
}

$("code-form").addEventListener("submit", (event) => {
  event.preventDefault();
  busy(event.target, answerCheck);
});

async function answerCheck() {
  const mine = step;
  complain("");
  const answer = await ask("POST", `${checkUrl(step)}/code`, { code: $("code").value.trim() });
  if (step !== mine) return;
  if (answer.ok && answer.data.proof) return send(step.transfer, answer.data.proof);
  if (answer.status === 410 || answer.data.attempts_left === 0) return endCheck(answer);
  if (answer.data.attempts_left !== undefined) step.check.attempts_left = answer.data.attempts_left;
  if (answer.status === 429) step.paused = deadline(answer.data.retry_after);
  complain(words(answer));
  $("code").select();
}

$("next").addEventListener("click", () => busy($("code-form"), async () => {
  const mine = step;
  complain("");
  const answer = await ask("POST", `${checkUrl(step)}/next`);
  if (step !== mine) return;
  if (answer.ok) return showCheck({ ...step.check, ...answer.data });
  if (answer.status === 410) return endCheck(answer);
  if (answer.data.retry_after) step.resend = deadline(answer.data.retry_after);
  complain(words(answer));
}));

for (const button of document.querySelectorAll("[data-cancel]")) {
  button.addEventListener("click", () => {
    // The person is done with it: nothing on the page waits for the answer.
    if (step.check) ask("DELETE", checkUrl(step));
    closeStep();
    tell("The transfer was not sent.", true);
    $("transfer").querySelector("button").focus();
  });
}

/** The check is over; a new one may be started. */
function endCheck(answer) {
  showPhoneForm();
  complain(words(answer));
  $("phone").focus();
}

function checkUrl({ start, check: own }, check = own) {
  return `${start}/${encodeURIComponent(check.check_id)}`;
}

// ---- the handset --------------------------------------------------------------------------------------------------

let line = null;

/** Shows the handset of a number from now on. */
function follow(number) {
  const digits = number.replace(/\D/g, "");
  if (!digits || line?.digits === digits) return;
  line?.source.close();
  $("owner-number").textContent = `+${digits}`;
  $("missed").replaceChildren();
  stopRinging();
  line = { digits, ringing: null, source: new EventSource(`/handsets/+${digits}/events`) };
  line.source.onopen = () => { $("signal").textContent = "5G"; };
  line.source.onerror = () => { $("signal").textContent = "no signal"; };
  line.source.onmessage = (message) => receive(JSON.parse(message.data));
}

function receive(event) {
  if (event.kind !== "incoming_call") return;
  if (event.state === "ringing") return ring(event);
  if (line.ringing === event.call) stopRinging();
  if (event.state === "missed") addMissed(event);
}

function ring(event) {
  line.ringing = event.call;
  const [first, last] = grouped(event.from);
  const ending = document.createElement("b");
  ending.textContent = last;
  $("caller").replaceChildren(`${first} `, ending);
  $("ringing").hidden = false;
  $("screen").dataset.state = "ringing";
  $("announce").textContent = `The handset rings. The call is from ${[...event.from].join(" ")}.`;
}

function stopRinging() {
  if (line) line.ringing = null;
  $("ringing").hidden = true;
  $("screen").dataset.state = "idle";
}

function addMissed(event) {
  const item = document.createElement("li");
  const title = document.createElement("strong");
  const when = document.createElement("time");
  const from = document.createElement("span");
  when.dateTime = event.at;
  when.textContent = clock(new Date(event.at));
  title.append("Missed call", when);
  from.textContent = grouped(event.from).join(" ");
  item.append(title, from);
  $("missed").prepend(item);
  while ($("missed").children.length > 3) $("missed").lastChild.remove();
  $("announce").textContent = `Missed call from ${[...event.from].join(" ")}.`;
}

/** `+37166004953` as `+371 6600` and `4953`. */
function grouped(number) {
  const head = number.slice(0, -4);
  return [head.length > 6 ? `${head.slice(0, -4)} ${head.slice(-4)}` : head, number.slice(-4)];
}

function showTime() {
  const now = new Date();
  $("time").textContent = clock(now);
  $("date").textContent = now.toLocaleDateString("en", { weekday: "long", day: "numeric", month: "long" });
}

// ---- helpers ------------------------------------------------------------------------------------------------------

/** One request. Never throws: a server that cannot be reached is an answer of status 0. */
async function ask(method, path, body, headers = {}) {
  const init = { method, headers: { Accept: "application/json", ...headers } };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers["Content-Type"] = "application/json";
  }
  try {
    const response = await fetch(path, init);
    const data = await response.json().catch(() => ({}));
    note(`${method} ${path}${headers["Handset-Proof"] ? " with a proof" : ""} → ${response.status}`);
    return { status: response.status, ok: response.ok, data: data ?? {} };
  } catch {
    note(`${method} ${path} → no answer`);
    return { status: 0, ok: false, data: { detail: "the server cannot be reached; try again" } };
  }
}

/** What went wrong, as a sentence. */
function words({ status, data }) {
  const text = data.detail || data.title || `that did not work (status ${status})`;
  const sentence = text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
  const wait = status === 429 && data.retry_after;
  return wait && !/second/.test(text) ? `${sentence} Try again in ${plural(wait, "second", "seconds")}.` : sentence;
}

/** Keeps a form from being sent twice while `work` runs. */
async function busy(form, work) {
  if (form.dataset.busy) return;
  form.dataset.busy = "true";
  form.setAttribute("aria-busy", "true");
  try {
    await work();
  } finally {
    delete form.dataset.busy;
    form.removeAttribute("aria-busy");
    if (step?.check) tick();
  }
}

function tell(text, bad = false) {
  $("result").textContent = text;
  $("result").classList.toggle("bad", bad);
}

function complain(text) {
  $("step-error").textContent = text;
  if (text) $("step-error").scrollIntoView({ block: "nearest" });
  for (const input of [$("phone"), $("code")]) input.setAttribute("aria-invalid", String(Boolean(text)));
}

function note(text) {
  const item = document.createElement("li");
  item.textContent = text;
  $("wire").append(item);
}

/** When a moment is, in this clock's milliseconds: an RFC 3339 time, or a count of seconds from now. */
function deadline(moment) {
  return typeof moment === "number" ? Date.now() + moment * 1000 : Date.parse(moment) || 0;
}

/** Whole seconds until a deadline; 0 once it has passed or when there is none. */
function secondsUntil(deadline = 0) {
  return Math.max(0, Math.ceil((deadline - Date.now()) / 1000));
}

function money(amount) {
  const value = Number(amount);
  if (Number.isNaN(value)) return String(amount);
  return value.toLocaleString("en", { style: "currency", currency: "EUR" });
}

function plural(count, one, many) {
  return `${count} ${count === 1 ? one : many}`;
}

function clock(date) {
  return date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

showTime();
setInterval(showTime, 5000);
follow($("phone").value);

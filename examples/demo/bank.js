// The bank's page. It knows the app's routes and handset's HTTP surface, and nothing of any vendor:
//
//   POST /transfer {payee, amount}          200, or 401 that says what to show and where to start
//   POST {start} {phone_number, action, ..} 201 a check, and what the person has to do: its prompt
//   POST {start}/{id}/code {code}           200 a proof, where a code is typed
//   GET  {start}/{id}, Prefer: wait=20      200 a proof, where the phone does it
//   POST {start}/{id}/next                  200 the check on the next channel
//   POST /transfer again, with the proof    200
import { follow, offer, owner, withdraw } from "./handset.js";
import { PEOPLE } from "./people.js";
import { ask } from "./steps.js";
import { CHANNELS, PROMPTS, SOURCES, deadline, money, plural, secondsUntil, words } from "./words.js";

const $ = (id) => document.getElementById(id);

/** What is being asked for: the transfer, where its check starts, and the check. */
let step = null;
let ticking = 0;
/** A check that is being called off: another start must not find it. */
let leaving = null;

// ---- the transfer -------------------------------------------------------------------------------------------------

$("transfer").addEventListener("submit", (event) => {
  event.preventDefault();
  if (step) return;
  const transfer = { payee: $("payee").value.trim(), amount: Number($("amount").value), path: $("way").value };
  busy($("transfer"), () => send(transfer));
});

async function send({ path, ...body }, proof) {
  tell("");
  const headers = proof ? { "Handset-Proof": proof } : {};
  const answer = await ask("POST", path, { body, headers, says: () => "The bank sends the money" });
  if (answer.status === 401 && answer.data.start && !proof) return openStep({ path, ...body }, answer.data);
  closeStep();
  if (answer.ok) {
    if (answer.data.balance !== undefined) $("balance").value = money(answer.data.balance);
    tell(answer.data.message || `${money(body.amount)} sent to ${body.payee}.`);
  } else {
    tell(words(answer), true);
  }
  // What had the focus may be gone, and a button here would make it easy to send twice.
  $("result").focus();
}

// ---- the step -----------------------------------------------------------------------------------------------------

function openStep(transfer, { start, action, binding }) {
  step = { transfer, start, action, binding, check: null };
  $("choice").disabled = $("transfer-fields").disabled = true;
  $("step-what").textContent = `One more step before ${money(transfer.amount)} go to ${transfer.payee}.`;
  $("email-field").hidden = $("email").disabled = !action.endsWith(".email");
  $("step").hidden = false;
  showPhoneForm();
  $("step-title").focus({ preventScroll: true });
  $("step").scrollIntoView({ block: "nearest" });
}

function closeStep() {
  step = null;
  clearInterval(ticking);
  withdraw();
  $("step").hidden = true;
  $("choice").disabled = $("transfer-fields").disabled = false;
}

function showPhoneForm() {
  if (step) step.check = null;
  clearInterval(ticking);
  withdraw();
  $("phone-form").hidden = false;
  $("check-form").hidden = true;
  complain("");
}

$("phone-form").addEventListener("submit", (event) => {
  event.preventDefault();
  busy(event.target, startCheck);
});

/** Starts the check. Done again for the same transfer, it sends the same message again. */
async function startCheck() {
  const mine = step;
  const { start, action, binding } = step;
  await leaving;
  const body = { phone_number: $("phone").value.trim(), action, ...(binding ? { binding } : {}) };
  if (!$("email").disabled) body.email = $("email").value.trim();
  complain("");
  follow(body.phone_number, $("email").value.trim());
  const answer = await ask("POST", start, { body, says: (check) => `A check starts: ${CHANNELS[check.channel]}` });
  if (step !== mine) {
    // Cancelled meanwhile: what was started is cancelled too.
    if (answer.ok) cancel(mine, answer.data);
    return;
  }
  if (answer.ok) return showCheck(answer.data);
  complain(words(answer));
  if (!step.check) $("phone").focus();
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
  $("check-form").hidden = false;
  $("check-what").textContent = (PROMPTS[prompt.type] ?? PROMPTS.wait)(prompt, check);
  $("code-field").hidden = $("confirm").hidden = $("code").disabled = !typed;
  $("code-label").textContent = (SOURCES[prompt.source] ?? SOURCES.message)(prompt.length);
  $("code").value = "";
  $("code").maxLength = prompt.length || 15;
  clearInterval(ticking);
  ticking = setInterval(tick, 1000);
  tick();
  withdraw();
  if (prompt.type === "open_url") offer(prompt.url, cameBack);
  if (typed) $("code").focus({ preventScroll: true });
  else watch(check);
  $("step").scrollIntoView({ block: "nearest" });
}

/** Waits for the phone, where there is nothing to type. */
async function watch(check) {
  const mine = step;
  const says = ({ status }) => (status === "pending" ? "The bank waits for the phone" : `The check is ${status}`);
  while (step === mine && mine.check === check) {
    const answer = await ask("GET", checkUrl(mine, check), { headers: { Prefer: "wait=20" }, says });
    if (step !== mine) return;
    if (answer.data.proof) return send(mine.transfer, answer.data.proof);
    if (mine.check !== check) return;
    if (!answer.ok) return endCheck(words(answer));
    if (answer.data.status !== "pending") return endCheck("The phone was not shown. Start again.");
    if (answer.data.attempts_left < check.attempts_left) complain("That was not the right phone, or not the right key.");
    check.attempts_left = answer.data.attempts_left;
    tick();
  }
}

/** The phone's browser is back at the bank. When that settled the check, `watch` has the proof. */
function cameBack(status) {
  if (status === "pending") complain("The operator did not confirm the number of this phone. Try another way.");
}

/** Once a second: how long the check lasts, and when another message may be had. */
function tick() {
  const { check } = step;
  const [left, resend, pause] = [step.ends, step.resend, step.paused].map(secondsUntil);
  const then = check.next_channels?.[0];
  $("check-hint").textContent = [
    check.attempts_left !== undefined && plural(check.attempts_left, "try", "tries") + " left",
    left > 0 && `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")} to go`,
  ].filter(Boolean).join(" · ");
  const typed = !$("code-field").hidden;
  const label = typed ? "I did not get it" : "It does not work";
  $("next").disabled = !then && resend > 0;
  $("next").textContent = then ? `${label}: ${CHANNELS[then]} instead` : `${label}: try again${resend ? ` (${resend} s)` : ""}`;
  $("confirm").disabled = pause > 0;
  $("confirm").textContent = pause > 0 ? `Wait ${pause} s` : "Confirm";
}

$("check-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!$("code").disabled) busy(event.target, answerCheck);
});

async function answerCheck() {
  const mine = step;
  complain("");
  const body = { code: $("code").value.trim() };
  const answer = await ask("POST", `${checkUrl(step)}/code`, { body, says: () => "The code is right: here is a proof" });
  if (step !== mine) return;
  if (answer.ok && answer.data.proof) return send(step.transfer, answer.data.proof);
  if (answer.status === 410 || answer.data.attempts_left === 0) return endCheck(words(answer));
  if (answer.data.attempts_left !== undefined) step.check.attempts_left = answer.data.attempts_left;
  if (answer.status === 429) step.paused = deadline(answer.data.retry_after);
  complain(words(answer));
  $("code").select();
}

/** The next channel of the plan; at its end, the same message again. */
$("next").addEventListener("click", () => busy($("check-form"), async () => {
  if (!step.check.next_channels?.length) return startCheck();
  const mine = step;
  complain("");
  const says = (check) => `The check goes on: ${CHANNELS[check.channel]}`;
  const answer = await ask("POST", `${checkUrl(step)}/next`, { says });
  if (step !== mine) return;
  if (answer.ok) return showCheck(answer.data);
  if (answer.status === 410) return endCheck(words(answer));
  complain(words(answer));
}));

for (const button of document.querySelectorAll("[data-cancel]")) {
  button.addEventListener("click", () => {
    // The person is done with it: nothing on the page waits for the answer, except another start.
    if (step.check) leaving = cancel(step);
    closeStep();
    tell("The transfer was not sent.", true);
    $("transfer").querySelector("button").focus();
  });
}

function cancel(what, check) {
  return ask("DELETE", checkUrl(what, check), { says: () => "The check is called off" });
}

/** The check is over; a new one may be started. */
function endCheck(why) {
  showPhoneForm();
  complain(why);
  $("phone").focus();
}

function checkUrl({ start, check: own }, check = own) {
  return `${start}/${encodeURIComponent(check.check_id)}`;
}

// ---- the choice ---------------------------------------------------------------------------------------------------

$("person").append(...PEOPLE.map(({ name }, index) => new Option(name, index)));
$("person").addEventListener("change", choosePerson);

function choosePerson() {
  const { number, email, over } = PEOPLE[$("person").value];
  $("phone").value = number;
  $("email").value = email;
  owner(over, PEOPLE);
  follow(number, email);
}

// ---- helpers ------------------------------------------------------------------------------------------------------

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

choosePerson();

// What is shown to people: channels and prompts in words, problems as sentences, money and times.

export const CHANNELS = {
  sms: "a text message",
  voice_code: "a spoken code",
  flash_call: "a flash call",
  key_press: "a call to answer",
  email: "an e-mail",
  silent_network: "a silent check",
};

/** What a code is called, by where it is found. */
export const SOURCES = {
  caller_id: (n) => `The last ${n} digits of the number that calls`,
  call: (n) => `The ${n} digits that the call tells you`,
  email: (n) => `The ${n} digits in the e-mail`,
  message: (n) => `The ${n} digits in the message`,
};

/** What the person has to do. */
export const PROMPTS = {
  enter_code: (prompt, { channel }) =>
    prompt.source === "caller_id" ? "Your phone rings for a moment. You need not answer." : `You get ${CHANNELS[channel]}.`,
  open_url: () => "Nothing to type: your phone opens a page of its operator, which knows its SIM.",
  press_keys: (prompt) => `Your phone rings. Answer, and press ${prompt.digits}.`,
  wait: () => "Wait a moment.",
};

/** What went wrong, as a sentence. */
export function words({ status, data }) {
  const text = data.detail || data.title || `that did not work (status ${status})`;
  const sentence = text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
  const wait = status === 429 && data.retry_after;
  return wait && !/second/.test(text) ? `${sentence} Try again in ${plural(wait, "second", "seconds")}.` : sentence;
}

/** When a moment is, in this clock's milliseconds: an RFC 3339 time, or a count of seconds from now. */
export function deadline(moment) {
  return typeof moment === "number" ? Date.now() + moment * 1000 : Date.parse(moment) || 0;
}

/** Whole seconds until a deadline; 0 once it has passed or when there is none. */
export function secondsUntil(deadline = 0) {
  return Math.max(0, Math.ceil((deadline - Date.now()) / 1000));
}

export function money(amount) {
  const value = Number(amount);
  if (Number.isNaN(value)) return String(amount);
  return value.toLocaleString("en", { style: "currency", currency: "EUR" });
}

export function plural(count, one, many) {
  return `${count} ${count === 1 ? one : many}`;
}

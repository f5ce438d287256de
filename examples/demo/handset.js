// The virtual handset beside the bank: the sandbox's own, as on its page `/phones`, and what it does told among the steps.
import { Phone } from "/phones/phone.js";
import { ask, note, tell } from "./steps.js";

/** The SIMs that may be in the handset, as pairs of a name and a number. */
let sims = [];
/** Whom to tell when the handset came back to the bank. */
let back = () => {};

const phone = new Phone({
  number: "",
  sims: () => sims,
  onnews: (title) => note(`The handset shows: ${title.charAt(0).toLowerCase()}${title.slice(1)}`),
  onask: ({ says, request, status }) => tell(says, request, status),
  onback: comeBack,
});
document.getElementById("handset-title").after(phone.element);

/** Shows the handset of a number from now on, and the inbox of an address. */
export function follow(number, email) {
  const digits = number.replace(/\D/g, "");
  phone.follow(digits && `+${digits}`, email);
}

/** How the owner's phone is in the internet, and whose SIM may be in it. */
export function owner(over, people) {
  sims = people.filter(({ number }) => number).map(({ name, number }) => [name, number]);
  phone.browser.connect(over === "mobile_data");
}

/** Has the handset's owner open a URL; `told` hears how the check stands when the bank has the handset again. */
export function offer(url, told) {
  back = told;
  phone.browser.offer(url);
}

export function withdraw() {
  phone.browser.withdraw();
}

/** Opens what the operator leads back to, as the browser of the bank's customer. */
async function comeBack(url) {
  const { pathname, search, searchParams } = new URL(url);
  const returned = await ask("GET", pathname + search, { says: (check) => `The handset is back: the check is ${check.status}` });
  back(returned.data.status);
  const why = searchParams.get("error_description") ?? searchParams.get("error");
  if (why) return `Back at the bank. The operator says: ${why}.`;
  return returned.data.status === "verified" ? "Done. You may go back to the bank." : "Back at the bank, and not confirmed.";
}

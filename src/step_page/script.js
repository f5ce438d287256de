'use strict';
// The page works without any of this.

// Where there is something else to see than what is shown, the page is loaded again.
const { changes } = document.body.dataset;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const watch = async () => {
  for (;;) {
    try {
      const answer = await fetch(changes, { cache: 'no-store' });
      if (answer.status === 200) return location.reload();
      if (answer.status === 400) return;
      if (answer.status === 204) continue;
    } catch {
      // As for a server that is not well: later.
    }
    await pause(3000);
  }
};
if (changes) watch();

// A form is sent once, until the page comes back from the browser's memory.
for (const form of document.forms) {
  form.addEventListener('submit', (event) => {
    if (document.body.dataset.sent) event.preventDefault();
    document.body.dataset.sent = 'yes';
    for (const button of document.querySelectorAll('button')) button.setAttribute('aria-disabled', 'true');
  });
}
addEventListener('pageshow', (event) => {
  if (event.persisted) location.reload();
});

// The code is what was copied around it, too; the phone may read it from the message.
const code = document.getElementById('code');
if (code) {
  const length = Number(code.dataset.length);
  const found = (text) => text.replace(/(\d)[\s-]+(?=\d)/g, '$1').match(new RegExp(`(?<!\\d)\\d{${length}}(?!\\d)`));
  code.addEventListener('paste', (event) => {
    const digits = found(event.clipboardData.getData('text'));
    if (!digits) return;
    event.preventDefault();
    code.value = digits[0];
  });
  if (code.dataset.source === 'message' && 'OTPCredential' in window) {
    const stop = new AbortController();
    code.form.addEventListener('submit', () => stop.abort());
    navigator.credentials.get({ otp: { transport: ['sms'] }, signal: stop.signal }).then(
      (message) => { code.value = message.code; },
      () => {},
    );
  }
}

// A button that may not be pressed yet counts down.
for (const button of document.querySelectorAll('[data-seconds]')) {
  const [label, due] = [button.textContent, Date.now() + 1000 * Number(button.dataset.seconds)];
  const tick = () => {
    const left = Math.ceil((due - Date.now()) / 1000);
    button.disabled = left > 0;
    button.textContent = left > 0 ? `${label} (${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')})` : label;
    if (left > 0) setTimeout(tick, 500);
  };
  document.getElementById('again-in').remove();
  button.removeAttribute('aria-describedby');
  tick();
}

// Countries by their names, in the language of the page.
const regions = document.getElementById('region');
if (regions && window.Intl?.DisplayNames) {
  const [{ lang }, chosen] = [document.documentElement, regions.value];
  const names = new Intl.DisplayNames([lang], { type: 'region' });
  const [first, ...rest] = regions.options;
  for (const option of rest) option.textContent = `${names.of(option.value)} (\u2066+${option.dataset.code}\u2069)`;
  rest.sort((one, other) => one.textContent.localeCompare(other.textContent, lang));
  regions.replaceChildren(first, ...rest);
  regions.value = chosen;
  const phone = document.getElementById('phone');
  const example = () => regions.selectedOptions[0].dataset.example ?? '';
  // A number that is as long as those of the country is written as they are.
  const write = () => {
    const digits = phone.value.replace(/[\s().-]/g, '');
    if (!/^\d+$/.test(digits) || digits.length !== example().replace(/\D/g, '').length) return;
    let next = 0;
    phone.value = example().replace(/\d/g, () => digits[next++]);
  };
  phone.addEventListener('change', write);
  regions.addEventListener('change', () => { phone.placeholder = example(); write(); });
}

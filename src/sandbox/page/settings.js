// Every knob there is: its name, what the vendor does, and the values that it needs, each with the one it begins with.

const milliseconds = (start) => [{ label: "milliseconds", type: "number", min: 0, max: 3600000, start }];
const url = (start) => [{ label: "URL", type: "text", start }];
const one = (...choices) => [{ label: "which", choices, start: choices[0] }];

/** Groups of knobs: name, words, fields. A knob without fields is `true`; one with several is an object with their names. */
export const GROUPS = [
  ["Answers", [
    ["latency", "waits before it answers", milliseconds(2000)],
    ["time_out", "takes the request and never answers"],
    ["http_429", "refuses with 429 and Retry-After", milliseconds(30000)],
    ["http_500", "answers 500 in plain text"],
    ["http_502", "answers 502 with a proxy’s page"],
    ["http_503", "answers 503 and Retry-After", milliseconds(30000)],
    ["http_504", "answers 504 with a proxy’s page"],
    ["rate_limit", "refuses what is too much", [
      { name: "requests", label: "requests", type: "number", min: 0, max: 10000, start: 5 },
      { name: "per", label: "in milliseconds", type: "number", min: 1, max: 3600000, start: 60000 },
    ]],
    ["error_code", "refuses with its own error body", [
      { name: "code", label: "code", type: "number", start: 7 },
      { name: "status", label: "status", type: "number", min: 400, max: 599, start: 402 },
    ]],
    ["html", "answers 200 with a web page"],
    ["redirect", "answers 307", url("/elsewhere")],
    ["wrong_json", "cuts its answer short"],
    ["big_body", "answers 2 MiB"],
    ["slow_body", "answers byte by byte without end", milliseconds(250)],
    ["drop_connection", "hangs up in the middle of the answer"],
    ["ids_as_strings", "writes numbers of its JSON as strings"],
  ]],
  ["Calls and messages", [
    ["not_answered", "knows that nothing reached the phone"],
    ["lost", "takes orders of which nothing comes"],
    ["voicemail", "reaches a machine"],
    ["ring_time", "lets calls ring for this long", milliseconds(20000)],
    ["caller_ending", "calls from a number that ends so", [{ label: "four digits", type: "text", pattern: "[0-9]{4}", start: "0042" }]],
  ]],
  ["Callbacks", [
    ["callback", "spoils its callbacks", one(
      "none", "duplicate", "out_of_order", "early", "forged", "unsigned", "wrong_signature", "foreign_key", "late")],
    ["callback_url", "calls back there for the whole account", url("http://127.0.0.1:8080/callback")],
    ["plain_callbacks", "does not wrap callbacks of Citcall’s version 2"],
    ["notify_out_end", "names the end of a call NOTIFY_OUT_END (Zadarma)"],
    ["national_numbers", "writes national numbers in callbacks (Zadarma)"],
    ["utc_offset", "has an account in another time zone (Zadarma)", [
      { label: "minutes ahead of UTC", type: "number", min: -720, max: 840, step: 15, start: 60 },
    ]],
  ]],
  ["Operators", [
    ["over_wifi", "answers devices without a SIM so", one("refuse", "forbid", "mock")],
    ["backchannel", "asks this person about a CIBA request", one("ask", "approve", "deny", "nobody")],
    ["poll_interval", "wants to be left alone between questions", milliseconds(2000)],
    ["slow_down", "answers the first question with slow_down"],
    ["token_lifetime", "gives tokens of this life", milliseconds(60000)],
  ]],
];

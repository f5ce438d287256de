//! The vendors emulated on a real socket, with virtual handsets to look at.
//!
//! ```text
//!  your code --HTTP--> /numcheck/en/init-call ---rings---> handset +37126123456
//!                                                            |
//!  a test  <---- Handset::next_call() ---------------------- +
//!  a browser <-- GET /handsets/{number}/events (SSE) ------- +
//! ```
//!
//! The emulators are as strict as a real server would be, and break in the ways that [`Knob`]s say. They share no code
//! with the clients, so that a mistake in one cannot hide the same mistake in the other. `handset sandbox` (feature `cli`) runs
//! them as a process of their own, for tests in other languages.
//!
//! | method and path | does |
//! |---|---|
//! | `POST /citcall/v2/asynccall`, `POST /citcall/v3/motp` | Citcall |
//! | `/idlayr/oauth2/..`, `/idlayr/phone_check/..`, `/idlayr/coverage/..`, `/idlayr/.well-known/jwks.json` | IDlayr |
//! | `POST /numcheck/{locale}/init-call`, `POST /numcheck/{locale}/get-call-info` | NumCheck |
//! | below `/open_gateway` | Open Gateway: metadata, `authorize`, `bc-authorize`, `token`, `number-verification/{v0,v1,v2}/verify` |
//! | `POST /zadarma/v1/verify/`, `POST /zadarma/v1/verify/check` | Zadarma |
//! | `PUT /zadarma/account` | enters the URL for Zadarma's callbacks, `{"webhook_url": ".."}`, once it has answered the vendor's test |
//! | `GET /handsets` | the numbers and addresses known so far |
//! | `GET /handsets/{number}/events` | what reached a handset: a JSON array, or live with `Accept: text/event-stream` |
//! | `POST /handsets/{number}/open` | opens a URL of the emulators on the handset, over mobile data or Wi-Fi |
//! | `POST /handsets/{number}/answer` | takes what rings; a call that waits for keys goes on |
//! | `POST /handsets/{number}/press` | takes the call that waits for keys and presses some, `{"digits": "1"}`, or none |
//! | `POST /handsets/{number}/hang_up` | refuses what rings, leaves what was taken |
//! | `POST /handsets/{number}/operator_token` | an operator token of the handset's SIM, for Open Gateway |
//! | `POST /handsets/{number}/approval` | answers what Open Gateway asks the person with the handset |
//! | `GET /requests` | what the vendors were asked: a JSON array; with `?after=7`, what came after the one with that id |
//! | `GET /activity` | all of it live, as server-sent events: what there is, then what happens at every vendor and handset |
//! | `GET /phones` | a page to look at: phones, requests and knobs |
//! | `GET`, `PUT`, `DELETE /knobs` | shows, sets and clears [`Knobs`]: for all, with `"vendor"` for one vendor, with `"number"` for one number |
//!
//! Waits are milliseconds. Every knob works on every endpoint of every vendor, token endpoints and key sets too, unless it says
//! for whom it is.
//!
//! | knob | value | the vendor |
//! |---|---|---|
//! | `latency` | 250 | waits before it answers |
//! | `time_out` | | takes the request and never answers |
//! | `http_500`, `http_502`, `http_504` | | answers that, in plain text or with a proxy's page |
//! | `http_503` | 30000 | answers 503 with `Retry-After` |
//! | `http_429` | 30000 | refuses with 429, its own error body and `Retry-After` |
//! | `rate_limit` | `{"requests": 5, "per": 60000}` | does so for the requests that are too many |
//! | `error_code` | `{"code": 7, "status": 402}` | refuses with its own error body |
//! | `html` | | answers 200 with a web page |
//! | `redirect` | `"http://.."` | answers 307 |
//! | `wrong_json` | | does what was asked, and cuts its answer short |
//! | `big_body` | | the same, and answers 2 MiB |
//! | `slow_body` | 250 | the same, and answers byte by byte without end |
//! | `drop_connection` | | the same, and hangs up in the middle of the answer |
//! | `not_answered` | | takes an order and knows that it did not reach the phone: calls, messages, e-mail |
//! | `lost` | | takes an order of which nothing ever comes: no call, no message, no e-mail, no operator's answer, no callback |
//! | `voicemail` | | reaches a machine: a call that nobody sees, a code that is spoken to it |
//! | `ring_time`, `caller_ending` | 8000, `"0042"` | lets calls ring for this long, and calls from a number that ends so |
//! | `ids_as_strings` | | writes numbers of its JSON as strings (NumCheck, Citcall) |
//! | `token_lifetime` | 60000 | gives tokens of this life (IDlayr, Open Gateway) |
//! | `callback` | `"none"`, `"duplicate"`, `"out_of_order"`, `"early"`, `"forged"`, `"unsigned"`, `"wrong_signature"`, `"foreign_key"`, `"late"` | spoils its callbacks: [`CallbackFault`] (IDlayr, Citcall) |
//! | `callback_url`, `plain_callbacks` | `"http://.."`, none | calls back there for the whole account, and without the wrapping of version 2 (Citcall) |
//! | `over_wifi`, `backchannel`, `poll_interval`, `slow_down` | see [`Knob`] | answers devices without a SIM, and CIBA requests, so (Open Gateway) |
//!
//! ```
//! use handset::sandbox::{Knob, Sandbox, Scope};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::start().await?;
//! sandbox.knobs().set(Scope::Number("+37126123456"), Knob::CallerEnding("0042".into()))?;
//!
//! let answer = reqwest::Client::new()
//!     .post(format!("{}/en/init-call?phone=37126123456", sandbox.numcheck_url()))
//!     .header("X-AUTH-Token", sandbox.numcheck_token().expose())
//!     .send()
//!     .await?;
//! assert!(answer.status().is_success());
//!
//! let call = sandbox.handset("+37126123456").next_call().await;
//! assert_eq!(call.ending(), "0042");
//! # Ok(())
//! # }
//! ```

mod activity;
mod builder;
mod call;
mod citcall;
mod common;
mod content;
mod control;
mod courier;
mod credentials;
mod device;
mod event;
mod fault;
mod handset;
mod idlayr;
mod knob;
mod line;
mod live;
mod log;
mod message;
mod numcheck;
#[cfg(feature = "open-gateway")]
mod open_gateway;
mod page;
mod random;
mod server;
mod zadarma;

pub use activity::{Activity, Watch};
pub use builder::Builder;
pub use content::Content;
pub use credentials::Credentials;
pub use device::{Opened, Over};
pub use event::{CallState, Event, IncomingCall};
pub use handset::Handset;
pub use knob::{Backchannel, CallbackFault, Knob, Knobs, OverWifi, Scope};
pub use log::LoggedRequest;
pub use message::{Email, Sms, VoiceCall};
pub use server::Sandbox;

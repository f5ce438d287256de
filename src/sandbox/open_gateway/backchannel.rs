//! `POST /bc-authorize`: who is behind this hint? And what became of it, at the token endpoint.

use std::time::{Duration, Instant, SystemTime};

use http::StatusCode;
use serde_json::{Value, json};

use super::{Ask, Emulator, Reply, authorize, now, once, token::Pairs};
use crate::sandbox::{
    handset::e164,
    knob::{Backchannel, Dials, Knob},
    random,
};

/// A request that was taken.
pub(super) struct Request {
    /// The line that it is about.
    pub(super) number: String,
    scope: String,
    state: State,
    expires: SystemTime,
    interval: Duration,
    asked: Instant,
    slowed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The person has not answered.
    Waiting,
    Denied,
    /// The SIM of the number is known to take part.
    Approved,
    /// Nobody was asked: it is known whom the request names, and no more.
    Named,
    /// The operator has lost it: nobody will ever be asked.
    Lost,
    Used,
}

impl Emulator {
    pub(super) fn bc_authorize(&self, ask: &Ask, dials: &Dials) -> Reply {
        match self.taken(ask, dials) {
            Ok(body) => Reply::new(StatusCode::OK, body),
            Err((status, error)) => Reply::new(status, json!({ "error": error, "error_description": "Refused" })),
        }
    }

    fn taken(&self, ask: &Ask, dials: &Dials) -> Result<Value, (StatusCode, &'static str)> {
        let bad = |error| (StatusCode::BAD_REQUEST, error);
        let form = self.form_of_client(ask)?;
        let scope = once(&form, "scope").filter(|scope| may_ask(scope)).ok_or(bad("invalid_scope"))?;
        // The profile takes this hint and no other.
        let others = ["login_hint_token", "id_token_hint"].iter().any(|name| once(&form, name).is_some());
        let hint = once(&form, "login_hint").filter(|_| !others).ok_or(bad("invalid_request"))?;
        let (number, state) = match hint.split_once(':') {
            Some(("operatortoken", token)) => {
                (self.spend_operator_token(token).ok_or(bad("unknown_user_id"))?, State::Approved)
            }
            Some(("tel", number)) if number == e164(number) => (number.to_owned(), state_of(dials.backchannel())),
            _ => return Err(bad("unknown_user_id")),
        };
        let state = if dials.has(&Knob::Lost) { State::Lost } else { state };
        let id = random::alphanumeric(40).map_err(|_| bad("server_error"))?;
        let (life, interval) = (dials.token_lifetime().min(LIFE), dials.poll_interval());
        let request = Request {
            number,
            scope,
            state,
            expires: now() + life,
            interval,
            asked: Instant::now(),
            slowed: !dials.has(&Knob::SlowDown),
        };
        self.state().requests.add(id.clone(), request);
        Ok(json!({ "auth_req_id": id, "expires_in": life.as_secs(), "interval": interval.as_secs() }))
    }

    /// The person with that phone answers: how many requests.
    pub(super) fn answer(&self, number: &str, approve: bool) -> usize {
        let mut state = self.state();
        let open = state.requests.all().filter(|request| request.number == number && request.state == State::Waiting);
        let answered = open.map(|request| request.state = if approve { State::Approved } else { State::Denied });
        answered.count()
    }

    /// What became of a request (CIBA Core, section 11).
    pub(super) fn outcome(&self, form: &Pairs) -> Result<Value, &'static str> {
        let id = once(form, "auth_req_id").ok_or("invalid_request")?;
        let mut state = self.state();
        let request = state.requests.find(&id).filter(|request| request.state != State::Used).ok_or("invalid_grant")?;
        let early = Instant::now() < request.asked + request.interval;
        request.asked = Instant::now();
        if early || !request.slowed {
            (request.interval, request.slowed) = (request.interval + SLOWER, true);
            state.slow_downs += usize::from(early);
            return Err("slow_down");
        }
        if now() >= request.expires {
            return Err("expired_token");
        }
        let sim = match request.state {
            State::Waiting | State::Lost => return Err("authorization_pending"),
            State::Denied => return Err("access_denied"),
            State::Approved => Some(request.number.clone()),
            State::Named | State::Used => None,
        };
        request.state = State::Used;
        let scope = request.scope.clone();
        drop(state);
        self.give(sim, &scope, None).ok_or("server_error")
    }
}

fn state_of(backchannel: Backchannel) -> State {
    match backchannel {
        Backchannel::Ask => State::Waiting,
        Backchannel::Approve => State::Approved,
        Backchannel::Deny => State::Denied,
        Backchannel::Nobody => State::Named,
    }
}

/// A known scope, and an OpenID one in the form that has `openid` (CIBA Core, section 7.1).
fn may_ask(scope: &str) -> bool {
    authorize::is_known(scope) && (scope.contains('#') || authorize::openid(scope))
}

/// How long a request waits.
const LIFE: Duration = Duration::from_secs(120);

/// By how much the interval grows.
const SLOWER: Duration = Duration::from_secs(5);

//! `POST /number-verification/{version}/verify`: is that the number of the SIM?

use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Ask, Emulator, Reply, Token, now};
use crate::sandbox::{
    knob::{Dials, OverWifi},
    random,
};

impl Emulator {
    pub(super) fn verify(&self, version: &str, ask: &Ask, dials: &Dials) -> Reply {
        let correlator = match ask.headers.contains_key(CORRELATOR) {
            false => Ok(None),
            true => ask.header(CORRELATOR).filter(|value| may_correlate(version, value)).map(Some).ok_or(MALFORMED),
        };
        let said = correlator.and_then(|_| self.verified(version, ask, dials));
        let mut reply = match said {
            Ok(verified) => Reply::new(StatusCode::OK, json!({ "devicePhoneNumberVerified": verified })),
            Err((status, code, message)) => Reply::new(
                StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
                json!({ "status": status, "code": code, "message": message }),
            ),
        };
        if let Some(value) = correlator.ok().flatten().and_then(|value| HeaderValue::from_str(value).ok()) {
            reply.headers.insert(CORRELATOR, value);
        }
        reply
    }

    fn verified(&self, version: &str, ask: &Ask, dials: &Dials) -> Result<bool, Refusal> {
        let token = ask.bearer().and_then(|token| self.spend(token)).ok_or(UNAUTHENTICATED)?;
        let old_form = token.scope.contains('#');
        if old_form != (version == "v0") {
            return Err((403, "PERMISSION_DENIED", "The token has not the scope for this operation"));
        }
        if ask.header("content-type").is_none_or(|kind| kind.split(';').next() != Some("application/json")) {
            return Err((415, "UNSUPPORTED_MEDIA_TYPE", "The body is JSON"));
        }
        let about = About::read(version, &ask.body)?;
        match (&token.sim, dials.over_wifi(), &about) {
            (Some(sim), _, about) => Ok(about.is(version, sim)),
            (None, OverWifi::Mock, About::Number(number)) => mocked(number),
            (None, OverWifi::Mock, About::Hash(_)) => {
                Err((400, "INVALID_ARGUMENT", "The mock knows plain numbers only"))
            }
            (None, OverWifi::Refuse | OverWifi::Forbid, _) => Err((
                403,
                "NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK",
                "Client must authenticate via the mobile network to use this service",
            )),
        }
    }

    /// A token that is good, and from now on is not.
    fn spend(&self, token: &str) -> Option<Token> {
        let mut state = self.state();
        let token = state.tokens.find(token).filter(|token| !token.used && now() < token.expires)?;
        token.used = true;
        Some(token.clone())
    }
}

/// Status, code, message.
type Refusal = (u16, &'static str, &'static str);

/// What is asked about: exactly one property, of the right shape, and no other.
enum About {
    Number(String),
    /// SHA-256 in small hexadecimal letters.
    Hash(String),
}

impl About {
    fn read(version: &str, body: &[u8]) -> Result<Self, Refusal> {
        let body: Map<String, Value> = serde_json::from_slice(body).map_err(|_| MALFORMED)?;
        let mut properties = body.iter();
        let (Some((name, Value::String(value))), None) = (properties.next(), properties.next()) else {
            return Err(MALFORMED);
        };
        match name.as_str() {
            "phoneNumber" if is_number(version, value) => Ok(Self::Number(value.clone())),
            "hashedPhoneNumber" if value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit()) => {
                Ok(Self::Hash(value.to_ascii_lowercase()))
            }
            _ => Err(MALFORMED),
        }
    }

    fn is(&self, version: &str, sim: &str) -> bool {
        let digits = sim.trim_start_matches('+');
        match self {
            Self::Number(number) => number.trim_start_matches('+') == digits,
            Self::Hash(hash) => {
                let same = |text: &str| hex(&Sha256::digest(text.as_bytes())) == *hash;
                // In v0 the `+` is optional, in what is hashed too.
                same(sim) || (version == "v0" && same(digits))
            }
        }
    }
}

/// `^\+[1-9][0-9]{4,14}$`; in v0 the `+` is optional.
fn is_number(version: &str, text: &str) -> bool {
    let digits = match text.strip_prefix('+') {
        Some(digits) => digits,
        None if version == "v0" => text,
        None => return false,
    };
    (5..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0')
}

/// What an aggregator's sandbox says of numbers that have no SIM: by their last digit.
fn mocked(number: &str) -> Result<bool, Refusal> {
    match number.chars().next_back() {
        Some('1') => Ok(true),
        Some('2') => Ok(false),
        _ => random::below(2).map(|drawn| drawn == 0).map_err(|_| (500, "INTERNAL", "No random numbers")),
    }
}

/// Version 1.1 takes letters, digits and `-`; the later ones more; 0.3 and 1.0 say nothing.
fn may_correlate(version: &str, text: &str) -> bool {
    let (longest, signs) = match version {
        "v1" => (55, "-"),
        _ => (256, "-_:;./<>{}"),
    };
    text.len() <= longest && text.chars().all(|c| c.is_ascii_alphanumeric() || signs.contains(c))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const CORRELATOR: &str = "x-correlator";

const MALFORMED: Refusal =
    (400, "INVALID_ARGUMENT", "Client specified an invalid argument, request body or query param");

const UNAUTHENTICATED: Refusal = (
    401,
    "UNAUTHENTICATED",
    "Request not authenticated due to missing, invalid, or expired credentials. A new authentication is required.",
);

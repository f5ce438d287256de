//! What holds for one request.

use std::time::Duration;

use super::{CallbackFault, Knob, LONGEST};

#[cfg(feature = "open-gateway")]
use super::{Backchannel, OverWifi};

/// The knobs that hold for one request, the number's own first, then the vendor's.
pub(in crate::sandbox) struct Dials {
    knobs: Vec<Knob>,
    /// How long to wait, for one that is over its rate limit.
    over: Option<Duration>,
}

impl Dials {
    pub(super) fn new(knobs: Vec<Knob>, over: Option<Duration>) -> Self {
        Self { knobs, over }
    }

    pub(in crate::sandbox) fn latency(&self) -> Duration {
        self.find(|knob| if let Knob::Latency(wait) = knob { Some(*wait) } else { None }).unwrap_or_default()
    }

    pub(in crate::sandbox) fn ring_time(&self) -> Duration {
        self.find(|knob| if let Knob::RingTime(wait) = knob { Some(*wait) } else { None }).unwrap_or(RING_TIME)
    }

    pub(in crate::sandbox) fn token_lifetime(&self) -> Duration {
        self.find(|knob| if let Knob::TokenLifetime(life) = knob { Some(*life) } else { None }).unwrap_or(LONGEST)
    }

    /// Minutes ahead of UTC.
    pub(in crate::sandbox) fn utc_offset(&self) -> i16 {
        self.find(|knob| if let Knob::UtcOffset(minutes) = knob { Some(*minutes) } else { None }).unwrap_or_default()
    }

    pub(in crate::sandbox) fn callback(&self) -> Option<CallbackFault> {
        self.find(|knob| if let Knob::Callback(fault) = knob { Some(*fault) } else { None })
    }

    pub(in crate::sandbox) fn caller_ending(&self) -> Option<&str> {
        self.find(|knob| if let Knob::CallerEnding(ending) = knob { Some(ending.as_str()) } else { None })
    }

    pub(in crate::sandbox) fn error_code(&self) -> Option<(i64, u16)> {
        self.find(|knob| if let Knob::ErrorCode { code, status } = knob { Some((*code, *status)) } else { None })
    }

    /// The wait that a request is told which is one too many.
    pub(in crate::sandbox) fn too_many(&self) -> Option<Duration> {
        self.over.or_else(|| self.find(|knob| if let Knob::Http429(wait) = knob { Some(*wait) } else { None }))
    }

    pub(in crate::sandbox) fn slow_body(&self) -> Option<Duration> {
        self.find(|knob| if let Knob::SlowBody(wait) = knob { Some(*wait) } else { None })
    }

    pub(in crate::sandbox) fn callback_url(&self) -> Option<&str> {
        self.find(|knob| if let Knob::CallbackUrl(url) = knob { Some(url.as_str()) } else { None })
    }

    /// Whether messages come to those they are for.
    pub(in crate::sandbox) fn arrives(&self) -> bool {
        !self.has(&Knob::NotAnswered) && !self.has(&Knob::Lost)
    }

    #[cfg(feature = "open-gateway")]
    pub(in crate::sandbox) fn over_wifi(&self) -> OverWifi {
        self.find(|knob| if let Knob::OverWifi(does) = knob { Some(*does) } else { None }).unwrap_or_default()
    }

    #[cfg(feature = "open-gateway")]
    pub(in crate::sandbox) fn backchannel(&self) -> Backchannel {
        self.find(|knob| if let Knob::Backchannel(does) = knob { Some(*does) } else { None }).unwrap_or_default()
    }

    #[cfg(feature = "open-gateway")]
    pub(in crate::sandbox) fn poll_interval(&self) -> Duration {
        self.find(|knob| if let Knob::PollInterval(wait) = knob { Some(*wait) } else { None }).unwrap_or(POLL_INTERVAL)
    }

    pub(in crate::sandbox) fn has(&self, knob: &Knob) -> bool {
        self.knobs.contains(knob)
    }

    pub(in crate::sandbox) fn find<'a, T: 'a>(&'a self, pick: impl Fn(&'a Knob) -> Option<T>) -> Option<T> {
        self.knobs.iter().find_map(pick)
    }
}

/// How long a call rings when no knob says otherwise.
const RING_TIME: Duration = Duration::from_secs(8);

/// How long a client leaves a request alone when no knob says otherwise.
#[cfg(feature = "open-gateway")]
const POLL_INTERVAL: Duration = Duration::from_secs(2);

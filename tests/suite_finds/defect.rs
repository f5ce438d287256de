//! What an author can get wrong, in the provider or in what is said about the vendor.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use handset::{
    Channel, PhoneNumber, Result, Secret,
    provider::{Handle, Order, Provider, Started},
    testing::provider::{Ask, Callbacks, Declared, Evidence, Reading, Step, Suite, Vendor, Will, Wire},
};
use http::Method;

use crate::{
    careless::Careless,
    vendor::{ANSWERS, World},
};

/// One thing done wrong; everything else is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    // From the order to the verdict.
    TakesAnyChannel,
    PromptsForSomethingElse,
    MatchesWrongAnswers,
    RefusesRightAnswers,
    MatchesUnknownHandles,
    MatchesExpiredHandles,
    MatchesWhilePending,

    // What never ends.
    HangsOnAnUndeclaredChannel,

    // Who posted it.
    AcceptsAlteredReports,
    AcceptsReportsWithoutSignature,
    AcceptsStaleReports,
    ReadsWhateverIsPosted,
    LetsUnsignedReportsDecide,

    // What it is about.
    GivesReportsANewIdEachTime,
    GivesReportsNoId,
    NamesNoOrder,
    NamesTheFirstOrder,
    NamesTheLastOrder,

    // What is sent too often, or to others.
    OrdersTwice,
    OrdersAgainWhenTheAnswerIsLost,
    OrdersAgainAfterAServerError,
    FollowsRedirects,
    FetchesATokenForEachStart,
    KeepsANumberLocked,

    // What the vendor's refusals are taken for.
    ReadsAnyAnswerAsSuccess,
    BlamesTheNumberForTheAccount,
    TakesTooManyRequestsForAnOutage,
    ForgetsRetryAfter,
    ForgetsItsName,

    // What must not be seen.
    ShowsUrlsInErrors,
    ShowsTheNumberInAnError,
    ShowsTheNationalNumberInAnError,
    ShowsTheCodeInDebug,
    TracesTheCode,
    TracesTheSecret,
    TracesTheToken,

    // What is said about the vendor.
    AsksWhatNoAskDescribes,
    AsksWhatNoAskDescribesWhenRefused,
    DeclaresACaseThatApplies,
    DeclaresWithoutAReason,
    LeavesCasesUndeclared,
    HasNoAnswerForAStatus,
}

impl Defect {
    /// The suite for a vendor, or a provider, that has it.
    pub(crate) fn suite(self) -> Suite {
        Suite::new(move || async move {
            Ok(Box::new(Flawed { world: World::open(self.signed()).await?, defect: self }) as Box<dyn Vendor>)
        })
    }

    /// The channels of an account that shows it.
    pub(crate) fn channels(self) -> &'static [Channel] {
        if self.signed() { &[Channel::Sms, Channel::KeyPress] } else { &[Channel::Sms] }
    }

    fn signed(self) -> bool {
        !matches!(self, Self::LetsUnsignedReportsDecide | Self::LeavesCasesUndeclared)
    }
}

/// A vendor with a defect.
struct Flawed {
    world: World,
    defect: Defect,
}

impl Vendor for Flawed {
    fn provider(&self, wire: &Wire) -> Result<Arc<dyn Provider>> {
        Ok(Arc::new(Careless::new(self.world.config(wire), wire.client()?, self.defect)?))
    }

    fn asks(&self, channel: Channel) -> Vec<Ask> {
        let mut asks = self.world.asks(channel);
        if self.defect == Defect::HasNoAnswerForAStatus {
            asks.retain(|ask| ask.name != "order");
            let known = ANSWERS.iter().filter(|(status, ..)| *status != 409);
            let order = Ask::new("order", Step::Start, Method::POST, "/orders").orders();
            asks.push(
                known.fold(order, |ask, (status, body, kind)| ask.answers(*status, *body, Reading::Error(*kind))),
            );
        }
        asks
    }

    fn declared(&self, channel: Channel) -> Vec<Declared> {
        match self.defect {
            Defect::DeclaresACaseThatApplies => vec![Declared::new("right_answer", "it was a Friday afternoon")],
            Defect::DeclaresWithoutAReason => vec![Declared::new("right_answer", " ")],
            Defect::LeavesCasesUndeclared => Vec::new(),
            _ => self.world.declared(channel),
        }
    }

    fn url(&self) -> String {
        self.world.url()
    }

    fn phones(&self) -> [PhoneNumber; 2] {
        self.world.phones()
    }

    fn callbacks(&self, channel: Channel) -> Callbacks {
        self.world.callbacks(channel)
    }

    fn act<'a>(&'a self, order: &'a Order, started: &'a Started, will: Will) -> BoxFuture<'a, Result<Evidence>> {
        self.world.act(order, started, will)
    }

    fn forget<'a>(&'a self, handle: &'a Handle) -> BoxFuture<'a, bool> {
        self.world.forget(handle)
    }

    fn secrets(&self) -> Vec<Secret> {
        self.world.secrets()
    }
}

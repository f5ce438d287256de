//! What one case plays on: a fresh vendor, the provider, the wire between them.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use super::{
    Ask, Evidence, Step, Vendor, Will,
    case::{Failure, ensure},
    hearing::Book,
    wire::{Clients, Wire},
};
use crate::{
    callback::{Message, RawCallback},
    channel::Channel,
    clock::{Clock, SystemClock},
    error::Result as OurResult,
    ids::CheckId,
    provider::{Handle, Order, Polled, Provider, Report, ReturnTo, Returned, Settle, Started, Verdict},
    secret::{Code, Secret},
};

pub(super) type Open = Arc<dyn Fn() -> BoxFuture<'static, OurResult<Box<dyn Vendor>>> + Send + Sync>;

pub(super) struct Stage {
    open: Open,
    book: Book,
    clients: Clients,
    pub(super) channel: Channel,
    pub(super) vendor: Box<dyn Vendor>,
    pub(super) wire: Wire,
    pub(super) provider: Arc<dyn Provider>,
}

/// An order that the vendor has taken.
pub(super) struct Placed {
    pub(super) order: Order,
    pub(super) started: Started,
}

impl Stage {
    pub(super) async fn open(open: Open, channel: Channel, book: Book) -> Result<Self, Failure> {
        Self::with(open, channel, book, Clients::new()?, PATIENCE).await
    }

    /// Another one, with nothing left over from this one.
    pub(super) async fn again(&self) -> Result<Self, Failure> {
        self.hurried(PATIENCE).await
    }

    /// Another one, whose provider gives up so soon.
    pub(super) async fn hurried(&self, time_out: Duration) -> Result<Self, Failure> {
        Self::with(Arc::clone(&self.open), self.channel, self.book.clone(), self.clients.clone(), time_out).await
    }

    async fn with(
        open: Open,
        channel: Channel,
        book: Book,
        clients: Clients,
        time_out: Duration,
    ) -> Result<Self, Failure> {
        let vendor = open().await.map_err(|error| Failure::from(error).at("the vendor does not open"))?;
        let wire = Wire::open(vendor.url(), time_out, book.clone(), clients.clone()).await?;
        let provider = vendor.provider(&wire).map_err(|error| Failure::from(error).at("the provider does not open"))?;
        wire.listen_for(&provider);
        vendor.ready(&wire).await.map_err(|error| Failure::from(error).at("the vendor is not ready"))?;
        vendor.secrets().iter().for_each(|secret| book.secret(secret.expose()));
        book.show(&provider);
        Ok(Self { open, book, clients, channel, vendor, wire, provider })
    }

    pub(super) fn asks(&self) -> Vec<Ask> {
        self.vendor.asks(self.channel)
    }

    /// An order to the first of the vendor's phones.
    pub(super) fn order(&self) -> Result<Order, Failure> {
        let [phone, _] = self.vendor.phones();
        self.order_on(self.channel, phone)
    }

    /// An order to the other phone.
    pub(super) fn other_order(&self) -> Result<Order, Failure> {
        let [_, phone] = self.vendor.phones();
        self.order_on(self.channel, phone)
    }

    pub(super) fn order_on(&self, channel: Channel, phone: crate::phone::PhoneNumber) -> Result<Order, Failure> {
        let mut order = Order::new(CheckId::random()?, phone, channel, Code::random(6)?);
        let state = CheckId::random()?.to_string();
        order.email = Some(format!("{}@example.com", order.phone.digits()));
        order.callback_url = Some(self.wire.callback_url());
        order.return_to = Some(ReturnTo { url: self.wire.return_url(), state });
        self.vendor.complete(&mut order);
        self.book.show(&order);
        let number = order.phone.digits().to_string();
        // The digits that it has at home and abroad.
        self.book.secret(number.strip_prefix(&order.phone.country_code().to_string()).unwrap_or(&number));
        self.book.secret(order.code.expose());
        order.return_to.iter().for_each(|back| self.book.secret(&back.state));
        Ok(order)
    }

    /// Places an order, which the vendor takes.
    pub(super) async fn place(&self, order: Order) -> Result<Placed, Failure> {
        let started = self.start(&order).await.map_err(|error| Failure::from(error).at("the order is not taken"))?;
        Ok(Placed { order, started })
    }

    pub(super) async fn start(&self, order: &Order) -> OurResult<Started> {
        let started = self.watch(self.provider.start(order).await)?;
        // Some vendors know an order by the name that we gave it, which is no secret.
        if started.handle.as_str() != order.check_id.to_string() {
            self.book.secret(started.handle.as_str());
        }
        if let Settle::LocalCode(expected) = &started.settle {
            self.book.secret(expected.digits().expose());
        }
        Ok(started)
    }

    /// The person acts.
    pub(super) async fn act(&self, placed: &Placed, will: Will) -> Result<Evidence, Failure> {
        let act = self.vendor.act(&placed.order, &placed.started, will);
        let evidence = act.await.map_err(|error| Failure::from(error).at("the person cannot act"))?;
        if let Evidence::Typed(code) = &evidence {
            self.book.secret(code.expose());
        }
        Ok(evidence)
    }

    /// What the provider makes of what the person did.
    pub(super) async fn settle(&self, placed: &Placed, evidence: &Evidence) -> Result<OurResult<Verdict>, Failure> {
        let handle = &placed.started.handle;
        Ok(match (&placed.started.settle, evidence) {
            (Settle::LocalCode(expected), Evidence::Typed(code)) => {
                Ok(if expected.digits().expose() == code.expose() { Verdict::Match } else { Verdict::NoMatch })
            }
            (Settle::RemoteCode { .. }, Evidence::Typed(code)) => self.judge(handle, code).await,
            (Settle::Redirect, Evidence::Returned(returned)) => self.redirect(handle, returned).await,
            (Settle::Poll, Evidence::Acted) => self.polled(handle).await.map(|polled| polled.verdict),
            (Settle::Callback, Evidence::Acted) => {
                self.callback(self.posted().await?).await.map(|report| report.verdict)
            }
            (settle, evidence) => {
                return Err(Failure::new(format!("{settle:?} is not settled by {}", kind(evidence))));
            }
        })
    }

    /// Goes up to the step and takes it, with the wire as it is by then.
    pub(super) async fn take(&self, step: Step, spoil: impl FnOnce()) -> Result<OurResult<Verdict>, Failure> {
        let order = self.order()?;
        if step == Step::Start {
            spoil();
            return Ok(self.start(&order).await.map(|_| Verdict::Pending));
        }
        let placed = self.place(order).await?;
        let evidence = self.act(&placed, Will::Pass).await?;
        match step {
            Step::Poll => {
                spoil();
                Ok(self.polled(&placed.started.handle).await.map(|polled| polled.verdict))
            }
            Step::Callback => {
                let message = self.posted().await?;
                spoil();
                Ok(self.callback(message).await.map(|report| report.verdict))
            }
            _ => {
                spoil();
                self.settle(&placed, &evidence).await
            }
        }
    }

    pub(super) async fn judge(&self, handle: &Handle, code: &Code) -> OurResult<Verdict> {
        self.watch(self.provider.judge(handle, code).await)
    }

    pub(super) async fn redirect(&self, handle: &Handle, returned: &Returned) -> OurResult<Verdict> {
        self.watch(self.provider.redirect(handle, returned, SystemClock.now()).await)
    }

    /// Asks until the vendor knows.
    async fn polled(&self, handle: &Handle) -> OurResult<Polled> {
        loop {
            let polled = self.poll(handle).await?;
            if polled.verdict != Verdict::Pending || polled.delivery.is_some() {
                return Ok(polled);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    pub(super) async fn poll(&self, handle: &Handle) -> OurResult<Polled> {
        self.watch(self.provider.poll(handle).await)
    }

    pub(super) async fn callback(&self, message: Message) -> OurResult<Report> {
        self.callback_later(message, Duration::ZERO).await
    }

    /// A callback that comes so much later.
    pub(super) async fn callback_later(&self, message: Message, later: Duration) -> OurResult<Report> {
        self.watch(self.provider.callback(RawCallback::new(message), SystemClock.now() + later).await)
    }

    /// What the vendor posts next.
    pub(super) async fn posted(&self) -> Result<Message, Failure> {
        let posted = tokio::time::timeout(PATIENCE, self.wire.next_callback()).await;
        posted.ok().flatten().ok_or_else(|| Failure::new("the vendor posts nothing"))
    }

    /// Notes how a result prints, whatever it is.
    pub(super) fn watch<T: std::fmt::Debug>(&self, result: OurResult<T>) -> OurResult<T> {
        match &result {
            Ok(value) => self.book.show(value),
            Err(error) => self.book.show_error(error),
        }
        result
    }

    /// Notes how the provider prints by now. Fails when a request went out that no ask describes.
    pub(super) fn look_back(&self) -> Result<(), Failure> {
        self.book.show(&self.provider);
        let unknown = self.wire.unknown(&self.asks());
        ensure(unknown.is_none(), || format!("a request that no `Ask` describes: {unknown:?}"))
    }
}

/// A handle of the kind that the vendor gives, and of no order of its.
pub(super) fn stranger(handle: &Handle) -> Handle {
    let swap = |c: char| match c {
        '0'..='8' | 'a'..='y' | 'A'..='Y' => char::from_u32(u32::from(c) + 1).unwrap_or(c),
        other => other,
    };
    Handle::new(handle.as_str().chars().map(swap).collect::<String>())
}

/// What came instead of what was expected.
pub(super) fn describe(result: &OurResult<Verdict>) -> String {
    match result {
        Ok(verdict) => format!("the verdict {verdict:?}"),
        Err(error) => format!("an error of kind {:?} ({})", error.kind(), error),
    }
}

fn kind(evidence: &Evidence) -> &'static str {
    match evidence {
        Evidence::Typed(_) => "a typed code",
        Evidence::Returned(_) => "a device that comes back",
        Evidence::Acted => "what the vendor knows",
    }
}

/// What a device may bring that nobody gave it.
pub(super) fn made_up() -> Secret {
    Secret::new("nobody-gave-this-code")
}

/// Long enough for a loaded machine; nothing waits for it to pass unless something is broken.
const PATIENCE: Duration = Duration::from_secs(40);

const PAUSE: Duration = Duration::from_millis(20);

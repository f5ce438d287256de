//! A provider with every way of settling a check, whose messages can be read.

use std::{
    sync::{Arc, Mutex},
    time::SystemTime,
};

use futures_util::future::{BoxFuture, FutureExt, ready};
use handset::{
    Channel, Error, ErrorKind, Result,
    check::Expected,
    provider::{Handle, Order, Polled, Prompt, Provider, Returned, Settle, Started, Verdict},
};

/// Policy files know it as `kiosk`. Clones share what was sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Kiosk(Arc<Mutex<Vec<Order>>>);

impl Kiosk {
    pub(super) fn orders(&self) -> Vec<Order> {
        self.0.lock().unwrap().clone()
    }

    /// The last order.
    pub(super) fn last(&self) -> Order {
        self.orders().pop().unwrap()
    }

    /// The code of the last message.
    pub(super) fn code(&self) -> String {
        self.last().code.expose().to_owned()
    }

    /// What the browser of the last silent check comes back with.
    pub(super) fn query(&self) -> String {
        format!("code=of-the-operator&state={}", self.last().return_to.unwrap().state)
    }

    fn take(&self, order: &Order) -> Result<Started> {
        let started = |settle| Started::new(Handle::new(order.code.expose()), settle);
        if order.channel == Channel::Email && order.email.is_none() {
            return Err(Error::new(ErrorKind::Rejected, "there is no address"));
        }
        self.0.lock().unwrap().push(order.clone());
        Ok(match order.channel {
            Channel::SilentNetwork => {
                let url = "https://operator.example/authorize".to_owned();
                started(Settle::Redirect).with_prompt(Prompt::OpenUrl { url, mobile_data: true })
            }
            Channel::KeyPress => started(Settle::Poll).with_prompt(Prompt::PressKeys { digits: "1".to_owned() }),
            _ => started(Settle::LocalCode(Expected::code(order.code.clone()))),
        })
    }
}

impl Provider for Kiosk {
    fn name(&self) -> &'static str {
        "kiosk"
    }

    fn channels(&self) -> &[Channel] {
        &[Channel::Sms, Channel::VoiceCode, Channel::Email, Channel::KeyPress, Channel::SilentNetwork]
    }

    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Started>> {
        ready(self.take(order)).boxed()
    }

    /// The key is pressed at once.
    fn poll<'a>(&'a self, _: &'a Handle) -> BoxFuture<'a, Result<Polled>> {
        ready(Ok(Polled::verdict(Verdict::Match))).boxed()
    }

    /// Every device that comes back is the right one.
    fn redirect<'a>(&'a self, _: &'a Handle, _: &'a Returned, _: SystemTime) -> BoxFuture<'a, Result<Verdict>> {
        ready(Ok(Verdict::Match)).boxed()
    }
}

//! A layer that says where each request comes from.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use http::{Extensions, HeaderMap, Request, header::FORWARDED};
use tower::{Layer, Service};

use crate::{client_ip::ClientIp, verifier::Caller};

/// Puts the client's address as a [`Caller`] into the extensions of each request, where [`Endpoints`](crate::Endpoints) and
/// [`StepUpLayer`](crate::StepUpLayer) look for it. Put it outside of both.
///
/// ```
/// use std::net::SocketAddr;
/// use handset::{ClientIp, layer::ClientIpLayer};
///
/// // Behind one proxy of your own that appends to `X-Forwarded-For`.
/// let layer = ClientIpLayer::new(ClientIp::x_forwarded_for(1));
/// // The peer of the connection, where a stack keeps it elsewhere than as a `SocketAddr` among the extensions:
/// let layer = layer.peer(|extensions| extensions.get::<axum::extract::ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip()));
/// # let _ = layer;
/// ```
#[derive(Clone)]
pub struct ClientIpLayer {
    source: ClientIp,
    peer: Arc<dyn Fn(&Extensions) -> Caller + Send + Sync>,
    has_warned: Arc<AtomicBool>,
}

impl ClientIpLayer {
    /// Finds addresses in this way. The peer of the connection is the [`SocketAddr`] among the extensions of the request.
    #[must_use]
    pub fn new(source: ClientIp) -> Self {
        let unknown = Self { source, peer: Arc::new(|_| Caller::default()), has_warned: Arc::default() };
        unknown.peer(|extensions| extensions.get::<SocketAddr>().map(SocketAddr::ip))
    }

    /// Finds the peer of the connection in another way.
    #[must_use]
    pub fn peer(mut self, peer: impl Fn(&Extensions) -> Option<IpAddr> + Send + Sync + 'static) -> Self {
        self.peer = Arc::new(move |extensions| peer(extensions).map_or_else(Caller::default, Caller::at));
        self
    }

    fn find(&self, headers: &HeaderMap, extensions: &Extensions) -> Option<IpAddr> {
        let peer = (self.peer)(extensions).ip;
        let is_forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key(FORWARDED);
        if self.source.is_peer()
            && is_forwarded
            && peer.is_some_and(is_private)
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                "requests come forwarded from a private address, and no proxy is trusted: all clients count as one address; \
                 say how many proxies of your own there are"
            );
        }
        self.source.find(headers, peer)
    }
}

impl<S> Layer<S> for ClientIpLayer {
    type Service = WithClientIp<S>;

    fn layer(&self, inner: S) -> WithClientIp<S> {
        WithClientIp { inner, layer: self.clone() }
    }
}

impl fmt::Debug for ClientIpLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIpLayer").field("source", &self.source).finish_non_exhaustive()
    }
}

/// A service behind a [`ClientIpLayer`].
#[derive(Clone, Debug)]
pub struct WithClientIp<S> {
    inner: S,
    layer: ClientIpLayer,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for WithClientIp<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        if let Some(ip) = self.layer.find(request.headers(), request.extensions()) {
            request.extensions_mut().insert(Caller::at(ip));
        }
        self.inner.call(request)
    }
}

/// Whether an address is one of an inner network: that of a proxy, and of no client from outside.
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::future::FutureExt;
    use tower::service_fn;

    use super::*;

    fn caller(layer: &ClientIpLayer, peer: Option<&str>, forwarded_for: &str) -> Option<IpAddr> {
        let mut request = Request::new(());
        request.headers_mut().insert("x-forwarded-for", forwarded_for.parse().unwrap());
        if let Some(peer) = peer {
            request.extensions_mut().insert::<SocketAddr>(peer.parse().unwrap());
        }
        let seen = service_fn(async |request: Request<()>| {
            Ok::<_, Infallible>(request.extensions().get::<Caller>().and_then(|caller| caller.ip))
        });
        layer.layer(seen).call(request).now_or_never().unwrap().unwrap()
    }

    #[test]
    fn b5_the_caller_is_the_peer_unless_a_proxy_is_trusted() {
        let (peer, client) = (Some("10.0.0.1:4711"), "203.0.113.7".parse().ok());
        let (direct, proxied) = (ClientIp::peer(), ClientIp::x_forwarded_for(1));
        assert_eq!(caller(&ClientIpLayer::new(direct), peer, "203.0.113.7"), "10.0.0.1".parse().ok());
        assert_eq!(caller(&ClientIpLayer::new(direct), None, "203.0.113.7"), None);
        assert_eq!(caller(&ClientIpLayer::new(proxied), peer, "6.6.6.6, 203.0.113.7"), client);
        assert_eq!(caller(&ClientIpLayer::new(proxied).peer(|_| None), peer, "203.0.113.7"), client);
    }
}

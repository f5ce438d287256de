//! Reading what strangers send: bounded in size and in time.

use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;
use tower::BoxError;

/// Reads a body of at most `longest` bytes, which are all here within `time_out`.
pub(crate) async fn read<B>(body: B, longest: usize, time_out: Duration) -> Result<Bytes, Unread>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    match timeout(time_out, Limited::new(body, longest).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Ok(Err(_)) => Err(Unread::BrokenOff),
        Err(_) => Err(Unread::TooSlow),
    }
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    TooLarge,
    TooSlow,
    BrokenOff,
}

/// Enough for some KiB over a bad network.
pub(crate) const TIME_OUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::io;

    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};
    use tokio::time::sleep;

    use super::*;

    /// One byte each millisecond; after so many the body ends, or breaks off.
    fn trickle(bytes: u32, breaks: bool) -> impl Body<Data = Bytes, Error = io::Error> {
        StreamBody::new(Box::pin(stream::unfold(0, move |sent| async move {
            sleep(Duration::from_millis(1)).await;
            match sent < bytes {
                true => Some((Ok(Frame::data(Bytes::from_static(b"x"))), sent + 1)),
                false => breaks.then(|| (Err(io::ErrorKind::ConnectionReset.into()), sent)),
            }
        })))
    }

    #[tokio::test]
    async fn e6_a_body_is_here_in_time_and_small_enough_or_refused() {
        assert_eq!(read(trickle(8, false), 8, TIME_OUT).await.unwrap(), "xxxxxxxx");
        assert_eq!(read(trickle(9, false), 8, TIME_OUT).await, Err(Unread::TooLarge));
        assert_eq!(read(trickle(8, true), 8, TIME_OUT).await, Err(Unread::BrokenOff));
        // However steadily it comes.
        let endless = trickle(u32::MAX, false);
        assert_eq!(read(endless, usize::MAX, Duration::from_millis(50)).await, Err(Unread::TooSlow));
        // What is here does not wait for the clock.
        assert_eq!(read(Full::new(Bytes::from_static(b"x")), 1, Duration::ZERO).await.unwrap(), "x");
    }
}

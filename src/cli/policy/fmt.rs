//! `handset policy fmt`: policies in canonical form.
use super::{Exit, Format};
use std::io::Write;
/// x
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}
pub(crate) fn run(_: &Args, _: Format, _: &mut dyn Write, _: &mut dyn Write) -> Exit {
    Exit::Fine
}

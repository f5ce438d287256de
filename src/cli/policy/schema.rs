//! `handset policy schema`: the form of policy files, for editors.

use std::io::Write;

use super::{Exit, said};
use crate::{policy, provider::registry};

/// Print a JSON Schema of policy files, for editors
///
/// It says which keys, facts, operators and routes there are. What only the whole file can tell is said by `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args, out: &mut dyn Write) -> Exit {
    let schema = policy::schema(&registry::catalogue());
    let written = serde_json::to_writer_pretty(&mut *out, &schema).map_err(Into::into).and_then(|()| writeln!(out));
    said(written, Exit::Fine)
}

const AFTER_HELP: &str = "\
Save it, and name it in the first line of a policy; Even Better TOML, Taplo and Tombi read that line:
  handset policy schema > policy.schema.json
  #:schema ./policy.schema.json";

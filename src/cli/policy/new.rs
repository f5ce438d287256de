//! `handset policy new`: a policy to start from.

use std::{
    fs::File,
    io::{self, Write},
    path::PathBuf,
};

use clap::ValueEnum;

use super::{Exit, Format, said};

/// Write a policy to start from
///
/// It is commented, loads as it is, and has test cases that reach every rule.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Where to; a file that is there already stays as it is. Without it, to standard output
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// What for
    #[arg(long, value_enum, default_value_t, value_name = "USE")]
    r#for: Use,
}

/// What a policy is for.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Use {
    /// A short one with every section
    #[default]
    Starter,
    /// Signing in with the phone as second factor: NIST SP 800-63B-4
    SignIn,
    /// Paying online with dynamic linking: PSD2
    Checkout,
    /// Getting back into an account: OWASP ASVS 5.0, level 2
    Recovery,
}

impl Use {
    fn text(self) -> &'static str {
        match self {
            Self::Starter => include_str!("../../../examples/policy.toml"),
            Self::SignIn => include_str!("../../../examples/policies/sign-in.toml"),
            Self::Checkout => include_str!("../../../examples/policies/checkout-psd2.toml"),
            Self::Recovery => include_str!("../../../examples/policies/account-recovery.toml"),
        }
    }
}

pub(crate) fn run(args: &Args, format: Format, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let text = args.r#for.text();
    let Some(path) = &args.file else {
        let written = match format {
            Format::Human | Format::Plain => out.write_all(text.as_bytes()),
            Format::Json => writeln!(out, "{}", serde_json::json!({ "policy": text })),
        };
        return said(written, Exit::Fine);
    };
    // Made only where nothing is: between a look and a write, another program could make it.
    let written = File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => {
            let path = path.display();
            said(writeln!(err, "wrote {path}; go on with: handset policy check {path}"), Exit::Fine)
        }
        Err(error) => {
            let advice = match error.kind() {
                io::ErrorKind::AlreadyExists => "is there already; give another name, or remove it".to_owned(),
                _ => format!("cannot be written: {error}"),
            };
            said(writeln!(err, "error: `{}` {advice}", path.display()), Exit::Unusable)
        }
    }
}

const AFTER_HELP: &str = "\
Examples:
  handset policy new policy.toml
  handset policy new --for sign-in policy.toml
  handset policy new | less";

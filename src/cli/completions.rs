//! `handset completions`: what a shell needs to complete a half-typed command.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, Exit, fail};
use crate::error::{Error, ErrorKind};

/// Print a script that lets a shell complete half-typed commands
#[derive(Debug, clap::Args)]
#[command(after_help = "For bash: source <(handset completions bash)")]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    // Into memory first: the generator panics when its reader is gone.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "handset", &mut script);
    match out.write_all(&script).and_then(|()| out.flush()) {
        Ok(()) => Exit::Fine,
        Err(source) => {
            let error = Error::new(ErrorKind::Unavailable, "the script cannot be written").with_source(source);
            fail(Exit::Unusable, &error, err)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_gets_a_script_that_knows_the_verbs() {
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            assert_eq!(run(&Args { shell: *shell }, &mut script, &mut Vec::new()), Exit::Fine);
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("sandbox") && script.contains("danger-listen-publicly"), "{shell}");
        }
    }
}

//! `wristcast completions`: what a shell needs to complete our command lines.

use std::io::Write;

use clap::CommandFactory;

use crate::exit::Failure;

/// Print the completions of a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast completions bash > ~/.local/share/bash-completion/completions/wristcast
  wristcast completions zsh  > ~/.zfunc/_wristcast
  wristcast completions fish > ~/.config/fish/completions/wristcast.fish")]
pub(crate) struct Args {
    /// The shell.
    shell: clap_complete::Shell,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    // Generated in memory: clap_complete panics when its writer fails, a closed pipe for instance.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::Cli::command(), "wristcast", &mut script);
    Ok(out.write_all(&script)?)
}

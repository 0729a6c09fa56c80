//! Measurements of whole processes. `cargo run --release -p wristcast-benches -- compare`

#![forbid(unsafe_code)]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    use clap::Parser;
    use wristcast_benches::compare::{Compare, Load, Role, Scale};

    #[derive(Debug, Parser)]
    enum Cli {
        /// wristcast, the kernel's limit and other receivers under the same load.
        Compare(Compare),
        /// What wristcast costs as universes, groups, sources and radios grow in number.
        Scale(Scale),
        /// One receiver, until standard input ends.
        #[command(hide = true)]
        Receive(Role),
        /// One load.
        Load(Load),
    }

    let result = match Cli::parse() {
        Cli::Compare(compare) => compare.run(),
        Cli::Scale(scale) => scale.run(),
        Cli::Receive(role) => role.play(),
        Cli::Load(load) => load.send().and_then(|sent| {
            println!("{}", serde_json::to_string(&sent)?);
            Ok(())
        }),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!(
        "error: the comparison counts with what only Linux tells: /proc, recvmmsg, namespaces"
    );
    ExitCode::FAILURE
}

//! The `wristcast` command; everything is in the library.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    wristcast::main()
}

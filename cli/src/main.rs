//! The `wristcast` command; everything is in the library.

fn main() -> std::process::ExitCode {
    wristcast::main()
}

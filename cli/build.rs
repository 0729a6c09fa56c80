//! On macOS: puts `macos/Info.plist` into the binary, which is no app and has no other place for it.

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=macos/Info.plist");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("macos") {
        return;
    }
    let folder = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let list = folder.join("macos/Info.plist");
    println!("cargo:rustc-link-arg-bins=-Wl,-sectcreate,__TEXT,__info_plist,{}", list.display());
}

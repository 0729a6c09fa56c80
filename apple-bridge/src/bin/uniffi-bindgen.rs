//! Writes the Swift side of the boundary: `apple-bridge/scripts/bindings.sh` calls it.

fn main() {
    uniffi::uniffi_bindgen_main();
}

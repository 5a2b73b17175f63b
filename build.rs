//! Build script of the binding crate: the linker arguments that a Node.js addon needs.

fn main() {
    napi_build::setup();
}

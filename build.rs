//! Build script of the binding crate: the linker arguments that a Node.js addon needs.

fn main() {
    napi_build::setup();
    // The writer's thread may still run when Node.js closes the library of an ended worker.
    println!("cargo::rustc-link-arg-cdylib=-Wl,-z,nodelete");
}

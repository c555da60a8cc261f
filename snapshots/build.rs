//! Does nothing but exist: with a build script, cargo looks at every file of the package, so that a new
//! snapshot is embedded without a change to the code.

fn main() {}

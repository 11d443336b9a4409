//! Generates the C header, and tells the linker that the library is never unloaded.
//!
//! The header is written to `OUT_DIR`, and to `include/` unless `GCA_HEADER=check` is set (then a test compares the
//! two). `include/` is left alone if nothing changed, and where it cannot be written, as in a packaged source.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What the header shows, in its order.
const SOURCES: [&str; 4] = [
    "src/ffi/abi.rs",
    "src/ffi/api.rs",
    "src/ffi/adapter.rs",
    "src/ffi/event.rs",
];
const TOP: &str = "src/ffi/header.h";
const NAME: &str = "genesys_cloud_adapter.h";

fn main() -> Result<(), Box<dyn Error>> {
    for file in SOURCES.into_iter().chain([TOP, "cbindgen.toml"]) {
        println!("cargo:rerun-if-changed={file}");
    }
    println!("cargo:rerun-if-changed=include/{NAME}");
    println!("cargo:rerun-if-env-changed=GCA_HEADER");

    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let header = header(&root)?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join(NAME), &header)?;
    let committed = root.join("include").join(NAME);
    let check_only = env::var("GCA_HEADER").is_ok_and(|what| what == "check");
    if !check_only
        && fs::read_to_string(&committed).ok().as_deref() != Some(&header)
        && let Err(error) =
            fs::create_dir_all(root.join("include")).and_then(|()| fs::write(&committed, &header))
    {
        println!("cargo:warning=include/{NAME} was not updated: {error}");
    }

    if env::var("CARGO_CFG_TARGET_OS")? == "linux" {
        // A thread of the host that once called in runs code of this library when it ends, also after dlclose.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    Ok(())
}

fn header(root: &Path) -> Result<String, Box<dyn Error>> {
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml"))?;
    let part = |name: &str| env::var(format!("CARGO_PKG_VERSION_{name}"));
    config.header = Some(
        fs::read_to_string(root.join(TOP))?
            .replace("@VERSION@", &env::var("CARGO_PKG_VERSION")?)
            .replace("@MAJOR@", &part("MAJOR")?)
            .replace("@MINOR@", &part("MINOR")?)
            .replace("@PATCH@", &part("PATCH")?),
    );
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in SOURCES {
        builder = builder.with_src(root.join(source));
    }
    let mut text = Vec::new();
    builder.generate()?.write(&mut text);
    Ok(String::from_utf8(text)?)
}
